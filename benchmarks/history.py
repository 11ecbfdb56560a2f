"""State folders with a long past: so many files of thirty days each, the same number of calls on every day."""

import os
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from benchmarks.litellm_rows import Calls, write_calls
from benchmarks.measure import run_part

__all__ = ["END", "FILE_DAYS", "History", "build", "clone"]

END = date(2026, 11, 1)
"""The day after the newest day of every history."""
FILE_DAYS = 30


@dataclass(frozen=True, slots=True)
class History:
    """How long a past is.

    Attributes:
        files: how many files it came in; the newest ends where every history ends.
        file_rows: calls in each of them.
    """

    files: int
    file_rows: int

    @property
    def rows(self) -> int:
        """Calls in all."""
        return self.files * self.file_rows

    @property
    def days(self) -> int:
        """Days in all."""
        return self.files * FILE_DAYS

    def file(self, age: int) -> Calls:
        """Return the calls of a file; the newest has age 0."""
        since = END - timedelta(days=FILE_DAYS * (age + 1))
        return Calls(self.file_rows, since, FILE_DAYS, first=age * self.file_rows)


def build(history: History, folder: Path, module: str) -> Path:
    """Return a state folder that went this way, file by file; one that is there from an earlier run is used again.

    `module` runs the parts `collect` and `settle`.
    """
    home = folder / f"history-{history.files}-files-of-{history.file_rows}"
    done = home.with_suffix(".done")
    if not done.exists():
        shutil.rmtree(home, ignore_errors=True)
        for age in reversed(range(history.files)):
            path = folder / f"calls-{age}.jsonl"
            write_calls(path, history.file(age))
            run_part(module, "collect", "--home", str(home), "--file", str(path))
            path.unlink()
        run_part(module, "settle", "--home", str(home))
        done.touch()
    return home


def clone(home: Path, to: Path) -> None:
    """Copy a state folder. Parquet files are linked: nobody changes one that is listed."""

    def copy(source: str, target: str) -> str:
        if source.endswith(".parquet"):
            os.link(source, target)
            return target
        return shutil.copy2(source, target)

    shutil.copytree(home, to, symlinks=True, copy_function=copy)
