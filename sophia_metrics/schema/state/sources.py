"""State of sources: what was read of each, how far, and which fields it has."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["FILE_POSITIONS", "INGEST_LEDGER", "SCHEMA_CHANGES", "WATERMARKS"]

TEXT, BOOLEAN, INSTANT, COUNT = Kind.TEXT, Kind.BOOLEAN, Kind.INSTANT, Kind.COUNT

INGEST_LEDGER = Table(
    name="core_ingest_ledger",
    doc="What was read, by file and byte range or by window, and what became of its rows. row_count = accepted + quarantined + duplicate + ignored.",
    key=("attempt_id", "source", "file_name", "window_start_at"),
    columns=(
        Column("source", TEXT, "Name of the configured source.", True),
        Column("attempt_id", TEXT, "The attempt; one landed file carries it.", True),
        Column(
            "status",
            TEXT,
            "committed; held: the gate kept it back; superseded: rebuilt or removed later.",
            True,
        ),
        Column("file_name", TEXT, "The file that was read. Null for a window of an API."),
        Column(
            "byte_start",
            COUNT,
            "First byte that was read, from 0. Packed files: of the unpacked text. Parquet: the first row, from 0.",
        ),
        Column("byte_end", COUNT, "The byte (or row) after the last one that was read."),
        Column("line_start", COUNT, "Number of the line at byte_start, from 1. Parquet: of the row."),
        Column(
            "reading_id",
            TEXT,
            "The reading that began at the file's first byte; rows of the ledger that go on from one another share it.",
        ),
        Column(
            "modified_ns",
            COUNT,
            "The modification time of the file when it was read, in nanoseconds of the epoch.",
        ),
        Column(
            "window_start_at",
            INSTANT,
            "Start of the window of which the file is everything that the source has (UTC). Null: it is not known to be.",
        ),
        Column("window_end_at", INSTANT, "End of that window, exclusive (UTC)."),
        Column("row_count", COUNT, "Rows read.", True),
        Column("accepted_count", COUNT, "Rows that became, or replaced, a row of core.", True),
        Column("quarantined_count", COUNT, "Rows in core_quarantine.", True),
        Column(
            "duplicate_count",
            COUNT,
            "Rows that core or the same attempt already has in the same or a newer version.",
            True,
        ),
        Column("ignored_count", COUNT, "Rows that are not usage.", True),
        Column("content_sha256", TEXT, "SHA-256 of the bytes that were read."),
        Column("started_min_at", INSTANT, "Smallest started_at of the accepted and duplicate rows (UTC)."),
        Column("started_max_at", INSTANT, "Greatest started_at of the accepted and duplicate rows (UTC)."),
        Column("error", TEXT, "Why it was held. Null otherwise."),
        Column("finished_at", INSTANT, "When the attempt was committed or held (UTC).", True),
    ),
    storage=Storage.STATE,
)

WATERMARKS = Table(
    name="core_watermarks",
    doc="How far each source has been collected, and on which terms its rows count.",
    key=("source",),
    columns=(
        Column("source", TEXT, "Name of the configured source.", True),
        Column("format", TEXT, "Format of its files.", True),
        Column("source_role", TEXT, "ledger: all or a part of it counts as usage; reconcile: is only compared.", True),
        Column(
            "billing",
            TEXT,
            "api: calls are paid one by one; subscription: they are not. Null: the source does not say.",
        ),
        Column("reported_basis", TEXT, "What its cost field means: billed or estimated. Null: it has none."),
        Column(
            "collected_at",
            INSTANT,
            "When the source was last collected successfully (UTC), new rows or not.",
            True,
        ),
        Column("newest_at", INSTANT, "Greatest started_at that the source has yielded (UTC). Never moves back."),
        Column(
            "expected_within_seconds",
            COUNT,
            "How old collected_at may grow before the source is stale.",
            True,
        ),
        Column(
            "settled_through_at",
            INSTANT,
            "Days that ended before it are settled for the source (UTC): collected_at less the time within which it"
            " may still tell of a day that has ended, an hour for files. Null: no day is settled.",
        ),
    ),
    storage=Storage.STATE,
)

SCHEMA_CHANGES = Table(
    name="core_schema_changes",
    doc="Fields that the files of a source have, since when, and whether we read them. JSON is looked at in samples.",
    key=("source", "field_name", "found_type"),
    columns=(
        Column("source", TEXT, "Name of the configured source.", True),
        Column("field_name", TEXT, "Key or column; a nested one as a dotted path.", True),
        Column(
            "found_type",
            TEXT,
            "string, number, boolean, object or array; in a typed file its own type.",
            True,
        ),
        Column(
            "change_kind",
            TEXT,
            "first: there when the source was first collected; new_field; new_type: known with another type.",
            True,
        ),
        Column(
            "is_read",
            BOOLEAN,
            "The format reads it. A field of a usage object that is not read may be usage that nobody counts.",
            True,
        ),
        Column("file_name", TEXT, "A file that has it.", True),
        Column("attempt_id", TEXT, "The attempt that found it.", True),
        Column("found_at", INSTANT, "When it was first found (UTC).", True),
    ),
    storage=Storage.STATE,
)

FILE_POSITIONS = Table(
    name="file_positions",
    doc="How far each file has been read, and how to know whether what was read still stands there.",
    key=("source", "file_name"),
    columns=(
        Column("source", TEXT, "Name of the configured source.", True),
        Column("file_name", TEXT, "The file.", True),
        Column("reading_id", TEXT, "The reading, as in core_ingest_ledger.", True),
        Column("size_bytes", COUNT, "Length of the file when it was last looked at.", True),
        Column("modified_ns", COUNT, "Its time of modification then, in nanoseconds of the epoch.", True),
        Column("byte_end", COUNT, "The byte after the last one that was read.", True),
        Column("line_end", COUNT, "Number of the line there.", True),
        Column(
            "prefix_sha256",
            TEXT,
            "Fingerprint of the bytes up to there. Null: the file is read again from its start when it changes.",
        ),
    ),
    storage=Storage.INTERNAL,
)
