"""State of quality: what was judged, and what became of it."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["JUDGED_DAYS", "QUALITY_VERDICTS", "QUARANTINE_VERDICTS", "VERDICT_COLUMNS"]

TEXT, BOOLEAN, DATE, INSTANT, COUNT, REAL = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT, Kind.COUNT, Kind.REAL

VERDICT_COLUMNS = (
    Column("suite", TEXT, "The table that was judged, or what was compared.", True),
    Column("expectation", TEXT, "What must hold; docs/quality.md lists them.", True),
    Column("judged_at", INSTANT, "When it was judged (UTC).", True),
    Column("is_passed", BOOLEAN, "It holds.", True),
    Column("severity", TEXT, "error: while it fails nothing is published; warning: it is shown, and no more.", True),
    Column("dimension", TEXT, "completeness, accuracy, timeliness, consistency or validity.", True),
    Column("observed", REAL, "Share of the rows that break it, 0 to 1. Null: there were no rows."),
    Column("failed_count", COUNT, "Rows that break it.", True),
    Column("checked_count", COUNT, "Rows that were looked at: those of the days that had changed.", True),
    Column("checked_by", TEXT, "sql, great_expectations, or sql+great_expectations.", True),
)
"""What became of an expectation, after the run: in the state and in the mart that shows it."""

QUALITY_VERDICTS = Table(
    name="core_quality_verdicts",
    doc="What became of an expectation in a run, held ones too; mart_data_quality shows it.",
    key=("run_id", "suite", "expectation"),
    columns=(
        Column("run_id", TEXT, "The run in core_pipeline_runs.", True),
        *VERDICT_COLUMNS,
    ),
    storage=Storage.STATE,
)

QUARANTINE_VERDICTS = Table(
    name="core_quarantine_verdicts",
    doc="What a person or a retry decided about a quarantined row; the newest verdict holds.",
    key=("quarantine_id", "verdict_at"),
    columns=(
        Column("quarantine_id", TEXT, "The row of core_quarantine.", True),
        Column("verdict", TEXT, "open, retried or discarded.", True),
        Column("verdict_at", INSTANT, "When it was decided (UTC).", True),
    ),
    storage=Storage.STATE,
)

JUDGED_DAYS = Table(
    name="judged_days",
    doc="From which files and for which expectations each day was judged; a day of other files is judged again.",
    key=("day_on",),
    columns=(
        Column("day_on", DATE, "The UTC day.", True),
        Column("inputs_sha256", TEXT, "Hash over the paths of its files and the expectations. Null: it has no files."),
        Column("held_because", TEXT, "Why nothing is published while the day is like this. Null: it has passed."),
        Column("judged_at", INSTANT, "When it was judged (UTC).", True),
    ),
    storage=Storage.INTERNAL,
)
