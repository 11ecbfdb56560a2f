"""Marts of our own work: runs, verdicts, and how old the data are."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table
from sophia_metrics.schema.state.quality import VERDICT_COLUMNS

__all__ = ["DATA_QUALITY", "FRESHNESS", "PIPELINE_RUNS_MART"]

TEXT, BOOLEAN, INSTANT, COUNT, REAL = Kind.TEXT, Kind.BOOLEAN, Kind.INSTANT, Kind.COUNT, Kind.REAL

PIPELINE_RUNS_MART = Table(
    name="mart_pipeline_runs",
    doc="The runs of our own flows.",
    key=("run_id",),
    columns=(
        Column("run_id", TEXT, "Id of the run.", True),
        Column("flow", TEXT, "Name of the flow.", True),
        Column("started_at", INSTANT, "Start (UTC).", True),
        Column("duration_ms", REAL, "How long it took. Null: still running, or killed."),
        Column("row_count", COUNT, "Rows read."),
        Column(
            "run_status",
            TEXT,
            "running, completed, held, failed, or lost: it was killed, or runs without an end for more than a day.",
            True,
        ),
        Column("version", COUNT, "The published version that the run left behind."),
    ),
    storage=Storage.SERVING,
)

DATA_QUALITY = Table(
    name="mart_data_quality",
    doc="What became of every expectation in every run; the verdicts of a run that was held are in the next version.",
    key=("run_id", "suite", "expectation"),
    columns=(
        Column("run_id", TEXT, "The run in mart_pipeline_runs.", True),
        *VERDICT_COLUMNS,
    ),
    storage=Storage.SERVING,
)

FRESHNESS = Table(
    name="mart_freshness",
    doc="How old the data of each source are, and which of our own flows are late. It is computed when it is read, so that a pipeline that stands still shows.",
    key=("subject",),
    columns=(
        Column(
            "subject", TEXT, "The source; the table that it feeds; or flow: and the name of a flow on a schedule.", True
        ),
        Column(
            "newest_at",
            INSTANT,
            "A source: its last successful collection, new rows or not. A table: its newest event. A flow: its last success (UTC).",
        ),
        Column(
            "expected_within_seconds",
            COUNT,
            "How old the newest_at of a source or flow may grow. A table: the greatest of its sources'.",
            True,
        ),
        Column(
            "is_stale",
            BOOLEAN,
            "A source or flow: newest_at is older than that. A table: one of its sources is stale, or it has none.",
            True,
        ),
    ),
    storage=Storage.SERVING,
)
