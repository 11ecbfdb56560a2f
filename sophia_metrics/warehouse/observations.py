"""Committing observations: rows of caches, probes and bills, by the same files and the same switch as usage."""

import logging
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import chain
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.facts import Facts
from sophia_metrics.warehouse.horizons import horizons
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.protocol import Changed, Observations, Whole
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import State, switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_observations", "create_observed"]

log = logging.getLogger(__name__)

OBSERVED = {table.name: table for table in core.OBSERVED}
AMOUNTS = ("quantity", "billed_cost", "billed_cost_usd")
"""What a line of a bill no longer has when it is gone."""


def commit_observations(state: State, facts: Facts, change: Observations, folder: Path, memory_limit: str) -> Changed:
    """Write the rows that are new or different, and make those of all tables visible in one step.

    Rows of days that retention has dropped are left out, and their number is logged: their rollups stay as they are.

    Raises:
        ValueError: a frame is of a table that holds no observations, has a column that its table has not, or
            lacks a value that a row must have.
    """
    frames = {OBSERVED[name]: _typed(OBSERVED[name], rows) for name, rows in _known(change).items()}
    if all(rows.is_empty() for rows in frames.values()) and not change.complete:
        return Changed(0, ())
    days = {table: _days(table, rows, change.complete) for table, rows in frames.items()}
    written: dict[str, int] = {}
    kept_from: dict[str, date] = {}

    def find(locked: StateConnection) -> tuple[Piece, ...]:
        kept_from.update(horizons(locked))
        return tuple(file for table, some in days.items() for file in files_of(locked, [table.name], some))

    def write(found: tuple[Piece, ...], unique: str) -> Switch:
        switch = Switch()
        with working_connection(folder, memory_limit) as connection:
            for table, rows in frames.items():
                connection.register("given", _kept(table, rows, kept_from.get(table.name)))
                own = [file for file in found if file.table_name == table.name]
                there = facts.select(connection, table, own)
                _create_told(connection, there, table, change.complete)
                written[table.name] = create_observed(connection, there, table, given="told")
                switch += facts.write_rows(connection, table, "observed", own, f"observed-{unique}")
        return switch

    return switch_optimistically(
        state,
        facts,
        find=find,
        write=write,
        finish=lambda _, switch: Changed(sum(written.values()), switch.days(OBSERVED)),
    )


def _known(change: Observations) -> Mapping[str, pl.DataFrame]:
    """Return the rows by table; of a table of which everything is told there may be none."""
    told = {whole.table: pl.DataFrame() for whole in change.complete}
    if unknown := sorted((change.rows.keys() - OBSERVED.keys()) | (told.keys() - {core.INVOICE_LINES.name})):
        raise ValueError(f"{', '.join(unknown)}: observations stand in {', '.join(OBSERVED)}")
    return {**told, **change.rows}


def _typed(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with all columns of the table, each of its type, and one row a key: the last one."""
    wanted = polars_schema(table)
    if unknown := sorted(set(rows.columns) - set(wanted)):
        raise ValueError(f"{table.name} has no columns {', '.join(unknown)}")
    full = rows.with_columns(
        pl.lit(None, dtype=kind).alias(name) for name, kind in wanted.items() if name not in rows.columns
    )
    typed = full.select(pl.col(name).cast(kind) for name, kind in wanted.items()).with_columns(
        pl.col(table.order[0]).dt.date().alias(str(table.day))
    )
    required = [column.name for column in table.columns if column.is_required]
    if lacking := [name for name in required if typed[name].null_count()]:
        raise ValueError(f"{table.name} never has a null in {', '.join(lacking)}")
    return typed.unique(subset=table.key, keep="last", maintain_order=True)


def _kept(table: Table, rows: pl.DataFrame, first: date | None) -> pl.DataFrame:
    """Return the rows but for those of days that retention has dropped."""
    kept = rows if first is None else rows.filter(pl.col(str(table.day)) >= first)
    if kept.height < rows.height:
        log.warning(
            "%s rows of %s are left out: days before %s are kept no longer",
            f"{rows.height - kept.height:,}",
            table.name,
            first,
        )
    return kept


def _days(table: Table, rows: pl.DataFrame, complete: Iterable[Whole]) -> list[date]:
    """Return the days of the rows, and those in which others may be gone."""
    windows = (whole.window.days() for whole in complete if whole.table == table.name)
    return sorted({*rows[str(table.day)].unique(), *chain.from_iterable(windows)})


def _create_told(
    connection: duckdb.DuckDBPyConnection, there: str, table: Table, complete: Iterable[Whole]
) -> None:
    """Create `told`: the rows of `given`, and those that are there and gone from what they were told of."""
    connection.execute("CREATE OR REPLACE TABLE told AS SELECT * FROM given")
    for whole in complete:
        if whole.table != table.name:
            continue
        gone = {"read_at": "$seen_at", "removed_at": "$seen_at", **dict.fromkeys(AMOUNTS, "NULL")}
        columns = ", ".join(gone.get(name, name) for name in table.names)
        same = "".join(f" AND {name} = $same_{name}" for name in whole.same)
        connection.execute(
            f"INSERT INTO told SELECT {columns} FROM ({there}) WHERE {table.order[0]} >= $start_at "
            f"AND {table.order[0]} < $end_at{same} AND removed_at IS NULL AND line_id NOT IN (SELECT line_id FROM told)",
            {
                "seen_at": whole.seen_at,
                "start_at": whole.window.start_at,
                "end_at": whole.window.end_at,
                **{f"same_{name}": value for name, value in whole.same.items()},
            },
        )


def create_observed(
    connection: duckdb.DuckDBPyConnection, there: str, table: Table, *, given: str = "given"
) -> int:
    """Create `observed`, the rows of a relation that are new or different, and `replaced`, those that replace one.

    Return how many rows there are to write. `there` selects the rows that are there. That a row was read at another
    time makes it no other row.
    """
    names = ", ".join(table.names)
    compared = ", ".join(name for name in table.names if name != "read_at")
    connection.execute(
        f"CREATE OR REPLACE TABLE observed AS SELECT {names} FROM {given} SEMI JOIN "
        f"(SELECT {compared} FROM {given} EXCEPT SELECT {compared} FROM ({there})) AS other "
        f"USING ({', '.join(table.key)})"
    )
    key = ", ".join(dict.fromkeys([*table.key, str(table.day)]))
    connection.execute(
        f"CREATE OR REPLACE TABLE replaced AS SELECT {key} FROM observed "
        f"SEMI JOIN ({there}) AS there USING ({', '.join(table.key)})"
    )
    row = fetch_row(connection, "SELECT count(*) FROM observed")
    return int(row[0]) if row else 0
