"""The marts: tables for people and dashboards, each the answer to one question."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = [
    "BUDGET_DAYS",
    "BUDGET_STATUS",
    "CACHE_PERFORMANCE",
    "COST_15MIN",
    "COST_DAILY",
    "COST_HOURLY",
    "COST_TREND",
    "DATA_QUALITY",
    "DIMENSIONS",
    "DIMENSION_NAMES",
    "FRESHNESS",
    "LATENCY_HISTOGRAM",
    "MODEL_EFFICIENCY",
    "PERFORMANCE_NOW",
    "PIPELINE_RUNS_MART",
    "SERVICE_15MIN",
    "SERVICE_AVAILABILITY",
    "SERVICE_HEALTH",
    "SETTLEMENT",
    "SOURCE_DAILY",
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

SOURCE_DAILY = Table(
    name="mart_source_daily",
    doc="Which source told of which usage, by UTC day.",
    key=("usage_on", "source", *DIMENSION_NAMES),
    columns=(
        USAGE_ON,
        Column("source", TEXT, "Name of the configured source.", True),
        *DIMENSIONS,
        Column("request_count", COUNT, "Calls.", True),
        Column("cost_usd", MONEY, "Spend. Null: no cost is known."),
        Column("unpriced_count", COUNT, "Calls that should have a cost and have none.", True),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("usage_on", "source", *DIMENSION_NAMES),
)

SCOPE = (
    Column("scope_type", TEXT, "all, provider, model, team, project or environment.", True),
    Column("scope_value", TEXT, "The value of that dimension; all for everything.", True),
)

SETTLEMENT = Table(
    name="mart_settlement",
    doc="Up to when each scope is settled: until its slowest source can tell of no earlier day any more. A source is in a"
    " scope where it told of usage in it within the newest 28 days with usage.",
    key=("scope_type", "scope_value"),
    columns=(
        *SCOPE,
        Column("source_count", COUNT, "Sources in the scope.", True),
        Column("data_through_at", INSTANT, "The earliest of their last successful collections (UTC).", True),
        Column("settled_through_at", INSTANT, "Days that ended before it are settled (UTC). Null: none is."),
        Column("settled_through_on", DATE, "The last UTC day that is settled. Null: none is."),
    ),
    storage=Storage.SERVING,
)

COST_TREND = Table(
    name="mart_cost_trend",
    doc="Where the spend of each scope is going, on the 90 newest settled UTC days since its first call. A settled day"
    " without calls is a zero; a day that is not settled is not here. docs/costs.md has the formulas.",
    key=("scope_type", "scope_value", "usage_on"),
    columns=(
        *SCOPE,
        USAGE_ON,
        Column("cost_usd", MONEY, "Spend of the day. Null: calls were made and the cost of none is known."),
        Column("unpriced_count", COUNT, "Calls of the day that should have a cost and have none.", True),
        Column("mean_7d_usd", MONEY, "Mean of the day and the six before. Null: one of them is unknown or missing."),
        Column("mean_28d_usd", MONEY, "The same of 28 days."),
        Column(
            "change_1d_ratio",
            REAL,
            "Change from the day before: 0.25 is a quarter more. Null: a day is unknown, or the day before was 0.",
        ),
        Column("change_7d_ratio", REAL, "Change from the seven days before to these seven. Null as above."),
        Column("change_28d_ratio", REAL, "Change from the 28 days before to these 28. Null as above."),
        Column(
            "slope_usd_per_day",
            REAL,
            "Least-squares slope over 28 days, or over 14 where 28 are not known. Null: 14 are not known either.",
        ),
        Column(
            "direction",
            TEXT,
            "rising or falling: the slope is significant and moves the mean by 5 % or more over its days; flat:"
            " neither; insufficient_history: there is no slope.",
            True,
        ),
    ),
    storage=Storage.SERVING,
)

BUDGET_DAYS = Table(
    name="mart_budget_days",
    doc="What the scope of each budget cost on the days of the budget's time zone: up to 64 before now, and today.",
    key=("time_zone", "scope_type", "scope_value", "day_on"),
    columns=(
        Column("time_zone", TEXT, "IANA name.", True),
        Column("scope_type", TEXT, "all, provider, model, team, project, environment, or tag: and its name.", True),
        Column("scope_value", TEXT, "The value of that dimension or tag; all for everything.", True),
        Column("day_on", DATE, "The day in that zone.", True),
        Column("is_weekend", BOOLEAN, "A Saturday or a Sunday.", True),
        Column("cost_usd", MONEY, "Spend. Null: not collected yet, or the cost of no call of the day is known."),
        Column("unpriced_count", COUNT, "Calls that should have a cost and have none.", True),
        Column("has_calls", BOOLEAN, "Calls were made.", True),
        Column("is_settled", BOOLEAN, "No source can tell of the day any more.", True),
        Column("data_through_at", INSTANT, "The earliest of the last collections of its sources (UTC)."),
    ),
    storage=Storage.SERVING,
)

BUDGET_STATUS = Table(
    name="mart_budget_status",
    doc="How each budget stands, in the period that holds now and in the one before it. docs/costs.md has the formulas.",
    key=("budget", "period_start_on"),
    columns=(
        Column("budget", TEXT, "Name of the budget.", True),
        Column("period_start_on", DATE, "First day of the period, in the budget's time zone.", True),
        Column("scope", TEXT, "all, or as team/search and tag:feature/chat.", True),
        Column("period", TEXT, "day, week, month or quarter.", True),
        Column("time_zone", TEXT, "IANA name of the zone of the period.", True),
        Column("start_at", INSTANT, "Start of the period (UTC).", True),
        Column("end_at", INSTANT, "End of the period, exclusive (UTC).", True),
        Column("is_current", BOOLEAN, "The period holds at the publish.", True),
        Column("limit_usd", MONEY, "What may be spent.", True),
        Column("thresholds", TEXT, "Shares of the limit at which a person is told, ascending, as a JSON list.", True),
        Column(
            "forecast_thresholds",
            TEXT,
            "The same for projected_p50_usd: a person is told when the forecast reaches one.",
            True,
        ),
        Column(
            "spent_usd",
            MONEY,
            "What is spent so far. Null: nothing was collected since the start of the period, or no cost is known.",
        ),
        Column("spent_ratio", REAL, "The same as a share of the limit; 1.0 and more is over."),
        Column("unpriced_count", COUNT, "Calls of the period that should have a cost and have none.", True),
        Column("projected_p10_usd", MONEY, "Spend at the end of the period: less than this in one of ten cases."),
        Column("projected_p50_usd", MONEY, "The same: the middle. Null: fewer than 3 settled days."),
        Column("projected_p90_usd", MONEY, "The same: more than this in one of ten cases."),
        Column("breach_probability", REAL, "How likely the spend reaches the limit. Null: unknown."),
        Column(
            "projection_state",
            TEXT,
            "forecast: by core_forecast_snapshots; projected: by the mean of settled days; rough: without a range, for want of 14 settled days; final: all days are settled;"
            " insufficient_history: fewer than 3 settled days; no_data: the spend is unknown.",
            True,
        ),
        Column(
            "budget_state",
            TEXT,
            "over: the limit is reached; warning: the lowest threshold is; ok: neither; no_data: the spend is unknown.",
            True,
        ),
        Column("data_through_at", INSTANT, "The spend is known up to here (UTC): the earliest collection."),
    ),
    storage=Storage.SERVING,
)

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

CACHE_PERFORMANCE = Table(
    name="mart_cache_performance",
    doc="How well each cache does its work, by hour.",
    key=("cache", "hour_at"),
    columns=(
        Column("cache", TEXT, "Name of the configured cache.", True),
        Column("hour_at", INSTANT, "Start of the hour (UTC).", True),
        Column("usage_on", DATE, "UTC day of hour_at. Filter on it: other days are then not read.", True),
        Column("lookup_count", COUNT, "Lookups that the cache could have answered. Null: the application counts none."),
        Column("hit_count", COUNT, "Those that it answered, exactly or by meaning. Null as lookup_count."),
        Column("hit_ratio", REAL, "hit_count / lookup_count. Null: there were no lookups."),
        Column("ineligible_count", COUNT, "Requests of a kind that is never cached. Null as lookup_count."),
        Column("bypass_error_count", COUNT, "Requests for which the cache could not be asked. Null as lookup_count."),
        Column("saved_tokens", COUNT, "Tokens that were not bought, as far as it is told."),
        Column("saved_gross_usd", MONEY, "What the calls would have cost, as far as it is told. Null: it is not."),
        Column("saved_net_usd", MONEY, "The same without what the cache itself cost. Null: it is not told."),
        Column("unpriced_hit_count", COUNT, "Hits of unknown saving: they are in neither sum. Null as lookup_count."),
        Column(
            "evicted_count", COUNT, "Keys that the server evicted, of any kind. Null: there is no earlier snapshot."
        ),
        Column("entry_count", COUNT, "Keys of the cache at the last snapshot of the hour."),
        Column("used_bytes", COUNT, "Their memory at that time."),
        Column(
            "keyspace_hit_ratio",
            REAL,
            "Hits of the whole server, reads of any key by anybody: not the cache's own. Null: nothing was read.",
        ),
        Column(
            "is_lower_bound",
            BOOLEAN,
            "The server's counters were reset in the hour: evictions are at least so many. Null: there is no snapshot.",
        ),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("hour_at", "cache"),
)

SERVICE = Column("service", TEXT, "As in core_probe_results.", True)

SERVICE_15MIN = Table(
    name="mart_service_15min",
    doc="How long each service answered, by quarter of an hour. A result stands for the time until the next one, at"
    " most 2.5 intervals, and for one interval where none follows on its day; it counts in the quarter of its probe.",
    key=("service", "period_at"),
    columns=(
        SERVICE,
        Column("period_at", INSTANT, "Start of the quarter of an hour (UTC).", True),
        USAGE_ON,
        Column("available_ms", REAL, "Time after results that were ok or degraded.", True),
        Column("unavailable_ms", REAL, "Time after results that failed.", True),
        Column("unknown_ms", REAL, "Time after results that told nothing: skipped, or from a bad vantage.", True),
        Column("maintenance_ms", REAL, "Time in maintenance.", True),
        Column("result_count", COUNT, "Results.", True),
        Column("failed_count", COUNT, "Results that failed, in maintenance and from a bad vantage too.", True),
        Column("latency_ms_sum", REAL, "Sum of the known latencies."),
        Column("latency_count", COUNT, "Results with a known latency.", True),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("service", "period_at"),
)

SERVICE_AVAILABILITY = Table(
    name="mart_service_availability",
    doc="The share of time in which a service answered, by UTC day, and what is left of its error budget. It is computed"
    " when it is read. A day without any result of the service has no row.",
    key=("service", "usage_on"),
    columns=(
        SERVICE,
        USAGE_ON,
        Column(
            "available_ratio",
            REAL,
            "Answered time by known time; unknown time and maintenance are in neither. Null: nothing is known.",
        ),
        Column(
            "unknown_seconds",
            COUNT,
            "Time of the day, as far as it has passed and the service was watched, of which nothing is known.",
            True,
        ),
        Column("maintenance_seconds", COUNT, "Time in maintenance.", True),
        Column(
            "error_budget_left_ratio",
            REAL,
            "1: nothing is used of what the objective allows over the 30 days that end with this one, as a share of"
            " their known time; 0: all; negative: more. Null: no objective, or nothing is known.",
        ),
        Column(
            "burn_1h",
            REAL,
            "How fast the budget was used in the last hour of the day's results, in whole quarters: 1 uses it up in"
            " exactly its period. Null: no objective, or nothing is known of that hour.",
        ),
        Column("burn_6h", REAL, "The same over six hours, of the day before too."),
        Column("burn_3d", REAL, "The same over three days."),
    ),
    storage=Storage.SERVING,
)

SERVICE_HEALTH = Table(
    name="mart_service_health",
    doc="How each service is. It is computed when it is read, so that probes that stand still show.",
    key=("service",),
    columns=(
        SERVICE,
        Column(
            "status",
            TEXT,
            "healthy, degraded, down, unknown or maintenance. Without a result for 2.5 intervals it is unknown.",
            True,
        ),
        Column("since_at", INSTANT, "Since when it has this status (UTC).", True),
        Column("last_probed_at", INSTANT, "When it was last asked (UTC).", True),
        Column("latency_ms", REAL, "How long the last answer took. Null: none came."),
        Column("message", TEXT, "What was wrong then. Null: nothing."),
        Column("is_stale", BOOLEAN, "It has no result for 2.5 intervals.", True),
        Column("required_by", TEXT, "Who needs it, with commas between. Null: nobody is named."),
        Column("kind", TEXT, "How it is asked: http, tcp, redis, or component for our own.", True),
        Column("is_required", BOOLEAN, "The whole is down when it is; else only degraded.", True),
    ),
    storage=Storage.SERVING,
)

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
