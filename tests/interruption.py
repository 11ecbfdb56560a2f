"""Interrupts the running test at its Nth durable act, and at every one after it, as if the process had ended there.

A durable act is an fsync, a rename or a COMMIT. They are wrapped, since nothing else knows when one is about to be
made; real kills of real processes are in tests/chaos. Code that cleans up still runs, as it does when a run is
cancelled.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from sophia_metrics.warehouse.duckdb import state
from tests.chaos.faults import CountedConnection, counting

__all__ = ["Interrupted", "interrupted_at"]


class Interrupted(BaseException):
    """The run was interrupted here."""


class _Acts:
    def __init__(self, due: int) -> None:
        self.due = due
        self.made = 0

    def one_more(self) -> None:
        self.made += 1
        if self.made >= self.due:
            raise Interrupted

    def commit(self, _is_after: int) -> None:
        self.one_more()

    def before(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.one_more()
            return act(*args, **kwargs)

        return counted


@contextmanager
def interrupted_at(due: int) -> Generator[None]:
    """Raise Interrupted at the durable act with this number, and at those after it; nothing where there are fewer."""
    acts = _Acts(due)
    connect = duckdb.connect
    with (
        patch.object(os, "fsync", acts.before(os.fsync)),
        patch.object(Path, "replace", acts.before(Path.replace)),
        patch.object(
            duckdb, "connect", lambda *args, **kwargs: CountedConnection(connect(*args, **kwargs), acts.commit)
        ),
        patch.object(state, "attached", counting(state.attached, acts.commit)),
    ):
        yield
