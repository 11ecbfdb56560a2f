"""The mart of the cards of the last minutes."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["PERFORMANCE_NOW"]

TEXT, INSTANT, COUNT, REAL = Kind.TEXT, Kind.INSTANT, Kind.COUNT, Kind.REAL

PERFORMANCE_NOW = Table(
    name="mart_performance_now",
    doc="The last 15 minutes of data, one card a row.",
    key=("metric",),
    columns=(
        Column(
            "metric",
            TEXT,
            "cache_hit_ratio (of the calls that say whether a response cache answered; where none does, of the lookups"
            " of the newest hour that has any), avg_response_ms and"
            " p95_response_ms (of the calls that succeeded), active_sessions (distinct sessions) or system_health (the"
            " status of the whole; its number is the share of services that are healthy).",
            True,
        ),
        Column("metric_value", REAL, "The number. Null: no data."),
        Column("text_value", TEXT, "What a person reads: 'no data' where there is none.", True),
        Column("window_minutes", COUNT, "Length of the window, in minutes.", True),
        Column(
            "data_through_at",
            INSTANT,
            "End of the window (UTC): the newest call, when lookups were last read anew, or the newest probe. Null: no data.",
        ),
    ),
    storage=Storage.SERVING,
)
