"""State of day files: which files are a day now, which are damaged, and where keys stand."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["DAMAGED_DAYS", "KEY_RUNS", "MANIFEST", "MANIFEST_DAYS"]

TEXT, BOOLEAN, DATE, INSTANT, COUNT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT, Kind.COUNT

MANIFEST = Table(
    name="manifest",
    doc="Which files are the day now; DuckDB only.",
    key=("path",),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("day_on", DATE, "The UTC day.", True),
        Column("path", TEXT, "The file, relative to the state folder.", True),
        Column("row_count", COUNT, "Rows in the file.", True),
        Column("size_bytes", COUNT, "Bytes of the file.", True),
        Column("attempt_id", TEXT, "The attempt or build that wrote it.", True),
        Column("is_audited", BOOLEAN, "Its events were looked for on all other days. Null: not yet, or it holds none."),
        Column("sha256", TEXT, "SHA-256 of the file. Null: written before that was noted."),
    ),
    storage=Storage.INTERNAL,
)

MANIFEST_DAYS = Table(
    name="manifest_days",
    doc="What the manifest says of each day, once more, so that a row of it that is lost or changed is noticed.",
    key=("table_name", "day_on"),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("day_on", DATE, "The UTC day.", True),
        Column("file_count", COUNT, "Files of the day.", True),
        Column("row_count", COUNT, "Rows in them.", True),
        Column("files_sha256", TEXT, "Hash over their paths, rows, bytes and hashes.", True),
    ),
    storage=Storage.INTERNAL,
)

DAMAGED_DAYS = Table(
    name="damaged_days",
    doc="Days of which a file was lost or damaged: they wait to be made again, or could not be.",
    key=("table_name", "day_on"),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("day_on", DATE, "The UTC day.", True),
        Column("reason", TEXT, "What was found, in a sentence.", True),
        Column("row_count", COUNT, "Rows that the day had before.", True),
        Column("found_at", INSTANT, "When it was found (UTC).", True),
        Column("lost_count", COUNT, "Rows that nothing holds any more. Null: the day waits to be made again."),
    ),
    storage=Storage.INTERNAL,
)

KEY_RUNS = Table(
    name="key_runs",
    doc="Sorted files with the keys (event and day) of the day files that were audited; DuckDB only.",
    key=("path",),
    columns=(
        Column("path", TEXT, "The file, relative to the state folder.", True),
        Column("key_count", COUNT, "Keys in the file; no other file has them.", True),
        Column("size_bytes", COUNT, "Bytes of the file.", True),
    ),
    storage=Storage.INTERNAL,
)
