"""State and decisions: what was collected, which prices hold, which versions were published; by what it is the state of."""

from sophia_metrics.schema.state.alerts import (
    ALERT_ACKNOWLEDGEMENTS,
    ALERT_DELIVERIES,
    ALERT_EPISODES,
    ALERT_RULES,
    ALERT_SILENCES,
)
from sophia_metrics.schema.state.budgets import BUDGET_PERIODS, BUDGETS, CALENDAR_DAYS
from sophia_metrics.schema.state.day_files import DAMAGED_DAYS, KEY_RUNS, MANIFEST, MANIFEST_DAYS
from sophia_metrics.schema.state.mirror import FORWARDED_PARTS, MIRRORED_PARTS, MIRRORS
from sophia_metrics.schema.state.prices import PRICE_BOOKS, PRICE_CARD_UNITS, PRICE_CARDS
from sophia_metrics.schema.state.quality import JUDGED_DAYS, QUALITY_VERDICTS, QUARANTINE_VERDICTS
from sophia_metrics.schema.state.retention import RETENTION, TOMBSTONES
from sophia_metrics.schema.state.runs import HEARTBEATS, PIPELINE_RUNS
from sophia_metrics.schema.state.services import SERVICES
from sophia_metrics.schema.state.sources import FILE_POSITIONS, INGEST_LEDGER, SCHEMA_CHANGES, WATERMARKS
from sophia_metrics.schema.state.state_file import RECOVERIES, SCHEMA_MIGRATIONS
from sophia_metrics.schema.state.versions import MART_BUILDS, VERSIONS

__all__ = [
    "ALERT_ACKNOWLEDGEMENTS",
    "ALERT_DELIVERIES",
    "ALERT_EPISODES",
    "ALERT_RULES",
    "ALERT_SILENCES",
    "BUDGETS",
    "BUDGET_PERIODS",
    "CALENDAR_DAYS",
    "DAMAGED_DAYS",
    "FILE_POSITIONS",
    "FORWARDED_PARTS",
    "HEARTBEATS",
    "INGEST_LEDGER",
    "JUDGED_DAYS",
    "KEY_RUNS",
    "MANIFEST",
    "MANIFEST_DAYS",
    "MART_BUILDS",
    "MIRRORED_PARTS",
    "MIRRORS",
    "OPERATIONS",
    "OWN",
    "PIPELINE_RUNS",
    "PRICE_BOOKS",
    "PRICE_CARDS",
    "PRICE_CARD_UNITS",
    "QUALITY_VERDICTS",
    "QUARANTINE_VERDICTS",
    "RECOVERIES",
    "RETENTION",
    "SCHEMA_CHANGES",
    "SCHEMA_MIGRATIONS",
    "SERVICES",
    "TOMBSTONES",
    "VERSIONS",
    "WATERMARKS",
]

OPERATIONS = (
    PIPELINE_RUNS,
    QUALITY_VERDICTS,
    HEARTBEATS,
    SERVICES,
    ALERT_RULES,
    ALERT_SILENCES,
    ALERT_EPISODES,
    ALERT_DELIVERIES,
    ALERT_ACKNOWLEDGEMENTS,
)
"""State that flows write every minute, or whatever becomes of the warehouse. Where Snowflake is the warehouse, these
and core.OBSERVED live in its mirror here and are forwarded from time to time, so that it may sleep; all other state
lives there and is copied here."""

OWN = (VERSIONS, RECOVERIES, RETENTION)
"""What each engine says of itself: nobody copies it."""
