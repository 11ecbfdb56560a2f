"""Marts of models: how fast and how well each answers, and what for."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table
from sophia_metrics.schema.marts.dimensions import USAGE_ON

__all__ = ["LATENCY_HISTOGRAM", "MODEL_EFFICIENCY"]

TEXT, INSTANT, COUNT, REAL = Kind.TEXT, Kind.INSTANT, Kind.COUNT, Kind.REAL

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
