"""The marts of a version that are computed when it is published, from the newest days of what they read.

However long the history is, publishing costs the same: no such mart looks back further than a fixed number of days.
One whose inputs are those of the version before stays as the copy has it: its comment says from what it was computed.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics import schema
from sophia_metrics.calendars import DAYS_BACK, calendar_frame
from sophia_metrics.frames import fetch_row
from sophia_metrics.marts import MARTS, Mart
from sophia_metrics.periods import Terms, period_frame
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.quoting import literal
from sophia_metrics.schema import core, focus
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.schema.marts import BUDGET_DAYS, FRESHNESS
from sophia_metrics.serving import HELD_NAME
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import Piece
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = [
    "VIEW_MARTS",
    "budget_terms",
    "create_serving_marts",
    "create_view",
    "fingerprint_of",
    "recent_days",
    "tag_days",
    "time_zones",
]

VIEW_MARTS = frozenset(
    {
        "mart_data_quality",
        "mart_freshness",
        "mart_pipeline_runs",
        "mart_reconciliation",
        "mart_service_availability",
        "mart_service_health",
    }
)
"""Marts that whoever reads them computes: they read the clock, or are as long as their table."""

STEP = re.compile(r"^((?:WITH )?\w+) AS \($", re.MULTILINE)
"""Where a step of a statement begins. DuckDB computes one that is read twice beforehand, of all days, unless it is told
not to: then a filter on the day reaches the files."""

PARTS_DAYS = 92
"""So many days before now changes look back: 28 days and the 28 before, a month to date and the month before."""

MONTH_DAYS = 66
"""So many days before now budgets look back: this month, the one before it, and a day for time zones."""


def create_serving_marts(
    version: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    files: Sequence[Piece],
    zones: Sequence[str],
    shown: Mapping[str, str],
    now: datetime,
) -> None:
    """Compute the serving marts of a version whose state tables and views are there already.

    `shown` tells, for each state table, its rows from others.
    """
    inputs = {**shown, **_write_calendar(version, zones, now), **_write_sellers(version)}
    for each in MARTS:
        if each.table.storage is Storage.VIEW:  # before tables have other rows for the marts of the present
            create_view(version, each.name, STEP.sub(r"\1 AS NOT MATERIALIZED (", each.sql))
    recent = recent_days(version, now)
    for table in schema.stored(Storage.DAY_FILES):
        days = recent.get(table.name)
        own = [file for file in files if file.table_name == table.name]
        inputs[table.name] = store.relation(table, own if days is None else _recent(own, table, now, days))
        if days is not None:
            version.execute(f"CREATE TEMP VIEW {table.name} AS {inputs[table.name]}")
    inputs[core.QUARANTINE.name] += shown[state_tables.QUARANTINE_VERDICTS.name]  # a verdict is a column of its row
    inputs[core.CACHE_LOOKUPS.name] = _newest_rows(store, files, core.CACHE_LOOKUPS)
    version.execute(f"CREATE TEMP VIEW {core.CACHE_LOOKUPS.name} AS {inputs[core.CACHE_LOOKUPS.name]}")
    for each in MARTS:
        if each.table.storage is Storage.SERVING:
            if core.USAGE_EVENTS.name in each.inputs:
                events = inputs[core.USAGE_EVENTS.name] = _events_of(each, version, store, files, now)
                version.execute(f"CREATE OR REPLACE TEMP VIEW {core.USAGE_EVENTS.name} AS {events}")
            inputs[each.name] = _inputs_sha256(each, inputs, now)
            _create_serving_mart(version, each, store.folder / "serving", inputs[each.name], now)


def fingerprint_of(columns: Iterable[str]) -> str:
    """Return an aggregate that tells one set of rows from another, whatever their order."""
    return f"count(*), sum(hash({', '.join(columns)}))"


def _inputs_sha256(mart: Mart, inputs: Mapping[str, str], now: datetime) -> str:
    """Hash all that the rows of a mart depend on; the marts of views depend on the clock of whoever reads them."""
    clock = [str(now)] if mart.parameters or mart.name in VIEW_MARTS else []
    parts = [mart.sql_sha256, *clock, *(f"{name} {inputs[name]}" for name in mart.inputs)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def time_zones(connection: StateConnection) -> list[str]:
    """Return UTC and the time zones of budgets."""
    rows = connection.execute("SELECT DISTINCT time_zone FROM core_budgets WHERE time_zone <> 'UTC'").fetchall()
    return ["UTC", *sorted(str(zone) for (zone,) in rows)]


def budget_terms(connection: StateConnection) -> list[Terms]:
    """Return how budgets cut time."""
    rows = connection.execute("SELECT DISTINCT time_zone, period, coalesce(start_day, 1) FROM core_budgets").fetchall()
    return [Terms(str(zone), period, int(start_day)) for zone, period, start_day in rows]


def recent_days(connection: StateConnection, now: datetime) -> dict[str, int]:
    """Return how many days before now of a table the serving marts read: publishing costs the same after years."""
    return {
        "mart_cost_daily": DAYS_BACK,
        "mart_cost_15min": budget_days(connection, now),
        "mart_cost_parts": PARTS_DAYS,
        "mart_source_daily": DAYS_BACK,
        "mart_cache_performance": DAYS_BACK,
        "mart_service_15min": DAYS_BACK,
    }


def budget_days(connection: StateConnection, now: datetime) -> int:
    """Return how many days before now budgets look back: quarters are long, and most have none."""
    row = fetch_row(
        connection,
        "SELECT budget FROM core_budgets "
        "WHERE period = 'quarter' AND (valid_to_at IS NULL OR valid_to_at > $1) LIMIT 1",
        [now - timedelta(days=DAYS_BACK)],
    )
    return MONTH_DAYS if row is None else DAYS_BACK


def tag_days(connection: StateConnection, now: datetime) -> int | None:
    """Return how many days before now of core the budgets of tags read. None: there are none."""
    tags = fetch_row(connection, "SELECT budget FROM core_budgets WHERE starts_with(scope_type, 'tag:') LIMIT 1")
    return None if tags is None else budget_days(connection, now)


def create_view(version: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    """Create a view, unless the copy has it over the same files already; its comment says of which statement it is."""
    sha256 = hashlib.sha256(rows.encode()).hexdigest()
    known = fetch_row(version, "SELECT comment FROM duckdb_views() WHERE view_name = $1 AND NOT temporary", [name])
    if known != (sha256,):
        version.execute(f"CREATE OR REPLACE VIEW {name} AS {rows}")
        version.execute(f"COMMENT ON VIEW {name} IS {literal(sha256)}")


def _write_calendar(version: duckdb.DuckDBPyConnection, time_zones: Sequence[str], now: datetime) -> dict[str, str]:
    """Write the days and the periods that marts read, and return what tells their rows from others."""
    frames = {
        state_tables.CALENDAR_DAYS: calendar_frame(time_zones, now),
        state_tables.BUDGET_PERIODS: period_frame(budget_terms(version), now),
    }
    shown: dict[str, str] = {}
    for table, frame in frames.items():
        version.execute(create_table(table))
        version.execute(f"DELETE FROM {table.name}")
        insert_frame(version, table, frame)
        shown[table.name] = str(fetch_row(version, f"SELECT {fingerprint_of(table.names)} FROM {table.name}"))
    return shown


def _write_sellers(version: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Write who sells calls; the hash of a mart that reads it tells its rows from others."""
    sellers = focus.SELLERS
    version.execute(create_table(sellers))
    version.execute(f"DELETE FROM {sellers.name}")
    insert_frame(version, sellers, seller_frame())
    return {sellers.name: ""}


