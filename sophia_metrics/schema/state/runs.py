"""State of our own flows: their runs, and when each last did its work."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["HEARTBEATS", "PIPELINE_RUNS"]

TEXT, INSTANT, COUNT = Kind.TEXT, Kind.INSTANT, Kind.COUNT

PIPELINE_RUNS = Table(
    name="core_pipeline_runs",
    doc="One run of a flow; mart_pipeline_runs shows it.",
    key=("run_id",),
    columns=(
        Column("run_id", TEXT, "Prefect's id of the flow run, or our own for a plain run.", True),
        Column("flow", TEXT, "Name of the flow.", True),
        Column("started_at", INSTANT, "Start (UTC).", True),
        Column("ended_at", INSTANT, "End (UTC). Null: still running, or killed."),
        Column("row_count", COUNT, "Rows read."),
        Column("run_status", TEXT, "running, completed, held, failed, or lost: it was killed, and said nothing.", True),
        Column("version", COUNT, "The first published version that shows the run. Null: none yet."),
    ),
    storage=Storage.STATE,
)

HEARTBEATS = Table(
    name="core_heartbeats",
    doc="When each of our own flows last did its work, and within how long it is expected to do it again.",
    key=("flow",),
    columns=(
        Column("flow", TEXT, "Name of the flow.", True),
        Column("succeeded_at", INSTANT, "End of its last run that did its work (UTC). Null: none is known."),
        Column(
            "failed_at",
            INSTANT,
            "End of its last failed run, or when a killed one was found (UTC). Null: none is known.",
        ),
        Column(
            "scheduled_since_at", INSTANT, "When it was first seen on a schedule (UTC). Null: on none, or never seen."
        ),
        Column("interval_seconds", COUNT, "How often its schedule lets it run. Null: nobody expects it."),
        Column("expected_within_seconds", COUNT, "It is late when its last success is older. Null: nobody expects it."),
    ),
    storage=Storage.STATE,
)
