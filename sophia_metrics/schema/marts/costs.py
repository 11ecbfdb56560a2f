"""Marts of costs: usage and spend by time and source, how settled it is, and where it is going."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table
from sophia_metrics.schema.marts.dimensions import DIMENSION_NAMES, DIMENSIONS, SCOPE, USAGE_ON

__all__ = [
    "COST_15MIN",
    "COST_DAILY",
    "COST_HOURLY",
    "COST_MEASURES",
    "COST_TREND",
    "PRICE_ASSUMPTIONS",
    "SETTLEMENT",
    "SOURCE_DAILY",
    "USAGE_15MIN",
]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, REAL = Kind.COUNT, Kind.MONEY, Kind.REAL

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

USAGE_15MIN = Table(
    name="mart_usage_15min",
    doc="What calls were for, by which route and tier they went, and how much of them has no price, by quarter of an hour.",
    key=("period_at", "provider", "model", "route", "service_tier", "operation", "price_status"),
    columns=(
        Column("period_at", INSTANT, "Start of the quarter of an hour (UTC).", True),
        USAGE_ON,
        Column("provider", TEXT, "Who runs the model.", True),
        Column("model", TEXT, "The model.", True),
        Column("route", TEXT, "Through whom the calls went, or (none).", True),
        Column("service_tier", TEXT, "The tier as the answers say it, or (none).", True),
        Column("operation", TEXT, "What the calls did, or (none).", True),
        Column("price_status", TEXT, "As in core_usage_events.", True),
        Column("request_count", COUNT, "Calls.", True),
        Column("cost_usd", MONEY, "Spend. Null: no cost is known."),
        Column("list_cost_usd", MONEY, "The same calls at list prices; of subscriptions the API-equivalent cost."),
        Column("unknown_list_cost_count", COUNT, "Calls without a list cost.", True),
        Column(
            "unpriced_count",
            COUNT,
            "Calls that should have a cost and have none. A bucket counts with the calls it holds, at least as one.",
            True,
        ),
        Column("unpriced_input_tokens", COUNT, "Their input tokens, cached ones included. Null: unknown."),
        Column("unpriced_output_tokens", COUNT, "Their output tokens. Null: unknown."),
        Column("lookup_count", COUNT, "Single calls that tell whether a response cache answered.", True),
        Column("hit_count", COUNT, "Those of them that one answered.", True),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("period_at", "provider", "model", "route", "service_tier", "operation", "price_status"),
)

PRICE_ASSUMPTIONS = Table(
    name="mart_price_assumptions",
    doc="How much computed cost of a UTC day rests on an assumption of a price card; a call counts once for each that"
    " mattered to it.",
    key=("usage_on", "provider", "model", "assumption", "origin"),
    columns=(
        USAGE_ON,
        Column("provider", TEXT, "Who runs the model.", True),
        Column("model", TEXT, "The model.", True),
        Column("assumption", TEXT, "Of which kind; `sophia-metrics prices` explains it.", True),
        Column("origin", TEXT, "Where the price is from, as in core_price_cards.", True),
        Column("request_count", COUNT, "Calls; a bucket counts with those that it holds, at least as one.", True),
        Column("cost_usd", MONEY, "Their cost.", True),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("usage_on", "provider", "model", "assumption", "origin"),
)

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