def _recent(files: Iterable[Piece], table: Table, now: datetime, days: int) -> list[Piece]:
    first = now.date() - timedelta(days=days)
    return [file for file in files if file.table_name == table.name and file.day_on >= first]


def _events_of(
    mart: Mart,
    version: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    files: Sequence[Piece],
    now: datetime,
) -> str:
    """Return the events that a serving mart needs to see: the newest ones, or those of budgets of tags."""
    if mart.name != BUDGET_DAYS.name:
        return _newest_rows(store, files, core.USAGE_EVENTS)
    back = tag_days(version, now)
    return store.relation(core.USAGE_EVENTS, _recent(files, core.USAGE_EVENTS, now, back) if back else [])


def _newest_rows(store: DayFileStore, files: Iterable[Piece], table: Table) -> str:
    """Return a relation over the last two days that a table has: enough for the last 15 minutes or hour of data."""
    own = [file for file in files if file.table_name == table.name]
    newest = set(sorted({file.day_on for file in own})[-2:])
    return store.relation(table, [file for file in own if file.day_on in newest])


def _create_serving_mart(
    version: duckdb.DuckDBPyConnection, mart: Mart, serving: Path, inputs_sha256: str, now: datetime
) -> None:
    if mart.name in VIEW_MARTS:
        rows = re.sub(r"\$now\b", "(now() AT TIME ZONE 'UTC')", mart.sql)
        create_view(version, mart.name, _held_is_stale(rows, serving) if mart.table is FRESHNESS else rows)
        return
    known = fetch_row(version, "SELECT comment FROM duckdb_tables() WHERE table_name = $1", [mart.name])
    if known == (inputs_sha256,):
        return
    version.execute(create_table(mart.table))
    version.execute(f"DELETE FROM {mart.name}")
    version.execute(f"INSERT INTO {mart.name} BY NAME {mart.sql}", dict.fromkeys(mart.parameters, now))
    version.execute(f"COMMENT ON TABLE {mart.name} IS {literal(inputs_sha256)}")


def _held_is_stale(rows: str, serving: Path) -> str:
    """Return the rows of mart_freshness, in which tables are stale as long as a newer version is held back."""
    held = literal(str(serving / HELD_NAME))
    return (
        "SELECT subject, newest_at, expected_within_seconds, is_stale OR (starts_with(subject, 'core_') "
        f"AND EXISTS (SELECT 1 FROM glob({held}))) AS is_stale FROM ({rows}) AS freshness"
    )
