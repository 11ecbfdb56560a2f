"""The switch: files first, then one short transaction that makes them the day.

Nobody waits while files are written. The transaction checks that the days that were read are still made
of the same files; where another writer was faster, everything is computed again onto what is there now.
Without that check two writers lose rows. The third try happens under the lock.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import duckdb

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.warehouse.duckdb.damage import refuse_wrong_days, waiting_day
from sophia_metrics.warehouse.duckdb.horizons import refuse_expired
from sophia_metrics.warehouse.duckdb.manifest import (
    DayFile,
    Switch,
    TableDay,
    add_files,
    date_unlisted,
    remove_files,
)
from sophia_metrics.warehouse.duckdb.state import StateFile

__all__ = ["refuse_swept", "switch_optimistically"]

OPTIMISTIC_TRIES = 2
Answer = TypeVar("Answer")


def switch_optimistically(
    state: StateFile,
    *,
    find: Callable[[duckdb.DuckDBPyConnection], tuple[DayFile, ...]],
    write: Callable[[tuple[DayFile, ...], str], Switch],
    finish: Callable[[duckdb.DuckDBPyConnection, Switch], Answer],
    settled: Callable[[duckdb.DuckDBPyConnection], Answer | None] = lambda _: None,
    is_mending: bool = False,
) -> Answer:
    """Compute a switch from the files that there are, and make it where they are still the same.

    Args:
        state: the state file.
        find: the files that the computation depends on, in order.
        write: writes files that nobody sees yet, from those found; the text makes their names unlike any other's,
            because a file that was listed once is never written again.
        finish: whatever else becomes visible in the same transaction; its value is the answer.
        settled: the answer where somebody else has done the same work; None: nobody has.
        is_mending: the days may be damaged: they are made whole.

    Raises:
        SuspectError: the manifest does not say what was noted of a day.
        ServiceUnavailableError: the files were written so long ago that they were taken for garbage, a retention has
            dropped their days meanwhile, or a day waits to be made again from landing.
    """
    for _ in range(OPTIMISTIC_TRIES):
        with state.transaction() as locked:
            found = find(locked)
        switch = write(found, uuid4().hex)
        with state.transaction() as locked:
            if (answer := settled(locked)) is not None:
                return answer
            if find(locked) == found:
                return _switch(state, locked, switch, finish, is_mending=is_mending)
    with state.transaction() as locked:
        if (answer := settled(locked)) is not None:
            return answer
        return _switch(state, locked, write(find(locked), uuid4().hex), finish, is_mending=is_mending)


def refuse_swept(folder: Path, files: Iterable[DayFile]) -> None:
    """Refuse to list files that are gone; call it under the lock, under which garbage is removed.

    Raises:
        ServiceUnavailableError: a file was written more than an hour ago, and swept away since.
    """
    if missing := next((file.path for file in files if not (folder / file.path).exists()), None):
        raise ServiceUnavailableError(
            f"{missing} was written for this commit and is gone: it took so long that the file was taken for garbage. "
            "Nothing was changed; run it again"
        )


def _switch(
    state: StateFile,
    locked: duckdb.DuckDBPyConnection,
    switch: Switch,
    finish: Callable[[duckdb.DuckDBPyConnection, Switch], Answer],
    *,
    is_mending: bool,
) -> Answer:
    refuse_expired(locked, switch.added)
    refuse_swept(state.folder, switch.added)
    if not is_mending:
        _refuse_damaged_days(locked, {file.table_day for file in (*switch.added, *switch.removed)})
    remove_files(locked, switch.removed)
    date_unlisted(state.folder, (file.path for file in switch.removed))
    add_files(locked, switch.added)
    return finish(locked, switch)


def _refuse_damaged_days(locked: duckdb.DuckDBPyConnection, days: Collection[TableDay]) -> None:
    refuse_wrong_days(locked, days)
    waiting = waiting_day(locked, days)
    if waiting is not None:
        name, day = waiting
        raise ServiceUnavailableError(
            f"{name} of {day} is damaged, and the next collection makes it anew from landing first: "
            "nothing was changed, run it again"
        )
