"""Marts of services."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table
from sophia_metrics.schema.marts.dimensions import USAGE_ON

__all__ = ["SERVICE", "SERVICE_15MIN", "SERVICE_AVAILABILITY", "SERVICE_HEALTH"]

TEXT, BOOLEAN, INSTANT, COUNT, REAL = Kind.TEXT, Kind.BOOLEAN, Kind.INSTANT, Kind.COUNT, Kind.REAL

SERVICE = Column("service", TEXT, "As in core_probe_results.", True)

SERVICE_15MIN = Table(
    name="mart_service_15min",
    doc="How long each service answered, by quarter of an hour. A result stands for the time until the next one, at"
    " most 2.5 intervals, and for one interval where none follows on its day; it counts in the quarter of its probe.",
    key=("service", "period_at"),
    columns=(
        SERVICE,
        Column("period_at", INSTANT, "Start of the quarter of an hour (UTC).", True),
        USAGE_ON,
        Column("available_ms", REAL, "Time after results that were ok or degraded.", True),
        Column("unavailable_ms", REAL, "Time after results that failed.", True),
        Column("unknown_ms", REAL, "Time after results that told nothing: skipped, or from a bad vantage.", True),
        Column("maintenance_ms", REAL, "Time in maintenance.", True),
        Column("result_count", COUNT, "Results.", True),
        Column("failed_count", COUNT, "Results that failed, in maintenance and from a bad vantage too.", True),
        Column("latency_ms_sum", REAL, "Sum of the known latencies."),
        Column("latency_count", COUNT, "Results with a known latency.", True),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("service", "period_at"),
)

SERVICE_AVAILABILITY = Table(
    name="mart_service_availability",
    doc="The share of time in which a service answered, by UTC day, and what is left of its error budget. It is computed"
    " when it is read. A day without any result of the service has no row.",
    key=("service", "usage_on"),
    columns=(
        SERVICE,
        USAGE_ON,
        Column(
            "available_ratio",
            REAL,
            "Answered time by known time; unknown time and maintenance are in neither. Null: nothing is known.",
        ),
        Column(
            "unknown_seconds",
            COUNT,
            "Time of the day, as far as it has passed and the service was watched, of which nothing is known.",
            True,
        ),
        Column("maintenance_seconds", COUNT, "Time in maintenance.", True),
        Column(
            "error_budget_left_ratio",
            REAL,
            "1: nothing is used of what the objective allows over the 30 days that end with this one, as a share of"
            " their known time; 0: all; negative: more. Null: no objective, or nothing is known.",
        ),
        Column(
            "burn_1h",
            REAL,
            "How fast the budget was used in the last hour of the day's results, in whole quarters: 1 uses it up in"
            " exactly its period. Null: no objective, or nothing is known of that hour.",
        ),
        Column("burn_6h", REAL, "The same over six hours, of the day before too."),
        Column("burn_3d", REAL, "The same over three days."),
    ),
    storage=Storage.SERVING,
)

SERVICE_HEALTH = Table(
    name="mart_service_health",
    doc="How each service is. It is computed when it is read, so that probes that stand still show.",
    key=("service",),
    columns=(
        SERVICE,
        Column(
            "status",
            TEXT,
            "healthy, degraded, down, unknown or maintenance. Without a result for 2.5 intervals it is unknown.",
            True,
        ),
        Column("since_at", INSTANT, "Since when it has this status (UTC).", True),
        Column("last_probed_at", INSTANT, "When it was last asked (UTC).", True),
        Column("latency_ms", REAL, "How long the last answer took. Null: none came."),
        Column("message", TEXT, "What was wrong then. Null: nothing."),
        Column("is_stale", BOOLEAN, "It has no result for 2.5 intervals.", True),
        Column("required_by", TEXT, "Who needs it, with commas between. Null: nobody is named."),
        Column("kind", TEXT, "How it is asked: http, tcp, redis, or component for our own.", True),
        Column("is_required", BOOLEAN, "The whole is down when it is; else only degraded.", True),
    ),
    storage=Storage.SERVING,
)
