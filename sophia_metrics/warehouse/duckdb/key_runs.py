"""Key runs: the keys of every audited day file, in sorted files that are looked into and never read as a whole.

A run is an immutable file of ascending keys, mapped into memory: a binary search touches a few pages of it. So what it
takes to find the keys of a batch depends on the batch, however long the history is. Small runs become one, as the files
of a day do. A key stays when its event leaves the day: it says where to look, and the day files say what is there.

Runs hold nothing that the day files do not: where one is lost, all are made again.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs] - it has none

from sophia_metrics.durable import place_file, sync_folder
from sophia_metrics.warehouse.duckdb.changes import absorbed
from sophia_metrics.warehouse.duckdb.keys import DAYS
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["KeyRun", "KeyRunStore", "RunChange", "SweptError", "change_runs", "forget_runs", "runs_of"]

FOLDER = "key_runs"
FULL_KEYS = 4_000_000
"""A run of more keys is never written anew: memory does not depend on the history."""


class SweptError(Exception):
    """The file of a run is gone since the run was listed: other audits have written its keys elsewhere."""


@dataclass(frozen=True, slots=True, order=True)
class KeyRun:
    """One immutable Arrow file with one column of ascending keys. Its path is relative to the state folder."""

    path: str
    key_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RunChange:
    """A change of the list of runs: one that was written, and those whose keys it holds besides its own."""

    added: KeyRun | None = None
    removed: tuple[KeyRun, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRunStore:
    """The key runs of a state folder."""

    folder: Path

    def is_whole(self, run: KeyRun) -> bool:
        """Say whether the file of a run is there, and as long as it was."""
        path = self.folder / run.path
        return path.exists() and path.stat().st_size == run.size_bytes

    def keys_of_same_events(self, keys: pl.Series, runs: Sequence[KeyRun]) -> pl.Series:
        """Return every key in some runs whose event has one among the keys given, which are ascending.

        A key is there as often as its event has one.
        """
        firsts = keys // DAYS * DAYS
        return pl.concat([keys.clear(), *(_look_up(self._mapped(run), firsts) for run in runs)])

    def write(self, keys: pl.Series, runs: Sequence[KeyRun]) -> RunChange:
        """Write ascending keys that no run has, together with those of runs that are absorbed; nobody sees it yet."""
        if keys.is_empty():
            return RunChange()
        small = [run for run in runs if run.key_count <= FULL_KEYS]
        taken = tuple(small[place] for place in absorbed([run.key_count for run in small], len(keys)))
        together = pl.concat([keys, *map(self._mapped, taken)]).sort()
        path = f"{FOLDER}/{uuid4().hex}.arrow"
        sizes: list[int] = []  # read before the file has its name: from then on another audit may sweep it

        def write(temporary: Path) -> None:
            together.to_frame().write_ipc(temporary, record_batch_size=len(together))
            sizes.append(temporary.stat().st_size)

        place_file(self.folder / path, write)
        sync_folder(self.folder / FOLDER)
        return RunChange(KeyRun(path, len(together), sizes[0]), taken)

    def sweep(self, listed: Sequence[KeyRun], added: KeyRun) -> None:
        """Remove the files of runs that were not listed even before one was added; call it under the lock.

        Nobody needs them: an audit that is just writing one has not looked into the run that was added, and its change
        is refused.
        """
        kept = {self.folder / run.path for run in (*listed, added)}
        for path in (self.folder / FOLDER).glob("*.arrow"):
            if path not in kept:
                path.unlink()

    def _mapped(self, run: KeyRun) -> pl.Series:
        arrow: Any = pa
        try:
            content = arrow.ipc.open_file(arrow.memory_map(str(self.folder / run.path))).read_all()
        except FileNotFoundError as error:
            raise SweptError from error
        return pl.DataFrame(content)["key"]


def runs_of(connection: StateConnection) -> tuple[KeyRun, ...]:
    """Return the runs that are listed, in order."""
    rows = connection.execute("SELECT path, key_count, size_bytes FROM key_runs ORDER BY path").fetchall()
    return tuple(KeyRun(*row) for row in rows)


def change_runs(connection: StateConnection, change: RunChange) -> None:
    """List a run in the place of those that it absorbed."""
    if change.added is not None:
        connection.execute("DELETE FROM key_runs WHERE list_contains($1, path)", [[run.path for run in change.removed]])
        connection.execute("INSERT INTO key_runs VALUES ($1, $2, $3)", astuple(change.added))


def forget_runs(connection: StateConnection) -> None:
    """Take every run off the list."""
    connection.execute("DELETE FROM key_runs")


def _look_up(run: pl.Series, firsts: pl.Series) -> pl.Series:
    """Return the keys of a run whose events begin with one of these ascending first keys."""
    starts = run.search_sorted(firsts, side="left")
    is_there = run.gather(starts.clip(upper_bound=len(run) - 1)) // DAYS * DAYS == firsts
    events = firsts.filter(is_there)
    if events.is_empty():
        return run.clear()
    ends = run.search_sorted(events + (DAYS - 1), side="right")
    places = pl.select(pl.int_ranges(starts.filter(is_there), ends).explode()).to_series()
    return run.gather(places)
