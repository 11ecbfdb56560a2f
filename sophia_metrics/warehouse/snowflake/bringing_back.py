"""Bringing back: operations that the mirror has lost, with its disk or a part of it, come from Snowflake.

Only what lacks here is taken, by key: what is here is as new as what was forwarded, or newer. So no alert fires again,
and what was observed is shown again.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.schema import core, state
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.mending import commit_mending
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.version_file import SHOWN_DAYS
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import Piece, TableDay, files_of
from sophia_metrics.warehouse.observations import commit_observations
from sophia_metrics.warehouse.protocol import Mending, Observations
from sophia_metrics.warehouse.snowflake.parts import DATED_BY
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.working import working_connection

__all__ = ["bring_back"]

OBSERVED = {table.name: table for table in core.OBSERVED}
SHOWN_ONLY = frozenset({state.PIPELINE_RUNS, state.QUALITY_VERDICTS})
"""Tables that grow with every run, and of which nobody decides anything: the last days are enough."""


def bring_back(
    keeper: StateFile, store: DayFileStore, session: SnowflakeSession, memory_limit: str, now: datetime
) -> None:
    """Take what a new mirror lacks, or one that was made again; of any other, days of observations that are damaged."""
    with keeper.transaction() as locked:
        row = fetch_row(locked, "SELECT synced_at FROM mirrors")
        is_new = row is None or row[0] is None
        rows = locked.execute("SELECT table_name, day_on FROM damaged_days").fetchall()
        damaged = {(str(name), day) for name, day in rows if name in OBSERVED}
    if is_new:
        for table in state.OPERATIONS:
            _bring_rows(keeper, session, table, now)
    if is_new or damaged:
        lacking = _days_that_lack(keeper, session, None if is_new else damaged)
        for table, day in lacking:
            _bring_day(keeper, store, session, memory_limit, table, day)
        _settle(keeper, store, memory_limit, damaged.intersection((table.name, day) for table, day in lacking))


def _bring_rows(keeper: StateFile, session: SnowflakeSession, table: Table, now: datetime) -> None:
    query, parameters = f"SELECT {', '.join(table.names)} FROM {table.name}", None
    if table in SHOWN_ONLY:
        query += f" WHERE {DATED_BY[table.name]} >= $1"
        parameters = [now - timedelta(days=SHOWN_DAYS)]
    rows = _typed(table, session.fetch_frame(query, parameters))
    if not rows.is_empty():
        with keeper.transaction() as locked:
            same = " AND ".join(f"here.{name} IS NOT DISTINCT FROM there.{name}" for name in table.key)
            lacking = _lacking(locked, rows, f"SELECT there.* FROM there ANTI JOIN {table.name} AS here ON {same}")
            insert_frame(locked, table, lacking)


def _days_that_lack(
    keeper: StateFile, session: SnowflakeSession, among: set[TableDay] | None
) -> list[tuple[Table, date]]:
    """Return the days of observations of which Snowflake has more rows than are here; `among` restricts them."""
    with keeper.transaction() as locked:
        here = _row_counts(files_of(locked, OBSERVED))
    there = _row_counts(files_of(session, OBSERVED))
    return [
        (OBSERVED[name], day)
        for (name, day), count in sorted(there.items())
        if count > here.get((name, day), 0) and (among is None or (name, day) in among)
    ]


def _bring_day(
    keeper: StateFile, store: DayFileStore, session: SnowflakeSession, memory_limit: str, table: Table, day: date
) -> None:
    rows = session.fetch_frame(f"SELECT {', '.join(table.names)} FROM {table.name} WHERE {table.day} = $1", [day])
    with keeper.transaction() as locked:
        listed = files_of(locked, [table.name], [day])
    with working_connection(store.folder, memory_limit) as connection:
        here = store.relation(table, listed)
        keys = ", ".join(table.key)
        lacking = _lacking(
            connection, _typed(table, rows), f"SELECT there.* FROM there ANTI JOIN ({here}) AS here USING ({keys})"
        )
    change = Observations({table.name: lacking})
    commit_observations(keeper, DayFileFacts(store), change, store.folder, memory_limit)


def _settle(keeper: StateFile, store: DayFileStore, memory_limit: str, damaged: set[TableDay]) -> None:
    """Note that days are whole again, as far as they are, also those that were given up."""
    days = {name: tuple(sorted(day for each, day in damaged if each == name)) for name, _ in damaged}
    if days:
        with keeper.transaction() as locked:
            for name, some in days.items():
                given_up = "table_name = $1 AND list_contains($2, day_on)"
                locked.execute(f"UPDATE damaged_days SET lost_count = NULL WHERE {given_up}", [name, list(some)])
        commit_mending(keeper, store, Mending({}, days), memory_limit)


def _row_counts(pieces: tuple[Piece, ...]) -> Mapping[TableDay, int]:
    counts: dict[TableDay, int] = {}
    for piece in pieces:
        counts[piece.table_day] = counts.get(piece.table_day, 0) + piece.row_count
    return counts


def _typed(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(kind) for name, kind in polars_schema(table).items())


def _lacking(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, query: str) -> pl.DataFrame:
    connection.register("there", rows)
    lacking = fetch_frame(connection, query)
    connection.unregister("there")
    return lacking
