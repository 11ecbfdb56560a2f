"""State tables are brought to Snowflake whole, and compared with what lies there, row by row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.quoting import literal
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.ddl import select_typed
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.snowflake.loading import drop_stage_tables, load
from sophia_metrics.warehouse.snowflake.moved import MOVED_STATE, select_state
from sophia_metrics.warehouse.snowflake.parts import DATED_BY
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name

__all__ = ["StateRows", "export_state", "load_state", "state_differences"]

ATTEMPT = "migrate"
FEW_ROWS = 500
"""Up to so many rows travel with the statement that inserts them: six statements fewer than a stage table takes."""
ROWS_AT_ONCE = 200_000
"""Rows are compared together up to so many; tables without a day are compared as a whole."""


@dataclass(frozen=True, slots=True)
class StateRows:
    """The rows of a state table, as they are to be on Snowflake.

    Attributes:
        table: the table.
        row_count: how many there are.
        fingerprint: number and hash of them, as DuckDB computes it.
        file: a Parquet file with the rows. None: they were exported before with the same fingerprint.
    """

    table: Table
    row_count: int
    fingerprint: str
    file: Path | None


def export_state(locked: duckdb.DuckDBPyConnection, scratch: Path, known: Mapping[str, str]) -> tuple[StateRows, ...]:
    """Write the state tables to files, but for those whose fingerprint is known."""
    exported: list[StateRows] = []
    for table in MOVED_STATE:
        rows = select_state(table)
        found = fetch_row(
            locked, f"SELECT count(*), CAST(sum(hash({', '.join(table.names)})) AS VARCHAR) FROM ({rows}) AS moved"
        )
        count, digest = found or (0, None)
        fingerprint, file = f"{count} {digest}", None
        if known.get(table.name) != fingerprint:
            file = scratch / f"{table.name}.parquet"
            locked.execute(f"COPY ({rows}) TO {literal(str(file))} (FORMAT parquet)")
        exported.append(StateRows(table, int(count), fingerprint, file))
    return tuple(exported)


def load_state(session: SnowflakeSession, exported: tuple[StateRows, ...], now: datetime) -> None:
    """Let the state tables on Snowflake hold what was exported, all in one transaction; `now` is naive UTC."""
    fresh = [(each.table, each.row_count, each.file) for each in exported if each.file is not None]
    stages: dict[Table, str] = {}
    if not fresh:
        return
    try:
        for table, row_count, file in fresh:
            if row_count > FEW_ROWS:
                stages[table] = stage_table_name(ATTEMPT, table.name, now)
                load(session, stages[table], table.columns, [file])
        with session.transaction() as locked:
            for table, _, file in fresh:
                locked.execute(f"DELETE FROM {table.name}")
                if stage := stages.get(table):
                    names = ", ".join(table.names)
                    locked.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {stage}")
                else:
                    insert_frame(locked, table, pl.read_parquet(file).cast(polars_schema(table)))
    finally:
        drop_stage_tables(session, stages.values())


def state_differences(
    session: SnowflakeSession, connection: duckdb.DuckDBPyConnection, exported: tuple[StateRows, ...]
) -> tuple[str, ...]:
    """Compare every row of what was exported with those on Snowflake, both ways; say in sentences what differs."""
    found: list[str] = []
    for each in exported:
        if each.file is None:
            continue
        lacking, surplus = 0, 0
        for low, high in _ranges(connection, each.table, each.file):
            one, other = _compare(session, connection, each.table, each.file, _among(each.table, low, high))
            lacking, surplus = lacking + one, surplus + other
        if lacking or surplus:
            found.append(
                f"{each.table.name}: {lacking:,} of {each.row_count:,} rows are not there as they are here, and "
                f"{surplus:,} are there that are not here"
            )
    return tuple(found)


def _compare(
    session: SnowflakeSession, connection: duckdb.DuckDBPyConnection, table: Table, file: Path, among: str
) -> tuple[int, int]:
    names = ", ".join(table.names)
    frame = session.fetch_frame(f"SELECT {names} FROM {table.name} WHERE {among}")
    connection.register("fetched", frame)
    here = f"({select_typed(table, f'(SELECT {names} FROM read_parquet({literal(str(file))}) WHERE {among})')})"
    there = f"({select_typed(table, 'fetched')})"
    counts = fetch_row(
        connection,
        f"SELECT (SELECT count(*) FROM ({here} EXCEPT ALL {there})), "
        f"(SELECT count(*) FROM ({there} EXCEPT ALL {here}))",
    )
    connection.unregister("fetched")
    return (int(counts[0]), int(counts[1])) if counts else (0, 0)


def _ranges(
    connection: duckdb.DuckDBPyConnection, table: Table, file: Path
) -> Iterator[tuple[date | None, date | None]]:
    """Cut all days there may be into ranges with about ROWS_AT_ONCE rows; None: without end."""
    instant = DATED_BY.get(table.name)
    low: date | None = None
    if instant is not None:
        rows = connection.execute(
            f"SELECT CAST({instant} AS DATE) AS day_on, count(*) FROM read_parquet({literal(str(file))}) "
            "GROUP BY day_on ORDER BY day_on"
        ).fetchall()
        size = 0
        for day, count in rows:
            if size and size + count > ROWS_AT_ONCE:
                yield low, day
                low, size = day, 0
            size += count
    yield low, None


def _among(table: Table, low: date | None, high: date | None) -> str:
    """Return the predicate of a range: its first day is in it, its last is not."""
    day = f"CAST({DATED_BY.get(table.name)} AS DATE)"
    bounds = [
        f"{day} {sign} CAST('{bound}' AS DATE)" for sign, bound in ((">=", low), ("<", high)) if bound is not None
    ]
    return " AND ".join(bounds) or "true"
