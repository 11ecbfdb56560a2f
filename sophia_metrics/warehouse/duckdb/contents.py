"""What is in a state folder, and which rule explains each file.

A file is told by its name alone: what has no name that this program gives is an orphan, whoever put it there.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sophia_metrics import schema
from sophia_metrics.schema.column import Storage
from sophia_metrics.serving import HELD_NAME
from sophia_metrics.warehouse.duckdb.day_files import EMPTY_DAY

__all__ = ["Found", "StateFolder", "look_through", "modified_at"]

TEMPORARY = re.compile(r"^\..+\.[0-9a-f]{32}\.tmp(\.wal)?$")
"""What `durable` calls a file that is not finished, and what DuckDB puts beside one."""

DAY_FILE = re.compile(r"^([0-9a-f]{32}|[a-z]+)-[0-9a-f]{32}(-\d+)?\.parquet$")
"""What a commit, a build, or any other change of core calls its day files."""

LANDED_FILE = re.compile(r"^[0-9a-f]{32}\.parquet$")
KEY_RUN = re.compile(r"^[0-9a-f]{32}\.arrow$")
VERSION = re.compile(r"^v\d+\.duckdb$")
SERVED = frozenset({"current.duckdb", HELD_NAME})
DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")

NOT_OURS = frozenset({"prefect", "tmp", "quality", "sample"})
"""Folders in which others write as they like; spill folders have locks of their own."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file: its path from the state folder, its bytes, and when it was written or last listed (naive UTC)."""

    path: str
    size_bytes: int
    modified_at: datetime


@dataclass(slots=True)
class StateFolder:
    """What was found in a state folder."""

    day_files: list[Found] = field(default_factory=list[Found])
    temporary: list[Found] = field(default_factory=list[Found])
    key_runs: list[Found] = field(default_factory=list[Found])
    orphans: list[str] = field(default_factory=list[str])


def look_through(folder: Path) -> StateFolder:
    """Look through a state folder; a file that goes meanwhile was not there."""
    there = StateFolder()
    days = {table.folder: str(table.day) for table in schema.stored(Storage.DAY_FILES)}
    for path in _files(folder):
        try:
            status = (folder / path).lstat()
        except FileNotFoundError:
            continue
        _sort(there, days, Found(path, status.st_size, modified_at(status)))
    there.orphans.sort()
    return there


def modified_at(status: os.stat_result) -> datetime:
    """Return when a file was written, or dated anew (naive UTC)."""
    return datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None)


def _sort(there: StateFolder, days: Mapping[str, str], found: Found) -> None:
    folder, _, name = found.path.rpartition("/")
    top = found.path.partition("/")[0]
    if TEMPORARY.match(name):
        there.temporary.append(found)
    elif top in {"core", "marts"}:
        table, _, day = folder.rpartition("/")
        if not _is_day(days.get(table), day):
            there.orphans.append(found.path)
        elif DAY_FILE.match(name):
            there.day_files.append(found)
        elif not (day.endswith(EMPTY_DAY) and name == "empty.parquet"):
            there.orphans.append(found.path)
    elif top == "key_runs" and KEY_RUN.match(name):
        there.key_runs.append(found)
    elif _is_foreign(top, folder, name):
        there.orphans.append(found.path)


def _is_day(column: str | None, folder: str) -> bool:
    name, _, day = folder.partition("=")
    return column is not None and name == column and DAY.match(day) is not None


def _is_foreign(top: str, folder: str, name: str) -> bool:
    if top == "landing":
        return folder.count("/") != 1 or not LANDED_FILE.match(name)
    return top == "serving" and (folder != top or not (VERSION.match(name) or name in SERVED))


def _files(folder: Path) -> Iterator[str]:
    """Yield the files of a folder and those below it, by their paths from there."""
    for parent, folders, names in os.walk(folder):
        if Path(parent) == folder:
            folders[:] = [each for each in folders if each not in NOT_OURS]
        below = Path(parent).relative_to(folder)
        yield from ((below / name).as_posix() for name in names)
