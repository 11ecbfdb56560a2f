"""The marts: tables for people and dashboards, each the answer to one question."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = [
    "COST_15MIN",
    "COST_DAILY",
    "COST_HOURLY",
    "DATA_QUALITY",
    "FRESHNESS",
    "LATENCY_HISTOGRAM",
    "MODEL_EFFICIENCY",
    "PERFORMANCE_NOW",
    "PIPELINE_RUNS_MART",
]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, REAL = Kind.COUNT, Kind.MONEY, Kind.REAL

DIMENSIONS = (
    Column("provider", TEXT, "Who runs the model.", True),
    Column("model", TEXT, "The model that answered.", True),
    Column("team", TEXT, "The team; '(none)' where the source does not tell.", True),
    Column("project", TEXT, "The project; '(none)' where the source does not tell.", True),
    Column("environment", TEXT, "The environment; '(none)' where the source does not tell.", True),
)
DIMENSION_NAMES = tuple(column.name for column in DIMENSIONS)

COST_MEASURES = (
    Column("request_count", COUNT, "Calls.", True),
    Column("error_count", COUNT, "Calls whose status is not ok.", True),
    Column("cache_hit_count", COUNT, "Calls answered by a response cache.", True),
    Column("input_tokens", COUNT, "Uncached input tokens."),
    Column("cache_read_tokens", COUNT, "Tokens read from the prompt cache."),
    Column("cache_write_tokens", COUNT, "Tokens written to the prompt cache, for any time."),
    Column("output_tokens", COUNT, "Output tokens, reasoning included."),
    Column("reasoning_tokens", COUNT, "The part of the output that was reasoning."),
    Column(
        "cost_usd",
        MONEY,
        "Spend. Calls whose cost is unknown are not in it: see unpriced_count. Null: no cost is known.",
    ),
    Column("list_cost_usd", MONEY, "The same calls at list prices; for subscriptions the API-equivalent cost."),
    Column("cost_reported_usd", MONEY, "What the sources reported."),
    Column("cost_computed_usd", MONEY, "What we computed from price cards."),
    Column(
        "unpriced_count",
        COUNT,
        "Calls that should have a cost and have none. A bucket counts with the calls it holds, at least as one.",
        True,
    ),
    Column("unknown_usage_count", COUNT, "Calls whose input or output tokens are unknown.", True),
    Column("unknown_list_cost_count", COUNT, "Calls without a list cost.", True),
    Column("unknown_reported_count", COUNT, "Calls without a reported cost in dollars.", True),
    Column(
        "prompt_cache_saving_usd",
        MONEY,
        "What prompt caching saved at the prices that were used: cached tokens at the price of plain input, less"
        " what their reads and writes cost; the premium for writes makes it negative. Null: none has a known cost.",
    ),
    Column("latency_ms_sum", REAL, "Sum of the known latencies of calls; buckets have none."),
    Column("latency_count", COUNT, "Calls with a known latency.", True),
    Column(
        "is_coarse",
        BOOLEAN,
        "Holds provider buckets longer than 15 minutes; they count where they start.",
        True,
    ),
)


def _cost_mart(name: str, doc: str, *period: Column) -> Table:
    first = period[0].name
    return Table(
        name=name,
        doc=doc,
        key=(first, *DIMENSION_NAMES),
        columns=(*period, *DIMENSIONS, *COST_MEASURES),
        storage=Storage.DAY_FILES,
        day="usage_on",
        order=(first, *DIMENSION_NAMES),
    )


USAGE_ON = Column("usage_on", DATE, "UTC day.", True)

COST_15MIN = _cost_mart(
    "mart_cost_15min",
    "Usage and cost by quarter of an hour.",
    Column("period_at", INSTANT, "Start of the quarter of an hour (UTC).", True),
    USAGE_ON,
)
COST_HOURLY = _cost_mart(
    "mart_cost_hourly",
    "Usage and cost by hour.",
    Column("period_at", INSTANT, "Start of the hour (UTC).", True),
    USAGE_ON,
)
COST_DAILY = _cost_mart("mart_cost_daily", "Usage and cost by UTC day.", USAGE_ON)

LATENCY_HISTOGRAM = Table(
    name="mart_latency_histogram",
    doc="How many calls took how long; percentiles over any hours, providers and models come from it (read inside a"
    " bucket they are off by less than 67 %).",
    key=("hour_at", "provider", "model", "bucket_ms"),
    columns=(
        Column("hour_at", INSTANT, "Start of the hour (UTC).", True),
        USAGE_ON,
        Column("provider", TEXT, "Who runs the model.", True),
        Column("model", TEXT, "The model that answered.", True),
        Column(
            "bucket_ms",
            REAL,
            "Upper bound of the bucket, inclusive: 10, 15, 20, 30, 50, 70 and their multiples by 10, 100, 1,000 and"
            " 10,000 up to 500,000; then 600,000 (ten minutes); the last one is infinity.",
            True,
        ),
        Column("request_count", COUNT, "Calls whose latency is in the bucket, failed and cached ones too.", True),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("hour_at", "provider", "model", "bucket_ms"),
)

MODEL_EFFICIENCY = Table(
    name="mart_model_efficiency",
    doc="What a model costs per call and per token, and how fast and how well it answers, by UTC day.",
    key=("usage_on", "provider", "model"),
    columns=(
        USAGE_ON,
        Column("provider", TEXT, "Who runs the model.", True),
        Column("model", TEXT, "The model that answered.", True),
        Column("request_count", COUNT, "Calls.", True),
        Column("cost_per_request_usd", REAL, "Mean cost of the calls whose cost is known."),
        Column("cost_per_1k_tokens_usd", REAL, "Cost per 1,000 tokens, input and output, where both are known."),
        Column("latency_p50_ms", REAL, "Median latency of the calls that the model itself answered well."),
        Column("latency_p95_ms", REAL, "95th percentile of the same."),
        Column("ttft_p50_ms", REAL, "Median time to the first token of the same."),
        Column("error_ratio", REAL, "Share of calls whose status is not ok, cancelled ones too.", True),
        Column("cache_read_ratio", REAL, "Share of the input tokens that were read from the prompt cache."),
        Column("output_input_ratio", REAL, "Output tokens for one input token."),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("usage_on", "provider", "model"),
)

PERFORMANCE_NOW = Table(
    name="mart_performance_now",
    doc="The last 15 minutes of data, one card a row.",
    key=("metric",),
    columns=(
        Column(
            "metric",
            TEXT,
            "cache_hit_ratio (of the calls that say whether a response cache answered), avg_response_ms and"
            " p95_response_ms (of the calls that succeeded), active_sessions (distinct sessions) or system_health.",
            True,
        ),
        Column("metric_value", REAL, "The number. Null: no data."),
        Column("text_value", TEXT, "What a person reads: 'no data' where there is none.", True),
        Column("window_minutes", COUNT, "Length of the window, in minutes.", True),
        Column("data_through_at", INSTANT, "End of the window: the newest call (UTC). Null: no data."),
    ),
    storage=Storage.SERVING,
)

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
        Column("run_status", TEXT, "running, completed, held or failed.", True),
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
    storage=Storage.SERVING,
)

FRESHNESS = Table(
    name="mart_freshness",
    doc="How old the data of each source are. It is computed when it is read, so that a pipeline that stands still shows.",
    key=("subject",),
    columns=(
        Column("subject", TEXT, "The source, or the table that it feeds.", True),
        Column(
            "newest_at",
            INSTANT,
            "A source: its last successful collection, new rows or not. A table: its newest event (UTC).",
        ),
        Column(
            "expected_within_seconds",
            COUNT,
            "How old a source's newest_at may grow. A table: the greatest of its sources'.",
            True,
        ),
        Column(
            "is_stale",
            BOOLEAN,
            "A source: newest_at is older than that. A table: one of its sources is stale, or it has none.",
            True,
        ),
    ),
    storage=Storage.SERVING,
)
