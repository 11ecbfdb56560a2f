"""State of alerts that people write."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["ALERT_ACKNOWLEDGEMENTS"]

ALERT_ACKNOWLEDGEMENTS = Table(
    name="core_alert_acknowledgements",
    doc="Who looks after which alert. While one holds nobody is reminded of the alert.",
    key=("episode_id", "acknowledged_at"),
    columns=(
        Column("episode_id", Kind.TEXT, "The episode in core_alert_episodes.", is_required=True),
        Column(
            "acknowledged_at",
            Kind.INSTANT,
            "Since when (UTC). It holds until the episode is over.",
            is_required=True,
        ),
        Column("acknowledged_by", Kind.TEXT, "Who. Null: nobody said."),
        Column("note", Kind.TEXT, "What they say. Null: nothing."),
    ),
    storage=Storage.STATE,
)
