"""Erasing people from core on Snowflake: days in which they are, are looked through here, and merged without them.

Snowflake itself keeps older states of a table for its Time Travel and, after that, its Fail-safe; docs/snowflake.md
says for how long, and how to shorten it.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from sophia_metrics.cutting import cut
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.erased_rows import (
    ERASED_TABLES,
    JSON_COLUMNS,
    erased_columns,
    holds_people,
    mark_people,
    record_tombstones,
)
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.protocol import Changed, Erasure
from sophia_metrics.warehouse.snowflake.facts import SnowflakeFacts
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_erasure"]

ROWS_AT_ONCE = 500_000
"""Days are looked through together up to so many rows: memory depends on this, not on the history."""


def commit_erasure(
    state: SnowflakeState, facts: SnowflakeFacts, change: Erasure, folder: Path, memory_limit: str
) -> Changed:
    """Write the tombstones, then merge the rows that hold one of these people without them; return how many there were.

    Rows that are committed meanwhile are refused until they too were looked through; see `forgotten`.
    """
    with state.transaction() as locked:
        if not change.is_dry_run:
            record_tombstones(locked, change)
        pieces = {table: files_of(locked, [table.name]) for table in ERASED_TABLES}
    count, days = 0, set[date]()
    for table in ERASED_TABLES:
        ordered = sorted(pieces[table], key=lambda piece: piece.day_on)
        for run in cut(ordered, lambda piece: piece.row_count, ROWS_AT_ONCE):
            some = [piece.day_on for piece in run]
            with working_connection(folder, memory_limit) as connection:
                changed = _erase(state, facts, connection, table, some, change)
            count += changed.event_count
            days.update(changed.days)
    return Changed(count, tuple(sorted(days)))


def _erase(
    state: SnowflakeState,
    facts: SnowflakeFacts,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    days: Sequence[date],
    change: Erasure,
) -> Changed:
    """Look some days of a table through, and merge the rows in which somebody is."""
    if change.is_dry_run:
        with state.transaction() as locked:
            found = files_of(locked, [table.name], days)
        held = _create_erased(connection, facts, table, found, change)
        return Changed(sum(held.values()), tuple(held))
    counted: list[int] = []

    def write(found: tuple[Piece, ...], unique: str) -> Switch:
        held = _create_erased(connection, facts, table, found, change)
        counted[:] = [sum(held.values())]
        return facts.write_rows(connection, table, "erased_rows", found, f"erasure-{unique}")

    def finish(locked: StateConnection, switch: Switch) -> Changed:
        record_tombstones(locked, change)  # a version that was published meanwhile shows them too
        return Changed(counted[0], switch.days([table.name]))

    return switch_optimistically(
        state, facts, find=lambda locked: files_of(locked, [table.name], days), write=write, finish=finish
    )


def _create_erased(
    connection: duckdb.DuckDBPyConnection,
    facts: SnowflakeFacts,
    table: Table,
    found: Sequence[Piece],
    change: Erasure,
) -> dict[date, int]:
    """Create `erased_rows`, those in which somebody is, without them; return how many there are by day."""
    relation = f"({facts.select(connection, table, found)})"
    key = ", ".join(dict.fromkeys([*table.key, str(table.day)]))
    connection.execute(f"CREATE OR REPLACE TABLE replaced AS SELECT {key} FROM {relation} WHERE false")
    if not mark_people(connection, table, relation, change):
        connection.execute(f"CREATE OR REPLACE TABLE erased_rows AS SELECT * FROM {relation} WHERE false")
        return {}
    erased = erased_columns(table)
    selected = ", ".join(f"{erased.get(name, f'there.{name}')} AS {name}" for name in table.names)
    connection.execute(
        f"CREATE OR REPLACE TABLE erased_rows AS SELECT {selected} "
        f"FROM (SELECT * FROM {relation} WHERE {holds_people(table)}) AS there "
        f"LEFT JOIN cleaned_json ON cleaned_json.json_text = there.{JSON_COLUMNS[table]}"
    )
    rows = connection.execute(f"SELECT {table.day}, count(*) FROM erased_rows GROUP BY 1 ORDER BY 1").fetchall()
    return {day: int(count) for day, count in rows}
