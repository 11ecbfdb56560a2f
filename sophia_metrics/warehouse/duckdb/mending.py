"""Mending: damaged days are given what was found of them, and what they lack then is noted as lost."""

from collections.abc import Sequence
from datetime import date

import duckdb

from sophia_metrics import schema
from sophia_metrics.frames import fetch_row
from sophia_metrics.marts import mart
from sophia_metrics.schema import core
from sophia_metrics.warehouse.duckdb.adoption import adopt
from sophia_metrics.warehouse.duckdb.damage import DAY_NAMES
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore, rows_by_day
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.protocol import Changed, Mending
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_mending"]

FOUND_AGAIN = frozenset(table.name for table in (*core.OBSERVED, core.QUARANTINE))
"""Tables whose days are not made anew as a whole: rows are added to what is left of them."""


def commit_mending(state: StateFile, store: DayFileStore, change: Mending, memory_limit: str) -> Changed:
    """Add to damaged days what was found of them, and note them as whole, or what of them is lost."""
    written: dict[str, int] = {}

    def write(found: tuple[Piece, ...], unique: str) -> Switch:
        switch = Switch()
        with working_connection(store.folder, memory_limit) as connection:
            for name in FOUND_AGAIN.intersection(change.days):
                own = [file for file in found if file.table_name == name]
                if name == core.QUARANTINE.name:
                    fresh = _rejected_again(connection, store, own, change, f"mended-{unique}")
                else:
                    fresh = adopt(connection, store, schema.table(name), change.days[name], own, f"mended-{unique}")
                written[name] = sum(file.row_count for file in fresh.added)
                switch += fresh
        return switch

    def finish(locked: StateConnection, switch: Switch) -> Changed:
        for name, days in change.days.items():
            for day in days:
                _settle(locked, name, day)
        return Changed(sum(written.values()), switch.days(change.days))

    return switch_optimistically(
        state,
        DayFileFacts(store),
        find=lambda locked: files_of(locked, [name for name in change.days if name in FOUND_AGAIN]),
        write=write,
        finish=finish,
        is_mending=True,
    )


def _rejected_again(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    listed: Sequence[Piece],
    change: Mending,
    version: str,
) -> Switch:
    """Write the rows of core_quarantine that were found of the damaged days, and that no listed file has."""
    table = core.QUARANTINE
    if table.name not in change.rows:
        return Switch()
    connection.register("given", change.rows[table.name])
    connection.execute(
        f"CREATE OR REPLACE TABLE mended AS SELECT DISTINCT ON (quarantine_id) {', '.join(table.names)} FROM given "
        f"ANTI JOIN ({store.relation(table, listed)}) AS there USING (quarantine_id) WHERE list_contains($1, found_on)",
        [list(change.days[table.name])],
    )
    connection.unregister("given")
    return Switch(store.write(connection, table, "mended", rows_by_day(connection, "mended", "found_on"), version))


def _settle(locked: StateConnection, name: str, day: date) -> None:
    """Note that a damaged day is whole, or how many of its rows are lost; a mart that can be built goes on waiting."""
    key = [name, day]
    here = "table_name = $1 AND day_on = $2"
    row = fetch_row(
        locked,
        f"SELECT row_count - (SELECT coalesce(sum(row_count), 0) FROM manifest WHERE {here}) "
        f"FROM damaged_days WHERE {here} AND lost_count IS NULL",
        key,
    )
    if row is None or _can_be_built(locked, name, day):
        return
    if row[0] <= 0:
        locked.execute(f"DELETE FROM damaged_days WHERE {here}", key)
    else:
        locked.execute(f"UPDATE damaged_days SET lost_count = $3 WHERE {here}", [*key, row[0]])


def _can_be_built(locked: StateConnection, name: str, day: date) -> bool:
    """Say whether a table is a mart whose inputs for the day are there, or will be, and none of them is lost."""
    if name.startswith("core_"):
        return False
    inputs = [each for each in mart(name).inputs if each in DAY_NAMES]
    row = fetch_row(
        locked,
        "SELECT count(*) > 0 AND count(*) FILTER (WHERE is_lost) = 0 FROM ("
        "SELECT false AS is_lost FROM manifest WHERE list_contains($1, table_name) AND day_on = $2 "
        "UNION ALL SELECT lost_count IS NOT NULL FROM damaged_days "
        "WHERE list_contains($1, table_name) AND day_on = $2)",
        [inputs, day],
    )
    return row is not None and bool(row[0])
