"""State and decisions: what was collected, which prices hold, which versions were published."""

from sophia_metrics.schema import alerting
from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = [
    "ALERT_DELIVERIES",
    "ALERT_EPISODES",
    "ALERT_RULES",
    "ALERT_SILENCES",
    "BUDGETS",
    "BUDGET_PERIODS",
    "CALENDAR_DAYS",
    "DAMAGED_DAYS",
    "FILE_POSITIONS",
    "FORWARDED_PARTS",
    "HEARTBEATS",
    "INGEST_LEDGER",
    "JUDGED_DAYS",
    "KEY_RUNS",
    "MANIFEST",
    "MANIFEST_DAYS",
    "MART_BUILDS",
    "MIRRORED_PARTS",
    "MIRRORS",
    "OPERATIONS",
    "OWN",
    "PIPELINE_RUNS",
    "PRICE_BOOKS",
    "PRICE_CARDS",
    "PRICE_CARD_UNITS",
    "QUALITY_VERDICTS",
    "QUARANTINE_VERDICTS",
    "RECOVERIES",
    "RETENTION",
    "SCHEMA_CHANGES",
    "SCHEMA_MIGRATIONS",
    "SERVICES",
    "TOMBSTONES",
    "VERSIONS",
    "WATERMARKS",
]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, RATE, MONEY, REAL = Kind.COUNT, Kind.RATE, Kind.MONEY, Kind.REAL

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

BUDGETS = Table(
    name="core_budgets",
    doc="The budgets, effective-dated. What was set through the API or the command line wins over sophia.toml until it is unset.",
    key=("budget", "origin", "valid_from_at"),
    columns=(
        Column("budget", TEXT, "Name of the budget.", True),
        Column(
            "origin", TEXT, "set: through the API or the command line; configured: in sophia.toml, or a default.", True
        ),
        Column("scope_type", TEXT, "all, provider, model, team, project, environment, or tag: and its name.", True),
        Column("scope_value", TEXT, "The value of that dimension or tag; all for everything.", True),
        Column("period", TEXT, "day, week, month or quarter.", True),
        Column("limit_usd", MONEY, "What may be spent in a period.", True),
        Column("time_zone", TEXT, "IANA name of the zone whose days are meant.", True),
        Column("thresholds", TEXT, "Shares of the limit at which a person is told, ascending, as a JSON list.", True),
        Column("warning_ratio", REAL, "The lowest of them.", True),
        Column("valid_from_at", INSTANT, "First instant at which the budget holds (UTC).", True),
        Column("valid_to_at", INSTANT, "First instant at which it no longer holds (UTC). Null: until further notice."),
        Column(
            "start_day",
            COUNT,
            "On which day a period begins: of a week 1 is Monday; else the day of the month. Null: on the first.",
        ),
        Column(
            "forecast_thresholds",
            TEXT,
            "Shares of the limit, ascending, as a JSON list: a person is told when the forecast reaches one. Null: [1].",
        ),
    ),
    storage=Storage.STATE,
)

BUDGET_PERIODS = Table(
    name="core_budget_periods",
    doc="The periods that budgets have at the publish: of each kind the one that holds then, and the one before it.",
    key=("time_zone", "period", "start_day", "period_start_on"),
    columns=(
        Column("time_zone", TEXT, "IANA name.", True),
        Column("period", TEXT, "day, week, month or quarter.", True),
        Column("start_day", COUNT, "On which day it begins, as in core_budgets; 1 where that is null.", True),
        Column("period_start_on", DATE, "Its first day in that zone.", True),
        Column("period_end_on", DATE, "Its last day in that zone.", True),
        Column("start_at", INSTANT, "When it begins (UTC).", True),
        Column("end_at", INSTANT, "When it ends, exclusive (UTC).", True),
    ),
    storage=Storage.SERVING,
)

