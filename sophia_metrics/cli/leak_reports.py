"""Keeping the terminal of a long command readable: every run that ends with DuckDB and Prefect loaded reports leaks.

The reports come from DuckDB's Python binding when a process ends, say nothing about the run, and cannot be
switched off there.
"""

import os
import sys
from threading import Thread
from types import TracebackType
from typing import Self

__all__ = ["WithoutLeakReports", "close_stderr"]

STDERR = 2
REPORTS = (b"nanobind: ", b" - leaked ", b" - ... skipped", b"See https://nanobind.")


class WithoutLeakReports:
    """While it is entered, standard error of this process and of those that it starts lacks these reports."""

    def __init__(self) -> None:
        self._terminal = -1
        self._source = -1
        self._thread = Thread(target=self._pass_on, name="sophia-stderr", daemon=True)

    def __enter__(self) -> Self:
        self._source, target = os.pipe()
        self._terminal = os.dup(STDERR)
        os.dup2(target, STDERR)
        os.close(target)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.dup2(self._terminal, STDERR)
        self._thread.join(1)

    def _pass_on(self) -> None:
        with os.fdopen(self._source, "rb") as lines:
            for line in lines:
                if not line.startswith(REPORTS):
                    os.write(self._terminal, line)


def close_stderr() -> None:
    """Close standard error for good, as the last thing that Python does.

    Threads of Prefect live until then, and DuckDB's binding prints pages about what they still hold.
    """
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDERR)
