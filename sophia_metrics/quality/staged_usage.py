"""What must hold of a mapped usage row before it may enter core.

The first expectation that a row breaks sends it to quarantine, so their order matters.
"""

from datetime import datetime

from sophia_metrics.quality.check import (
    AtLeast,
    AtMost,
    Check,
    Holds,
    NotAbove,
    NotAfterNow,
    NotEmpty,
    NotNull,
    OneOf,
)
from sophia_metrics.quality.expectation import Dimension, Expectation

__all__ = ["BEFORE_RETENTION", "BILLED_UNITS", "MAX_COUNT", "STAGED_USAGE"]

BEFORE_RETENTION = "before_retention"
"""The rule of rows that come after retention has dropped their day. They say nothing against the file that has them."""

MAX_COUNT = 10**12
MAX_AMOUNT = 10**12
"""No call and no bucket of a day comes near; sums over millions of rows still fit their columns."""

COUNTS = (
    "total_input_tokens",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "request_count",
)


def _defect(name: str, why: str) -> Expectation:
    return _valid(name, Holds(("defect",), f"defect = '{name}'"), why)


def _missing(column: str, what: str) -> Expectation:
    return Expectation(f"missing_{column}", NotEmpty(column), f"{what} is missing", Dimension.COMPLETENESS)


def _negative(column: str, what: str) -> Expectation:
    return _valid(f"negative_{column}", AtLeast(column, 0), f"{what} is below zero")


def _unknown(column: str, what: str, *known: str) -> Expectation:
    return _valid(f"unknown_{column}", OneOf(column, known), f"{what} is none of {', '.join(known)}")


def _valid(name: str, check: Check, why: str) -> Expectation:
    return Expectation(name, check, why, Dimension.VALIDITY)


STAGED_USAGE: tuple[Expectation, ...] = (
    _defect("line_too_long", "the line is longer than 16 MiB"),
    _defect("malformed_json", "the line is not one JSON object"),
    _defect("malformed_row", "the row does not have the columns of its header"),
    _defect("wrong_type", "a field does not have the type that its name promises"),
    _valid("fractional_count", Holds(("has_fraction",), "has_fraction"), "a count is no whole number"),
    Expectation(
        "missing_time",
        NotNull("started_at"),
        "the start time is missing or is no time",
        Dimension.COMPLETENESS,
    ),
    _valid("time_too_early", AtLeast("started_at", datetime(2015, 1, 1)), "the start time is before 2015"),  # noqa: DTZ001 - instants are naive UTC
    Expectation(
        BEFORE_RETENTION,
        Holds(("has_expired",), "has_expired"),
        "the rows of its day are kept no longer, so that nobody can tell whether it was counted",
        Dimension.TIMELINESS,
    ),
    Expectation(
        "time_in_future",
        NotAfterNow("started_at"),
        "the start time is more than an hour in the future",
        Dimension.TIMELINESS,
    ),
    Expectation(
        "update_in_future",
        NotAfterNow("source_updated_at"),
        "the time of the last change is more than an hour in the future",
        Dimension.TIMELINESS,
    ),
    _missing("provider", "the provider"),
    _missing("model", "the model"),
    _negative("total_input_tokens", "the number of input tokens"),
    _negative("cache_read_tokens", "the number of cached input tokens"),
    _negative("cache_write_5m_tokens", "the number of tokens written to the cache for five minutes"),
    _negative("cache_write_1h_tokens", "the number of tokens written to the cache for one hour"),
    Expectation(
        "cached_above_total",
        AtLeast("input_tokens", 0),
        "more input tokens are cached than there are",
        Dimension.CONSISTENCY,
    ),
    _negative("output_tokens", "the number of output tokens"),
    _negative("reasoning_tokens", "the number of reasoning tokens"),
    Expectation(
        "reasoning_above_output",
        NotAbove("reasoning_tokens", "output_tokens"),
        "more tokens are reasoning than there is output",
        Dimension.CONSISTENCY,
    ),
    _negative("request_count", "the number of requests"),
    _negative("retry_ordinal", "the number of the try"),
    _valid(
        "count_too_large",
        Holds(("has_absurd_count", *COUNTS), f"has_absurd_count OR greatest({', '.join(COUNTS)}) > {MAX_COUNT}"),
        "a count is above a trillion",
    ),
    _negative("cost_reported", "the reported cost"),
    _valid("cost_too_large", AtMost("cost_reported", MAX_AMOUNT), "the reported cost is above a trillion"),
    _valid(
        "bucket_too_long",
        Holds(
            ("record_kind", "ended_at", "started_at"),
            "record_kind = 'bucket' AND ended_at > started_at + INTERVAL 1 DAY",
        ),
        "the bucket is longer than one day",
    ),
    _valid(
        "negative_duration",
        Holds(("latency_ms", "ttft_ms"), "latency_ms < 0 OR ttft_ms < 0"),
        "a duration is below zero",
    ),
    _valid(
        "number_is_not_finite",
        Holds(("latency_ms", "ttft_ms"), "NOT isfinite(latency_ms) OR NOT isfinite(ttft_ms)"),
        "a duration is not a number",
    ),
    _unknown("record_kind", "the kind of the record", "call", "bucket"),
    _unknown("status", "the status", "ok", "error", "cancelled"),
    _unknown(
        "usage_quality",
        "the quality of the usage",
        "exact",
        "estimated",
        "ttl_assumed",
        "tier_unknown",
        "partial",
        "missing",
    ),
)

BILLED_UNITS: tuple[Expectation, ...] = (
    _valid("negative_quantity", AtLeast("quantity", 0), "a billed quantity is below zero"),
)
"""Over the billing units of a row (row_ordinal, unit, quantity): a bad unit keeps its whole row out."""