CALENDAR_DAYS = Table(
    name="core_calendar_days",
    doc="The days around the publish as the time zones of budgets, and UTC, count them; made anew at each publish.",
    key=("time_zone", "day_on"),
    columns=(
        Column("time_zone", TEXT, "IANA name.", True),
        Column("day_on", DATE, "The day in that zone.", True),
        Column("month_on", DATE, "The first day of its month.", True),
        Column("start_at", INSTANT, "When it begins (UTC).", True),
        Column("end_at", INSTANT, "When it ends, exclusive (UTC): 23, 24 or 25 hours later, or another time.", True),
        Column("is_weekend", BOOLEAN, "A Saturday or a Sunday.", True),
    ),
    storage=Storage.SERVING,
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

QUALITY_VERDICTS = Table(
    name="core_quality_verdicts",
    doc="What became of an expectation in a run, held ones too; mart_data_quality shows it.",
    key=("run_id", "suite", "expectation"),
    columns=(
        Column("run_id", TEXT, "The run in core_pipeline_runs.", True),
        Column("suite", TEXT, "The table that was judged, or what was compared.", True),
        Column("expectation", TEXT, "What must hold; docs/quality.md lists them.", True),
        Column("judged_at", INSTANT, "When it was judged (UTC).", True),
        Column("is_passed", BOOLEAN, "It holds.", True),
        Column(
            "severity", TEXT, "error: while it fails nothing is published; warning: it is shown, and no more.", True
        ),
        Column("dimension", TEXT, "completeness, accuracy, timeliness, consistency or validity.", True),
        Column("observed", REAL, "Share of the rows that break it, 0 to 1. Null: there were no rows."),
        Column("failed_count", COUNT, "Rows that break it.", True),
        Column("checked_count", COUNT, "Rows that were looked at: those of the days that had changed.", True),
        Column("checked_by", TEXT, "sql, great_expectations, or sql+great_expectations.", True),
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
        Column("size_bytes", COUNT, "Bytes of its file. Null: in the version itself, or not noted yet."),
        Column("file_sha256", TEXT, "SHA-256 of its file. Null: as before."),
    ),
    storage=Storage.STATE,
)

RECOVERIES = Table(
    name="core_recoveries",
    doc="When the state file was lost, damaged or given back, and from what it was made again.",
    key=("recovered_at",),
    columns=(
        Column("recovered_at", INSTANT, "When it was made again (UTC).", True),
        Column("reason", TEXT, "What was wrong, or who asked for it.", True),
        Column(
            "base",
            TEXT,
            "state: the file itself, without its write-ahead log; a backup, by its name; nothing: there was neither.",
            True,
        ),
        Column("version", COUNT, "The published version from which what is newer came. Null: none was newer."),
        Column("adopted_count", COUNT, "Observations that were found in day files and listed again.", True),
        Column("moved_to", TEXT, "Where the damaged file is now, below the state folder. Null: there was none."),
    ),
    storage=Storage.STATE,
)

RETENTION = Table(
    name="core_retention",
    doc="From which UTC day on the rows of a table are kept. Of the days before it only the rollups are left: the marts by day.",
    key=("table_name",),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("kept_from_on", DATE, "The first UTC day whose rows are kept; it only ever moves forwards.", True),
        Column("moved_at", INSTANT, "When it last moved (UTC).", True),
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

ALERT_RULES = Table(
    name="core_alert_rules",
    doc="The rules of alerts, and since when each holds.",
    key=("rule", "subject", "valid_from_at"),
    columns=(
        Column("rule", TEXT, "Name of the rule, such as budget-80, service-down or flow-late.", True),
        Column("kind", TEXT, "budget, forecast, anomaly, price, reconciliation, service or flow.", True),
        Column("subject", TEXT, "The budget, service or flow that it watches. Null: every one of its kind."),
        Column("severity", TEXT, "warning or critical.", True),
        Column(
            "threshold",
            REAL,
            "The share of a limit at and above which it fires. Null: it fires at a status, which its name tells.",
        ),
        Column("fire_after_seconds", COUNT, "For so long the condition must be met.", True),
        Column("resolve_after_seconds", COUNT, "For so long it must be clear.", True),
        Column("valid_from_at", INSTANT, "Since when the rule holds (UTC).", True),
        Column("valid_to_at", INSTANT, "First instant at which it no longer holds (UTC). Null: it holds."),
    ),
    storage=Storage.STATE,
)

ALERT_SILENCES = Table(
    name="core_alert_silences",
    doc="When which alerts are not sent. What was sent before a silence still resolves.",
    key=("silence_id",),
    columns=(
        Column("silence_id", TEXT, "Which one.", True),
        Column("rule", TEXT, "The rule that is silent; * stands for any letters. Null: every rule."),
        Column("subject", TEXT, "The budget, service or flow that is silent. Null: each of them."),
        Column("starts_at", INSTANT, "From then on (UTC).", True),
        Column("ends_at", INSTANT, "Until then, exclusive (UTC). Null: until it is ended."),
        Column("reason", TEXT, "Why."),
        Column("scope_type", TEXT, "What must be watched: team, service, …. Null: anything."),
        Column("scope_value", TEXT, "Which of them. Null: any."),
        Column("created_by", TEXT, "Who made it. Null: nobody said."),
        Column("created_at", INSTANT, "When it was made (UTC). Null: not noted."),
    ),
    storage=Storage.STATE,
)

ALERT_EPISODES = Table(
    name="core_alert_episodes",
    doc="Alerts, from when a condition is met to when it is over. A budget has one for each period and threshold.",
    key=("episode_id",),
    columns=(
        Column("episode_id", TEXT, "Which one. The dedup key of its messages is this, after sophia-.", True),
        Column(
            "fingerprint",
            TEXT,
            "Which alert, beginning with the kind: budget/<name>/<first day of the period>/<threshold>, forecast/ the same,"
            " service/<name>/<status>, flow/<name>/late, anomaly/<id>, price/<id>,"
            " reconciliation/<provider>/<account>/<month>.",
            True,
        ),
        Column("episode_number", COUNT, "The how-manieth episode of the fingerprint, from 1.", True),
        Column("rule", TEXT, "The rule in core_alert_rules.", True),
        Column("severity", TEXT, "warning or critical.", True),
        Column("scope_type", TEXT, "What is watched: all, team, …; service; flow.", True),
        Column("scope_value", TEXT, "Which of them. Null: there is only one."),
        Column("subject", TEXT, "Name of the budget, service or flow.", True),
        Column(
            "state",
            TEXT,
            "pending: not yet for long enough; firing; suppressed: kept back by a silence, a window of maintenance, a service"
            " that is down, a graver alert or the cool-down; resolved.",
            True,
        ),
        Column("opened_at", INSTANT, "Since when the condition is met (UTC).", True),
        Column("threshold", REAL, "The share of a limit at which it fires. Null: it fires at a status."),
        Column("observed", REAL, "The share of the limit that was seen last. Null: unknown, or there is no limit."),
        Column("message", TEXT, "The last sentence about it.", True),
        Column("evidence", TEXT, "The figures behind it, as JSON.", True),
        Column("fired_at", INSTANT, "When it fired (UTC). Null: it never did, and nobody was told."),
        Column(
            "clear_since_at",
            INSTANT,
            "Since when the condition is clear while the episode is open (UTC). Null: it is not.",
        ),
        Column("resolved_at", INSTANT, "When it was over (UTC). Null: it is open."),
        Column(
            "held_count", COUNT, "In how many states of the data the condition was met before it fired. Null: as 1."
        ),
        Column("held_basis", TEXT, "The last of these states. Null: the rule does not tell them apart."),
        Column(
            "kept_back_by",
            TEXT,
            "What keeps its beginning back, or its reminders once it fires: silence/<id>, maintenance/<name>, service/<name>,"
            " alert/<rule> (a graver one), cool-down. Null: nothing, or it is not known.",
        ),
    ),
    storage=Storage.STATE,
)

ALERT_DELIVERIES = Table(
    name="core_alert_deliveries",
    doc="Every message about an alert to a channel, and what became of it. Who was told of an alert is told when it is over.",
    key=("episode_id", "channel", "kind", "sequence_number"),
    columns=(
        Column("episode_id", TEXT, "The episode in core_alert_episodes.", True),
        Column("channel", TEXT, "Name of the notifier.", True),
        Column(
            "kind",
            TEXT,
            "fire; remind; acknowledge: somebody looks after it; correct: the resolve before it no longer holds; resolve.",
            True,
        ),
        Column("sequence_number", COUNT, "Place among the messages of the episode to the channel, from 1.", True),
        Column(
            "observed", REAL, "The share of the limit that the message speaks of. Null: unknown, or there is no limit."
        ),
        Column("message", TEXT, "The sentence that is sent.", True),
        Column("created_at", INSTANT, "When it was decided (UTC).", True),
        Column("status", TEXT, "pending; sent; failed: refused by the receiver, or given up after seven days.", True),
        Column("attempt_count", COUNT, "How often it was sent.", True),
        Column("next_attempt_at", INSTANT, "Not before then (UTC). Null: finished."),
        Column("response", TEXT, "The last answer, a status code and a word. Null: none yet."),
        Column("finished_at", INSTANT, "When it was sent or given up (UTC). Null: neither."),
        Column("group_id", TEXT, "What goes in one message with it has the same. Null: it goes alone."),
    ),
    storage=Storage.STATE,
)

TOMBSTONES = Table(
    name="core_tombstones",
    doc="Who was forgotten, as keyed hashes that no other table has: later landings leave out whose identifier has one.",
    key=("tombstone",),
    columns=(
        Column("tombstone", TEXT, "Keyed hash of the keyed hash of an identifier.", True),
        Column(
            "reach",
            TEXT,
            "person: goes from every row; linked: a session or key that only this person had, goes from rows that name nobody else.",
            True,
        ),
        Column("forgotten_at", INSTANT, "When it was asked for (UTC).", True),
        Column("last_version", COUNT, "The last published version that may still show the person. 0: none.", True),
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

MIRRORS = Table(
    name="mirrors",
    doc="Of which Snowflake schema this state is the mirror, and how far; one row, or none on DuckDB alone.",
    key=("origin",),
    columns=(
        Column("origin", TEXT, "Account, database and schema.", True),
        Column("synced_at", INSTANT, "When it was last brought up to Snowflake (UTC). Null: not since it was made."),
        Column("forwarded_at", INSTANT, "When operations were last brought to Snowflake (UTC). Null: never."),
    ),
    storage=Storage.INTERNAL,
)

MIRRORED_PARTS = Table(
    name="mirrored_parts",
    doc="Which rows of Snowflake's state tables are copied here: a fingerprint of those of each UTC day.",
    key=("table_name", "day_on"),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("day_on", DATE, "UTC day of the rows. Null: all rows of a table without one."),
        Column("part", TEXT, "Number and hash of the rows, as Snowflake computes it.", True),
    ),
    storage=Storage.INTERNAL,
)

FORWARDED_PARTS = Table(
    name="forwarded_parts",
    doc="Which operations Snowflake has: day files of observations, and fingerprints of days of state tables.",
    key=("table_name", "day_on", "part"),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("day_on", DATE, "UTC day of the rows. Null: all rows of a table without one."),
        Column("part", TEXT, "The day file; of a state table number and hash of the rows.", True),
    ),
    storage=Storage.INTERNAL,
)

OPERATIONS = (
    PIPELINE_RUNS,
    QUALITY_VERDICTS,
    HEARTBEATS,
    SERVICES,
    ALERT_RULES,
    ALERT_SILENCES,
    ALERT_EPISODES,
    ALERT_DELIVERIES,
    alerting.ALERT_ACKNOWLEDGEMENTS,
)
"""State that flows write every minute, or whatever becomes of the warehouse. Where Snowflake is the warehouse, these
and core.OBSERVED live in its mirror here and are forwarded from time to time, so that it may sleep; all other state
lives there and is copied here."""

OWN = (VERSIONS, RECOVERIES, RETENTION)
"""What each engine says of itself: nobody copies it."""
