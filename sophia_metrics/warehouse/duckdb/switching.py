"""The switch: files first, then one short transaction that makes them the day.

Nobody waits while files are written. The transaction checks that the days that were read are still made
of the same files; where another writer was faster, everything is computed again onto what is there now.
Without that check two writers lose rows. The third try happens under the lock.
"""

from collections.abc import Callable
from typing import TypeVar

import duckdb

from sophia_metrics.warehouse.duckdb.manifest import DayFile, Switch, add_files, remove_files
from sophia_metrics.warehouse.duckdb.state import StateFile

__all__ = ["switch_optimistically"]

OPTIMISTIC_TRIES = 2
Answer = TypeVar("Answer")


def switch_optimistically(
    state: StateFile,
    *,
    find: Callable[[duckdb.DuckDBPyConnection], tuple[DayFile, ...]],
    write: Callable[[tuple[DayFile, ...], int], Switch],
    finish: Callable[[duckdb.DuckDBPyConnection, Switch], Answer],
) -> Answer:
    """Compute a switch from the files that there are, and make it where they are still the same.

    Args:
        state: the state file.
        find: the files that the computation depends on, in order.
        write: writes files that nobody sees yet, from those found; the number tells the tries apart.
        finish: whatever else becomes visible in the same transaction; its value is the answer.
    """
    for number in range(OPTIMISTIC_TRIES):
        with state.transaction() as locked:
            found = find(locked)
        switch = write(found, number)
        with state.transaction() as locked:
            if find(locked) == found:
                return _switch(locked, switch, finish)
    with state.transaction() as locked:
        return _switch(locked, write(find(locked), OPTIMISTIC_TRIES), finish)


def _switch(
    locked: duckdb.DuckDBPyConnection,
    switch: Switch,
    finish: Callable[[duckdb.DuckDBPyConnection, Switch], Answer],
) -> Answer:
    remove_files(locked, switch.removed)
    add_files(locked, switch.added)
    return finish(locked, switch)
