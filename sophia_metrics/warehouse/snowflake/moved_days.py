"""Days are brought to Snowflake: day files become a stage table, and that the days, in one transaction."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from sophia_metrics.cutting import cut
from sophia_metrics.marts import mart
from sophia_metrics.quoting import literal
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse import manifest
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.manifest import Piece, TableDay, add_files, note_audited
from sophia_metrics.warehouse.snowflake.facts import FILE_BYTES
from sophia_metrics.warehouse.snowflake.loading import drop_stage_tables, load
from sophia_metrics.warehouse.snowflake.moved import MOVED_CORE, MovedDay
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name
from sophia_metrics.warehouse.snowflake.tables import built_name
from sophia_metrics.warehouse.staleness import DAY_MARTS, note_built_as_listed
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.working import spill_folder

__all__ = ["drop_days", "load_days"]

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 2_000_000
"""Days are loaded together up to so many rows; a larger day goes alone, in several files."""
ATTEMPT = "migrate"


def load_days(
    session: SnowflakeSession,
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    days: Iterable[MovedDay],
    now: datetime,
) -> None:
    """Let days on Snowflake be what they are in the day files here, some at a time.

    What was loaded before something failed stays, and is whole.

    Args:
        session: outside of a transaction.
        connection: a working connection; its memory is all that this takes.
        store: the day files.
        days: the days.
        now: the present (naive UTC).
    """
    for together in _together(days):
        table = together[0].table
        name = stage_table_name(ATTEMPT, table.name, now)
        log.info("loading %s from %s on", table.name, together[0].day_on)
        try:
            _stage(session, connection, store, name, together)
            with session.transaction() as locked:
                _switch(locked, table, name, together)
        finally:
            drop_stage_tables(session, [name])


def drop_days(session: SnowflakeSession, days: Iterable[TableDay]) -> None:
    """Take days away that are not there any more, or did not become what they are here."""
    by_table: dict[str, list[date]] = {}
    for name, day in sorted(days):
        by_table.setdefault(name, []).append(day)
    tables = {**MOVED_CORE, **{each.name: each.table for each in DAY_MARTS}}
    if not by_table:
        return
    with session.transaction() as locked:
        for name, some in by_table.items():
            _remove(locked, tables[name], some)


def _stage(
    session: SnowflakeSession,
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    name: str,
    days: Sequence[MovedDay],
) -> None:
    table = days[0].table
    rows = store.relation(table, [piece for day in days for piece in day.pieces])
    with TemporaryDirectory(dir=spill_folder(connection)) as folder:
        target = Path(folder) / "rows"
        connection.execute(
            f"COPY (SELECT {', '.join(table.names)} FROM ({rows})) TO {literal(str(target))} "
            f"(FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES {FILE_BYTES})"
        )
        load(session, name, table.columns, sorted(target.glob("*.parquet")))


def _switch(locked: StateConnection, table: Table, stage: str, days: Sequence[MovedDay]) -> None:
    """Put the rows of a stage table in the place of those of some days, and list the days."""
    names, dates = ", ".join(table.names), [day.day_on for day in days]
    _remove(locked, table, dates)
    locked.execute(f"INSERT INTO {built_name(table)} ({names}) SELECT {names} FROM {stage}")
    add_files(locked, [day.piece for day in days])
    seen: list[Piece] = [day.piece for day in days if day.is_audited]
    if seen:
        note_audited(locked, seen)
    if table.name not in MOVED_CORE:
        note_built_as_listed(locked, mart(table.name), dates)


def _remove(locked: StateConnection, table: Table, days: Sequence[date]) -> None:
    locked.execute(f"DELETE FROM {built_name(table)} WHERE list_contains($1, {table.day})", [list(days)])
    manifest.remove_days(locked, [(table.name, day) for day in days])
    if table.name not in MOVED_CORE:
        locked.execute(
            "DELETE FROM mart_builds WHERE mart = $1 AND list_contains($2, day_on)", [table.name, list(days)]
        )


def _together(days: Iterable[MovedDay]) -> Iterator[tuple[MovedDay, ...]]:
    """Cut days into runs of one table and about ROWS_AT_ONCE rows, marts after what they are built from."""
    by_table: Mapping[str, list[MovedDay]] = {name: [] for name in (*MOVED_CORE, *(each.name for each in DAY_MARTS))}
    for day in days:
        by_table[day.table.name].append(day)
    for some in by_table.values():
        yield from cut(sorted(some, key=lambda day: day.day_on), lambda day: day.row_count, ROWS_AT_ONCE)
