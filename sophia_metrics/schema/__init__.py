"""Every table, written once: DDL, Polars schemas and the data dictionary derive from here."""

import re

from sophia_metrics.schema import core, findings, findings_marts, focus, invoices, marts, state
from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = [
    "NEWEST_DAYS_NAMES",
    "OPERATIONS_NAMES",
    "TABLES",
    "Column",
    "Kind",
    "Storage",
    "Table",
    "stored",
    "table",
    "tables_in",
]

TABLES: tuple[Table, ...] = (
    core.USAGE_EVENTS,
    core.USAGE_UNITS,
    core.QUARANTINE,
    core.CACHE_SNAPSHOTS,
    core.CACHE_LOOKUPS,
    core.PROBE_RESULTS,
    core.INVOICE_LINES,
    state.INGEST_LEDGER,
    state.WATERMARKS,
    state.PRICE_CARDS,
    state.PRICE_CARD_UNITS,
    state.QUARANTINE_VERDICTS,
    state.PIPELINE_RUNS,
    state.QUALITY_VERDICTS,
    state.SCHEMA_CHANGES,
    state.HEARTBEATS,
    state.SERVICES,
    state.ALERT_RULES,
    state.ALERT_SILENCES,
    state.ALERT_EPISODES,
    state.ALERT_DELIVERIES,
    state.ALERT_ACKNOWLEDGEMENTS,
    state.VERSIONS,
    state.RECOVERIES,
    state.RETENTION,
    state.TOMBSTONES,
    state.BUDGETS,
    *findings.FINDINGS,
    state.CALENDAR_DAYS,
    state.BUDGET_PERIODS,
    focus.SELLERS,
    marts.COST_15MIN,
    marts.COST_HOURLY,
    marts.COST_DAILY,
    findings_marts.COST_PARTS,
    marts.USAGE_15MIN,
    marts.PRICE_ASSUMPTIONS,
    marts.LATENCY_HISTOGRAM,
    marts.MODEL_EFFICIENCY,
    marts.CACHE_PERFORMANCE,
    marts.SERVICE_15MIN,
    marts.SERVICE_AVAILABILITY,
    marts.SERVICE_HEALTH,
    marts.SOURCE_DAILY,
    marts.SETTLEMENT,
    invoices.RECONCILIATION_DAYS,
    invoices.RECONCILIATION,
    marts.COST_TREND,
    findings_marts.COST_CHANGE,
    marts.BUDGET_DAYS,
    marts.BUDGET_STATUS,
    findings_marts.COST_FORECAST,
    findings_marts.FORECAST_ACCURACY,
    findings_marts.ANOMALIES_MART,
    findings_marts.SUGGESTIONS_MART,
    findings_marts.SAVINGS,
    findings_marts.KPI,
    marts.PERFORMANCE_NOW,
    marts.PIPELINE_RUNS_MART,
    marts.FRESHNESS,
    marts.DATA_QUALITY,
    focus.FOCUS_COST_AND_USAGE,
    state.FILE_POSITIONS,
    state.MANIFEST,
    state.MANIFEST_DAYS,
    state.DAMAGED_DAYS,
    state.KEY_RUNS,
    state.MART_BUILDS,
    state.JUDGED_DAYS,
    state.PRICE_BOOKS,
    state.SCHEMA_MIGRATIONS,
    state.MIRRORS,
    state.MIRRORED_PARTS,
    state.FORWARDED_PARTS,
)

OPERATIONS_NAMES = frozenset(each.name for each in (*core.OBSERVED, *state.OPERATIONS))
"""Tables that live in the mirror of a Snowflake warehouse; see state.OPERATIONS."""

NEWEST_DAYS_NAMES = frozenset(each.name for each in (*core.USAGE_ROWS, focus.FOCUS_COST_AND_USAGE))
"""Tables and views of which the mirror of a Snowflake warehouse has the newest days only: Snowflake has all of them."""

_BY_NAME = {each.name: each for each in TABLES}


def table(name: str) -> Table:
    """Return the table of that name.

    Raises:
        KeyError: there is no such table.
    """
    return _BY_NAME[name]


def stored(*storages: Storage) -> tuple[Table, ...]:
    """Return the tables that live in one of these storages, in the order of TABLES."""
    return tuple(each for each in TABLES if each.storage in storages)


def tables_in(sql: str) -> tuple[Table, ...]:
    """Return the tables whose names are in a statement, in whatever case, in the order of TABLES."""
    words = set(re.findall(r"\w+", sql.lower()))
    return tuple(each for each in TABLES if each.name in words)
