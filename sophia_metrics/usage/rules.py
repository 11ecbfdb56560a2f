"""The row rules: which rows may enter core. The first rule that a row breaks sends it to quarantine.

A rule reads the mapped row (see staging), and the present as the variable `now` (naive UTC).
"""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["MAX_COUNT", "ROW_RULES", "RULES_VERSION", "UNIT_RULES", "RowRule", "first_broken_rule"]

RULES_VERSION = 2
"""Raised with every change of a rule; landed files say under which version they were judged."""

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


@dataclass(frozen=True, slots=True)
class RowRule:
    """One thing that must hold of every row.

    Attributes:
        name: what core_quarantine calls it.
        broken: an SQL predicate over the mapped row, true for a bad row; null counts as kept.
        reason: what is wrong with such a row, in words without a value.
        dimension: which side of quality it guards: completeness, validity, consistency or timeliness.
        severity: error: the row is kept out.
    """

    name: str
    broken: str
    reason: str
    dimension: str
    severity: str = "error"


def _defect(name: str, reason: str) -> RowRule:
    return RowRule(name, f"defect = '{name}'", reason, "validity")


def _missing(column: str, what: str) -> RowRule:
    return RowRule(f"missing_{column}", f"coalesce({column}, '') = ''", f"{what} is missing", "completeness")


def _negative(column: str, what: str) -> RowRule:
    return RowRule(f"negative_{column}", f"{column} < 0", f"{what} is below zero", "validity")


def _unknown(column: str, what: str, *known: str) -> RowRule:
    words = ", ".join(f"'{word}'" for word in known)
    reason = f"{what} is none of {', '.join(known)}"
    return RowRule(f"unknown_{column}", f"{column} NOT IN ({words})", reason, "validity")


ROW_RULES: tuple[RowRule, ...] = (
    _defect("line_too_long", "the line is longer than 16 MiB"),
    _defect("malformed_json", "the line is not one JSON object"),
    _defect("malformed_row", "the row does not have the columns of its header"),
    _defect("wrong_type", "a field does not have the type that its name promises"),
    RowRule("fractional_count", "has_fraction", "a count is no whole number", "validity"),
    RowRule("missing_time", "started_at IS NULL", "the start time is missing or is no time", "completeness"),
    RowRule(
        "time_too_early",
        "started_at < TIMESTAMP '2015-01-01'",
        "the start time is before 2015",
        "validity",
    ),
    RowRule(
        "time_in_future",
        "started_at > getvariable('now') + INTERVAL 1 HOUR",
        "the start time is more than an hour in the future",
        "timeliness",
    ),
    RowRule(
        "update_in_future",
        "source_updated_at > getvariable('now') + INTERVAL 1 HOUR",
        "the time of the last change is more than an hour in the future",
        "timeliness",
    ),
    _missing("provider", "the provider"),
    _missing("model", "the model"),
    _negative("total_input_tokens", "the number of input tokens"),
    _negative("cache_read_tokens", "the number of cached input tokens"),
    _negative("cache_write_5m_tokens", "the number of tokens written to the cache for five minutes"),
    _negative("cache_write_1h_tokens", "the number of tokens written to the cache for one hour"),
    RowRule(
        "cached_above_total",
        "input_tokens < 0",
        "more input tokens are cached than there are",
        "consistency",
    ),
    _negative("output_tokens", "the number of output tokens"),
    _negative("reasoning_tokens", "the number of reasoning tokens"),
    RowRule(
        "reasoning_above_output",
        "reasoning_tokens > output_tokens",
        "more tokens are reasoning than there is output",
        "consistency",
    ),
    _negative("request_count", "the number of requests"),
    _negative("retry_ordinal", "the number of the try"),
    RowRule(
        "count_too_large",
        f"has_absurd_count OR greatest({', '.join(COUNTS)}) > {MAX_COUNT}",
        "a count is above a trillion",
        "validity",
    ),
    _negative("cost_reported", "the reported cost"),
    RowRule(
        "cost_too_large",
        f"cost_reported > {MAX_AMOUNT}",
        "the reported cost is above a trillion",
        "validity",
    ),
    RowRule(
        "bucket_too_long",
        "record_kind = 'bucket' AND ended_at > started_at + INTERVAL 1 DAY",
        "the bucket is longer than one day",
        "validity",
    ),
    RowRule("negative_duration", "latency_ms < 0 OR ttft_ms < 0", "a duration is below zero", "validity"),
    RowRule(
        "number_is_not_finite",
        "NOT isfinite(latency_ms) OR NOT isfinite(ttft_ms)",
        "a duration is not a number",
        "validity",
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


UNIT_RULES: tuple[RowRule, ...] = (
    RowRule("negative_quantity", "quantity < 0", "a billed quantity is below zero", "validity"),
)
"""Rules over the billing units of a row (row_ordinal, unit, quantity): a bad unit keeps its whole row out."""


def first_broken_rule(rules: Iterable[RowRule] = ROW_RULES) -> str:
    """Return the SQL expression that names the first broken rule of a row, or is null for a good row."""
    cases = " ".join(f"WHEN {rule.broken} THEN '{rule.name}'" for rule in rules)
    return f"CASE {cases} END"
