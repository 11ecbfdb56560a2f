"""From changed events to day files: appended where nothing is replaced, else the day is written anew."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date

import duckdb

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore, filled_columns
from sophia_metrics.warehouse.duckdb.manifest import DayFile, Switch

__all__ = ["CORE_NAMES", "create_known", "write_changes"]

COMPACT_AT = 8
"""A day of so many files is written anew as one."""

CORE_NAMES = (core.USAGE_EVENTS.name, core.USAGE_UNITS.name)
KNOWN = {
    core.USAGE_EVENTS: "core_events",
    core.USAGE_UNITS: "core_units",
    core.QUARANTINE: "known_quarantine",
}
"""What is there already, under the names by which merging reads it."""


def create_known(connection: duckdb.DuckDBPyConnection, store: DayFileStore, found: Iterable[DayFile]) -> None:
    """Create `core_events`, `core_units` and `known_quarantine` over some files."""
    files = list(found)
    for table, name in KNOWN.items():
        own = [file for file in files if file.table_name == table.name]
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {store.relation(table, own)}")


def write_changes(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    found: Sequence[DayFile],
    version: str,
    *,
    priced: str = "priced_events",
) -> Switch:
    """Write priced events and `priced_units`, which replace the rows of `replaced`, beside the files found.

    `priced` names the events. They may be a view that computes when it is read, so days and filled columns are
    looked up in `events`, which it prices.
    """
    own = [file for file in found if file.table_name in CORE_NAMES]
    event_days = _days(connection, "events" if priced == "priced_events" else priced)
    unit_days = _days(connection, "priced_units")
    rewritten = _rewritten_days(connection, own, event_days)
    added = (
        *_write_days(connection, store, core.USAGE_EVENTS, priced, event_days, rewritten, version),
        *_write_days(connection, store, core.USAGE_UNITS, "priced_units", unit_days, rewritten, version),
    )
    return Switch(added=added, removed=tuple(file for file in own if file.day_on in rewritten))


def _rewritten_days(
    connection: duckdb.DuckDBPyConnection, found: Iterable[DayFile], touched: Collection[date]
) -> frozenset[date]:
    """Return the days that are written anew: a row of theirs is replaced, or they have become many pieces."""
    replaced = _days(connection, "replaced")
    pieces = Counter((file.table_name, file.day_on) for file in found)
    crowded = {day for (_, day), count in pieces.items() if count + 1 >= COMPACT_AT and day in touched}
    return frozenset(replaced | crowded)


def _write_days(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    table: Table,
    fresh: str,
    days: Collection[date],
    rewritten: Collection[date],
    version: str,
) -> tuple[DayFile, ...]:
    """Write the fresh rows by day; a rewritten day also keeps those of its known rows that are not replaced."""
    if not rewritten:
        return store.write(connection, table, fresh, days, version, columns=_columns(connection, table, fresh))
    columns = ", ".join(table.names)
    listed = ", ".join(f"DATE '{day.isoformat()}'" for day in rewritten)
    connection.execute(
        f"CREATE OR REPLACE TABLE next_rows AS SELECT {columns} FROM {fresh} UNION ALL "
        f"SELECT {columns} FROM {KNOWN[table]} ANTI JOIN replaced USING (event_id) WHERE usage_on IN ({listed})"
    )
    written = store.write(connection, table, "next_rows", {*days, *rewritten}, version)
    connection.execute("DROP TABLE next_rows")
    return written


def _columns(connection: duckdb.DuckDBPyConnection, table: Table, fresh: str) -> list[str] | None:
    """Return the columns that are worth writing, where that is known without computing every row."""
    if fresh != "priced_events":
        return None
    money = {column.name for column in core.PRICED}
    staged = filled_columns(connection, [name for name in table.names if name not in money], "events")
    return [name for name in table.names if name in staged or name in money]


def _days(connection: duckdb.DuckDBPyConnection, relation: str) -> set[date]:
    return {day for (day,) in connection.execute(f"SELECT DISTINCT usage_on FROM {relation}").fetchall()}
