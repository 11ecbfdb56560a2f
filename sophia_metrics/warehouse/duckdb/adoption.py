"""Adopting observations: what day files hold that nobody lists becomes part of its day again."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date

import duckdb

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.changes import write_observations
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.leftovers import create_found, leftover_days, unlisted_files
from sophia_metrics.warehouse.horizons import horizons
from sophia_metrics.warehouse.manifest import Piece, Switch, add_files, files_of, remove_files
from sophia_metrics.warehouse.observations import create_observed
from sophia_metrics.working import working_connection

__all__ = ["adopt", "adopt_every_day"]

DAYS_TOGETHER = 31
"""So many days are read together: memory does not depend on the history."""


def adopt(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    table: Table,
    days: Collection[date],
    listed: Collection[Piece],
    version: str,
) -> Switch:
    """Write the rows that files of some days hold and that those listed lack; nobody sees them yet."""
    own = [file for file in listed if file.day_on in days]
    leftovers = unlisted_files(store, table, days, listed)
    if not leftovers:
        return Switch()
    create_found(connection, store, table, leftovers, own)
    create_observed(connection, store.relation(table, own), table)
    return write_observations(connection, store, table, "observed", own, version)


def adopt_every_day(state: duckdb.DuckDBPyConnection, store: DayFileStore, memory_limit: str, version: str) -> int:
    """List what the files of all days hold of observations; return how many rows there are more than before."""
    count = 0
    kept_from = horizons(state)
    for table in core.OBSERVED:
        first = kept_from.get(table.name, date.min)
        for days in _runs(day for day in leftover_days(store.folder, table) if day >= first):
            listed = files_of(state, [table.name], days)
            with working_connection(store.folder, memory_limit) as connection:
                switch = adopt(connection, store, table, days, listed, version)
            remove_files(state, switch.removed)
            add_files(state, switch.added)
            count += sum(file.row_count for file in switch.added) - sum(file.row_count for file in switch.removed)
    return count


def _runs(days: Iterable[date]) -> Iterator[list[date]]:
    ordered = sorted(days)
    for start in range(0, len(ordered), DAYS_TOGETHER):
        yield ordered[start : start + DAYS_TOGETHER]
