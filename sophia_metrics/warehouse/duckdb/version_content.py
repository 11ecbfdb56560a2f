"""By what a version differs from another."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics.calendars import local_day, settled_on
from sophia_metrics.frames import fetch_row
from sophia_metrics.marts import MARTS
from sophia_metrics.schema import findings
from sophia_metrics.schema import state as state_tables
from sophia_metrics.warehouse.duckdb.serving_marts import fingerprint_of, time_zones

__all__ = ["FORMAT", "content_sha256", "is_aged"]

HEARTBEAT_SECONDS = 600
"""After so long a publish shows new heartbeats, although nothing else changed."""

FORMAT = 3
"""Raised when the layout of a serving version changes, so that the next publish writes one."""

CONTENT = {
    "manifest": ("path",),
    "core_ingest_ledger": ("attempt_id", "file_name", "status"),
    "core_price_cards": ("price_id", "known_from_at", "known_to_at"),
    "core_quarantine_verdicts": state_tables.QUARANTINE_VERDICTS.names,
    "core_tombstones": ("tombstone", "last_version"),
    "core_services": state_tables.SERVICES.names,
    "core_budgets": state_tables.BUDGETS.names,
    **{table.name: table.names for table in findings.FINDINGS},
    findings.FORECAST_SNAPSHOTS.name: findings.FORECAST_SNAPSHOTS.key,
    "core_recoveries": state_tables.RECOVERIES.names,
    "core_alert_episodes": ("episode_id", "state", "kept_back_by"),
    "core_alert_deliveries": ("episode_id", "channel", "sequence_number", "status"),
    "core_alert_acknowledgements": ("episode_id", "acknowledged_at"),
}
"""By which columns a version differs from another. Their hashes are added up where the rows are."""


def content_sha256(connection: duckdb.DuckDBPyConnection, folder: Path, now: datetime) -> str:
    """Hash everything that a version shows, but for when it was collected and which runs there were."""
    parts = [f"format {FORMAT}", str(folder), *(each.sql_sha256 for each in MARTS), *_days_now(connection, now)]
    for name, columns in CONTENT.items():
        parts.append(f"{name} {fetch_row(connection, f'SELECT {fingerprint_of(columns)} FROM {name}')}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _days_now(connection: duckdb.DuckDBPyConnection, now: datetime) -> list[str]:
    """Return which day it is in each time zone, and which days are settled: time alone changes what is shown."""
    sources = connection.execute(
        "SELECT source, settled_through_at FROM core_watermarks WHERE source_role = 'ledger' ORDER BY source"
    ).fetchall()
    return [
        f"{zone} {local_day(now, zone)} {[(source, at and settled_on(at, zone)) for source, at in sources]}"
        for zone in time_zones(connection)
    ]


def is_aged(connection: duckdb.DuckDBPyConnection, published_at: datetime, now: datetime) -> bool:
    """Say whether readers would soon take a source for stale, or a flow for late, although nothing changed."""
    rows = connection.execute(
        "SELECT collected_at, expected_within_seconds FROM core_watermarks UNION ALL "
        f"SELECT succeeded_at, {HEARTBEAT_SECONDS * 2} FROM core_heartbeats "
        "WHERE succeeded_at IS NOT NULL AND expected_within_seconds IS NOT NULL"
    ).fetchall()
    return any(
        collected > published_at and now - published_at > timedelta(seconds=seconds / 2) for collected, seconds in rows
    )
