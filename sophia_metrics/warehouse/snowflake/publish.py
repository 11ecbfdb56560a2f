"""Publishing on Snowflake: one transaction by which SQL users see what is built, and a row that says so.

The marts of the present are computed into stage tables first. Days whose built rows are not the published ones are
deleted and inserted; everybody sees all of it at once, or nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from uuid import uuid4

import polars as pl

from sophia_metrics import schema
from sophia_metrics.calendars import calendar_frame, local_day
from sophia_metrics.frames import fetch_row
from sophia_metrics.marts import MARTS, Mart
from sophia_metrics.periods import period_frame
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema import core, focus
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.schema.marts import BUDGET_DAYS
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.duckdb.serving_marts import budget_terms, recent_days, tag_days, time_zones
from sophia_metrics.warehouse.holding import day_held_because
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import Piece, TableDay, files_of
from sophia_metrics.warehouse.snowflake.build import StageTables
from sophia_metrics.warehouse.snowflake.reading import Relation
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.snowflake.tables import PUBLISHED_DAYS, built_name
from sophia_metrics.warehouse.staleness import DAY_MARTS, stale_days
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["publish_version"]

SERVING_MARTS = tuple(mart for mart in MARTS if mart.table.storage is Storage.SERVING)
NEWEST_DAYS = 2
"""So many days of a table hold the last minutes and hours of its rows."""

CALENDAR, PERIODS = state_tables.CALENDAR_DAYS, state_tables.BUDGET_PERIODS
CHANGING = {
    "core_ingest_ledger": "count(*), max(finished_at)",
    "core_price_cards": "count(*), max(known_from_at), max(known_to_at)",
    "core_quarantine_verdicts": "count(*), max(verdict_at)",
    "core_budgets": "count(*), max(valid_from_at), count(valid_to_at), max(valid_to_at)",
    "core_forecast_snapshots": "count(*), max(made_at)",
    "core_anomalies": "count(*), max(found_at), count(ended_at), max(ended_at)",
    "core_suggestions": "count(*), max(computed_at), count(ended_at), max(ended_at)",
    "core_kpi_baselines": "count(*), max(set_at)",
    "core_watermarks": "count(*), max(settled_through_at)",
    "core_services": "count(*)",
    "core_pipeline_runs": "count(*), max(started_at)",
}
"""What tells that the marts of the present would come out otherwise."""


def publish_version(state: SnowflakeState, session: SnowflakeSession, now: datetime) -> bool:
    """Publish what is built; say whether all that is committed is built. False: nothing is published.

    Nothing happens either where nothing has changed, or where a day is held.
    """
    with state.transaction() as locked:
        row = fetch_row(locked, "SELECT version, content_sha256 FROM core_versions ORDER BY version DESC LIMIT 1")
        number, known = (int(row[0]), row[1]) if row else (0, None)
        if any(stale_days(locked).values()):
            return False
        if day_held_because(locked) is not None:
            return True
        content = _content_sha256(locked, now)
        listed = files_of(locked, [mart.name for mart in DAY_MARTS])
        if content == known and not _days_that_differ(locked, listed):
            return True
        days, zones, terms = _read_days(locked, now), time_zones(locked), budget_terms(locked)
    stage = StageTables(session, f"publish-{uuid4().hex}", now)
    try:
        stage.keep(CALENDAR, calendar_frame(zones, now))
        stage.keep(PERIODS, period_frame(terms, now))
        stage.keep(focus.SELLERS, seller_frame())
        for mart in SERVING_MARTS:
            stage.fill(mart.table, mart.sql, dict.fromkeys(mart.parameters, now), _inputs(mart, days, stage.names))
        with state.transaction() as locked:
            if files_of(locked, [mart.name for mart in DAY_MARTS]) != listed:
                return False  # another run has built meanwhile
            _switch_days(locked, listed)
            for table in (CALENDAR, PERIODS, focus.SELLERS, *(mart.table for mart in SERVING_MARTS)):
                _replace(locked, table, stage.names[table.name])
            _note_version(locked, number + 1, content, now)
        return True
    finally:
        stage.drop()


def _note_version(locked: StateConnection, number: int, content: str, now: datetime) -> None:
    sample = fetch_row(locked, "SELECT source FROM core_watermarks WHERE source = $1", [SAMPLE_SOURCE])
    locked.execute(
        "INSERT INTO core_versions (version, published_at, content_sha256, is_sample) VALUES ($1, $2, $3, $4)",
        [number, now, content, sample is not None],
    )


def _content_sha256(locked: StateConnection, now: datetime) -> str:
    """Hash what tells that a version would show something else, the day that it is in each time zone included."""
    parts = [each.sql_sha256 for each in MARTS]
    parts += [f"{zone} {local_day(now, zone)}" for zone in time_zones(locked)]
    parts += [f"{name} {fetch_row(locked, f'SELECT {facts} FROM {name}')}" for name, facts in CHANGING.items()]
    parts += [f"{piece.path}" for piece in files_of(locked, [core.PROBE_RESULTS.name, core.CACHE_LOOKUPS.name])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read_days(locked: StateConnection, now: datetime) -> dict[str, tuple[date, ...]]:
    """Return which days of tables the marts of the present read; as on DuckDB they do not grow with history."""
    days = {name: _days_since(locked, name, now, back) for name, back in recent_days(locked, now).items()}
    for table in (core.USAGE_EVENTS, core.CACHE_LOOKUPS):
        days[table.name] = _days_of(locked, table.name)[-NEWEST_DAYS:]
    back = tag_days(locked, now)
    days[BUDGET_DAYS.name] = _days_since(locked, core.USAGE_EVENTS.name, now, back) if back else ()
    return days


def _days_since(locked: StateConnection, name: str, now: datetime, back: int) -> tuple[date, ...]:
    first = now.date() - timedelta(days=back)
    return tuple(day for day in _days_of(locked, name) if day >= first)


def _days_of(locked: StateConnection, name: str) -> tuple[date, ...]:
    return tuple(sorted({piece.day_on for piece in files_of(locked, [name])}))


def _inputs(mart: Mart, days: Mapping[str, tuple[date, ...]], staged: Mapping[str, str]) -> Iterator[Relation]:
    """Yield what a mart of the present reads in the place of its inputs; state tables are read as they are."""
    for name in mart.inputs:
        table = schema.table(name)
        if name in staged:
            yield Relation(table, ((staged[name], None),))
        elif table is core.USAGE_EVENTS and mart.table is BUDGET_DAYS:
            yield Relation(table, ((name, days[BUDGET_DAYS.name]),))
        elif table.storage is Storage.DAY_FILES:
            yield Relation(table, ((built_name(table), days.get(name)),))


def _days_that_differ(locked: StateConnection, listed: Iterable[Piece]) -> frozenset[TableDay]:
    """Return the days of marts whose published rows are not the built ones, those that are gone included."""
    rows = locked.execute(f"SELECT table_name, day_on, path FROM {PUBLISHED_DAYS.name}").fetchall()
    published = {(str(name), day): str(path) for name, day, path in rows}
    built = {piece.table_day: piece.path for piece in listed}
    return frozenset(day for day in published.keys() | built.keys() if published.get(day) != built.get(day))


def _switch_days(locked: StateConnection, listed: Iterable[Piece]) -> None:
    """Put the built rows of days in the place of the published ones, and note which they are."""
    pieces = list(listed)
    differing = _days_that_differ(locked, pieces)
    for mart in DAY_MARTS:
        table, names = mart.table, ", ".join(mart.table.names)
        days = sorted(day for name, day in differing if name == mart.name)
        if not days:
            continue
        among = f"WHERE list_contains($1, {table.day})"
        locked.execute(f"DELETE FROM {table.name} {among}", [days])
        locked.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {built_name(table)} {among}", [days])
        locked.execute(
            f"DELETE FROM {PUBLISHED_DAYS.name} WHERE table_name = $1 AND list_contains($2, day_on)", [mart.name, days]
        )
    rows = [(*piece.table_day, piece.path) for piece in pieces if piece.table_day in differing]
    insert_frame(locked, PUBLISHED_DAYS, pl.DataFrame(rows, schema=polars_schema(PUBLISHED_DAYS), orient="row"))


def _replace(locked: StateConnection, table: Table, stage: str) -> None:
    """Let a table hold the rows of a stage table, and none else."""
    names = ", ".join(table.names)
    locked.execute(f"DELETE FROM {table.name}")
    locked.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {stage}")
