"""Building marts on Snowflake: the days whose inputs changed are computed into stage tables, then switched in at once.

What is built is in tables of its own, `built_…`, until it is judged and published.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import uuid4

import polars as pl

from sophia_metrics import schema
from sophia_metrics.marts import Mart
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.ddl import Engine, create_table
from sophia_metrics.schema.focus import SELLERS
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import Piece, TableDay, add_files, files_of, remove_days
from sophia_metrics.warehouse.protocol import BuildReport
from sophia_metrics.warehouse.snowflake.loading import drop_stage_tables
from sophia_metrics.warehouse.snowflake.reading import Relation, over_relations
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.snowflake.tables import built_name
from sophia_metrics.warehouse.staleness import DAY_MARTS, DAY_TABLES, day_inputs, hash_inputs, stale_days
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["StageTables", "build_marts"]


@dataclass(slots=True)
class StageTables:
    """The stage tables of one build or publish; `drop` takes them away."""

    session: SnowflakeSession
    version: str
    now: datetime
    names: dict[str, str] = field(default_factory=dict[str, str])

    def fill(self, table: Table, sql: str, parameters: Mapping[str, object], relations: Iterable[Relation]) -> None:
        """Compute the rows of a table into a stage table: a SELECT whose columns are those of the table, in order."""
        rows, bound = over_relations(sql, parameters, relations)
        self.session.execute(replace(rows, into=(self._make(table), table.names)), bound)

    def keep(self, table: Table, rows: pl.DataFrame) -> None:
        """Put some rows of a table into a stage table."""
        names = ", ".join(table.names)
        self.session.register("kept_rows", rows)
        self.session.execute(f"INSERT INTO {self._make(table)} ({names}) SELECT {names} FROM kept_rows")
        self.session.unregister("kept_rows")

    def _make(self, table: Table) -> str:
        name = stage_table_name(self.version, table.name, self.now)
        made = create_table(table, Engine.SNOWFLAKE, name=name)
        self.session.run(made.replace("CREATE TABLE IF NOT EXISTS", "CREATE TRANSIENT TABLE", 1))
        self.names[table.name] = name
        return name

    def drop(self) -> None:
        """Drop them all; call it outside of a transaction."""
        drop_stage_tables(self.session, self.names.values())
        self.names.clear()


def build_marts(state: SnowflakeState, session: SnowflakeSession, now: datetime) -> BuildReport:
    """Build the stale days of every mart that is kept by day, inputs before outputs, and switch them in at once."""
    with state.transaction() as locked:
        stale = stale_days(locked)
        if not any(stale.values()):
            return BuildReport({})
        pieces = _by_table_day(files_of(locked, DAY_TABLES, {day for days in stale.values() for day in days}))
    stage = StageTables(session, f"build-{uuid4().hex}", now)
    try:
        if any(SELLERS.name in mart.inputs and stale[mart.name] for mart in DAY_MARTS):
            stage.keep(SELLERS, seller_frame())  # the table has those of the last publish
        for mart in DAY_MARTS:
            if stale[mart.name]:
                stage.fill(mart.table, mart.sql, {}, _inputs(mart, stale, stage.names))
        with state.transaction() as locked:
            _switch(locked, stage, stale, pieces)
    finally:
        stage.drop()
    return BuildReport({name: days for name, days in stale.items() if days})


def _inputs(mart: Mart, stale: Mapping[str, Sequence[date]], staged: Mapping[str, str]) -> list[Relation]:
    """Return what a mart reads for its stale days: what was built just now, and what was built before."""
    wanted = stale[mart.name]
    relations: list[Relation] = []
    for name in day_inputs(mart):
        table = schema.table(name)
        fresh = frozenset(stale.get(name, ()))
        parts = [(built_name(table), tuple(day for day in wanted if day not in fresh))]
        if name in staged:
            parts.append((staged[name], tuple(day for day in wanted if day in fresh)))
        relations.append(Relation(table, tuple(part for part in parts if part[1]) or ((built_name(table), ()),)))
    if SELLERS.name in mart.inputs:
        relations.append(Relation(SELLERS, ((staged[SELLERS.name], None),)))
    return relations


def _switch(
    locked: StateConnection,
    stage: StageTables,
    stale: Mapping[str, Sequence[date]],
    pieces: dict[TableDay, tuple[Piece, ...]],
) -> None:
    """Put the days that were computed in the place of those that were built before, and note from what they came."""
    noted: list[dict[str, object]] = []
    for mart in DAY_MARTS:
        days = stale[mart.name]
        if not days:
            continue
        added = _replace_days(locked, mart.table, stage.names[mart.name], days, stage.version)
        pieces.update({(mart.name, day): () for day in days} | {piece.table_day: (piece,) for piece in added})
        remove_days(locked, [(mart.name, day) for day in days])
        add_files(locked, added)
        locked.execute("DELETE FROM mart_builds WHERE mart = $1 AND list_contains($2, day_on)", [mart.name, list(days)])
        for day in days:
            sha256 = _inputs_sha256(mart, day, pieces)
            if sha256 is not None:
                noted.append({"mart": mart.name, "day_on": day, "inputs_sha256": sha256})
    types = {"mart": pl.String, "day_on": pl.Date, "inputs_sha256": pl.String}
    insert_frame(locked, state_tables.MART_BUILDS, pl.DataFrame(noted, schema=types))


def _replace_days(
    locked: StateConnection, table: Table, stage: str, days: Sequence[date], version: str
) -> tuple[Piece, ...]:
    """Let the rows of a stage table be some days of what is built, and return the pieces."""
    built, names = built_name(table), ", ".join(table.names)
    locked.execute(f"DELETE FROM {built} WHERE list_contains($1, {table.day})", [list(days)])
    locked.execute(f"INSERT INTO {built} ({names}) SELECT {names} FROM {stage}")
    rows = locked.execute(f"SELECT {table.day}, count(*) FROM {stage} GROUP BY {table.day}").fetchall()
    return tuple(
        Piece(table.name, day, f"{table.name}/{table.day}={day.isoformat()}/{version}", int(count), 0, version)
        for day, count in rows
    )


def _inputs_sha256(mart: Mart, day: date, pieces: Mapping[TableDay, Collection[Piece]]) -> str | None:
    return hash_inputs(mart, (piece.path for name in day_inputs(mart) for piece in pieces.get((name, day), ())))


def _by_table_day(pieces: Iterable[Piece]) -> dict[TableDay, tuple[Piece, ...]]:
    grouped: defaultdict[TableDay, list[Piece]] = defaultdict(list)
    for piece in pieces:
        grouped[piece.table_day].append(piece)
    return {table_day: tuple(found) for table_day, found in grouped.items()}
