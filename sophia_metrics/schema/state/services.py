"""State of services: what is watched."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["SERVICES"]

TEXT, BOOLEAN, INSTANT, COUNT, REAL = Kind.TEXT, Kind.BOOLEAN, Kind.INSTANT, Kind.COUNT, Kind.REAL

SERVICES = Table(
    name="core_services",
    doc="What is watched, and how it was when it was last asked.",
    key=("service",),
    columns=(
        Column("service", TEXT, "As in core_probe_results.", True),
        Column("kind", TEXT, "How it is asked: http, tcp, redis, or component for our own.", True),
        Column("is_required", BOOLEAN, "The whole is down when it is; else only degraded.", True),
        Column("required_by", TEXT, "Who needs it, with commas between. Null: nobody is named."),
        Column("objective_ratio", REAL, "The share of time in which it should answer. Null: nobody said."),
        Column("interval_seconds", COUNT, "How often it is asked.", True),
        Column("status", TEXT, "Its status after its last result: as in core_probe_results.", True),
        Column("since_at", INSTANT, "Since when it has this status (UTC).", True),
        Column("probed_at", INSTANT, "When it was last asked (UTC).", True),
        Column("stale_at", INSTANT, "Until when that holds (UTC): 2.5 intervals later nothing is known of it.", True),
        Column("latency_ms", REAL, "How long the last answer took. Null: none came."),
        Column("message", TEXT, "What was wrong then. Null: nothing."),
        Column("added_at", INSTANT, "When it was first asked since it is watched (UTC).", True),
        Column("removed_at", INSTANT, "When it was found to be watched no longer (UTC). Null: it is watched."),
    ),
    storage=Storage.STATE,
)
