"""State and decisions: what was collected, which prices hold, which versions were published."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = [
    "FILE_POSITIONS",
    "INGEST_LEDGER",
    "KEY_RUNS",
    "MANIFEST",
    "MART_BUILDS",
    "PIPELINE_RUNS",
    "PRICE_BOOKS",
    "PRICE_CARDS",
    "PRICE_CARD_UNITS",
    "QUARANTINE_VERDICTS",
    "SCHEMA_CHANGES",
    "SCHEMA_MIGRATIONS",
    "VERSIONS",
    "WATERMARKS",
]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, RATE = Kind.COUNT, Kind.RATE

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
        Column("window_start_at", INSTANT, "Start of the window that was asked for (UTC). Null for files."),
        Column("window_end_at", INSTANT, "End of the window, exclusive (UTC). Null for files."),
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
        Column("source_role", TEXT, "ledger: counts as usage; reconcile: is only compared.", True),
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
    ),
    storage=Storage.STATE,
)

PRICE_CARDS = Table(
    name="core_price_cards",
    doc="A price of a model: valid for a time, a tier and a range of total input tokens, and known for a time.",
    key=("price_id", "known_from_at"),
    columns=(
        Column("price_id", TEXT, "Hash of everything but the known times.", True),
        Column("provider", TEXT, "As in core_usage_events.", True),
        Column("route", TEXT, "As in core_usage_events. Null: for calls whose source does not tell the route."),
        Column("model", TEXT, "As in core_usage_events.", True),
        Column("service_tier", TEXT, "standard, batch, flex, priority, …", True),
        Column("price_book", TEXT, "list: a public list price; contract: one of our own overrides.", True),
        Column("valid_from_at", INSTANT, "First instant at which the price holds (UTC). Null: since ever."),
        Column(
            "valid_to_at",
            INSTANT,
            "First instant at which it no longer holds (UTC). Null: until further notice.",
        ),
        Column("known_from_at", INSTANT, "When we came to know it (UTC).", True),
        Column("known_to_at", INSTANT, "When we learnt better (UTC). Null: current knowledge."),
        Column(
            "daily_from_seconds",
            COUNT,
            "Start of a daily band, in seconds after 00:00 UTC. Null: the whole day.",
        ),
        Column(
            "daily_to_seconds",
            COUNT,
            "End of the daily band, exclusive; smaller than its start where it passes midnight.",
        ),
        Column("tier_low_tokens", COUNT, "The card holds above this many input tokens, caches included.", True),
        Column("tier_high_tokens", COUNT, "… up to and including this many. Null: no upper bound."),
        Column("is_low_inclusive", BOOLEAN, "tier_low_tokens itself belongs to the card.", True),
        Column("rate_input_usd", RATE, "Dollars for an uncached input token. Null: no such price."),
        Column("rate_cache_read_usd", RATE, "Dollars for a token read from the prompt cache."),
        Column("rate_cache_write_5m_usd", RATE, "Dollars for a token written for five minutes."),
        Column("rate_cache_write_1h_usd", RATE, "Dollars for a token written for one hour."),
        Column("rate_output_usd", RATE, "Dollars for an output token."),
        Column(
            "origin",
            TEXT,
            "Where the price comes from, and what was assumed (open_start, backdated, inherited rates, correction, doubt).",
            True,
        ),
        Column("checked_on", DATE, "Day on which the origin last checked the price. Null: it does not say."),
    ),
    storage=Storage.STATE,
)

PRICE_CARD_UNITS = Table(
    name="core_price_card_units",
    doc="The prices of a card for billing units other than the five token columns.",
    key=("price_id", "unit"),
    columns=(
        Column("price_id", TEXT, "The card in core_price_cards.", True),
        Column("unit", TEXT, "As in core_usage_units.", True),
        Column("rate_usd", RATE, "Dollars for one.", True),
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
        Column("run_status", TEXT, "running, completed, held or failed.", True),
        Column("version", COUNT, "The first published version that shows the run. Null: none yet."),
    ),
    storage=Storage.STATE,
)

VERSIONS = Table(
    name="core_versions",
    doc="The published versions.",
    key=("version",),
    columns=(
        Column("version", COUNT, "Number of the version, from 1; only ever grows.", True),
        Column("published_at", INSTANT, "When it was published (UTC).", True),
        Column("content_sha256", TEXT, "Hash over everything that the version shows.", True),
        Column("is_sample", BOOLEAN, "The version shows sample data.", True),
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

MART_BUILDS = Table(
    name="mart_builds",
    doc="From which inputs each day of a mart was built; a day whose inputs differ is built again.",
    key=("mart", "day_on"),
    columns=(
        Column("mart", TEXT, "The mart.", True),
        Column("day_on", DATE, "The UTC day.", True),
        Column("inputs_sha256", TEXT, "Hash over the paths of the input files and the text of the SQL.", True),
    ),
    storage=Storage.INTERNAL,
)

PRICE_BOOKS = Table(
    name="price_books",
    doc="The price books with which unpriced events were last looked up.",
    key=("fingerprint",),
    columns=(
        Column("fingerprint", TEXT, "Hash over the list's version and the overrides.", True),
        Column("used_from_at", INSTANT, "When it came into use (UTC).", True),
    ),
    storage=Storage.INTERNAL,
)

SCHEMA_MIGRATIONS = Table(
    name="schema_migrations",
    doc="The numbered migrations that this state has seen.",
    key=("migration",),
    columns=(
        Column("migration", TEXT, "Name of the migration, such as m001_initial.", True),
        Column("applied_at", INSTANT, "When it was applied (UTC).", True),
    ),
    storage=Storage.INTERNAL,
)
