"""The row rules: which rows may enter core. The first rule that a row breaks sends it to quarantine.

A rule reads the mapped row (see staging) and `$now` as the variable `now`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ROW_RULES", "RULES_VERSION", "RowRule", "first_broken_rule"]

RULES_VERSION = 1
"""Raised with every change of a rule; landed files say under which version they were judged."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """`broken` is an SQL predicate over the mapped row, true for a bad row; null counts as kept."""

    name: str
    broken: str
    reason: str
    dimension: str
    severity: str = "error"


def _never_negative(column: str, what: str) -> RowRule:
    return RowRule(f"negative_{column}", f"{column} < 0", f"{what} is below zero", "validity")


ROW_RULES: tuple[RowRule, ...] = (
    RowRule("malformed_json", "defect = 'malformed_json'", "the line is not one JSON object", "validity"),
    RowRule("malformed_row", "defect = 'malformed_row'", "the row does not have the columns of its header", "validity"),
    RowRule("wrong_type", "defect = 'wrong_type'", "a field does not have the type that its name promises", "validity"),
    RowRule("missing_time", "started_at IS NULL", "the start time is missing or is no time", "completeness"),
    RowRule("time_too_early", "started_at < TIMESTAMP '2015-01-01'", "the start time is before 2015", "validity"),
    RowRule(
        "time_in_future",
        "started_at > getvariable('now') + INTERVAL 1 HOUR",
        "the start time is more than an hour in the future",
        "timeliness",
    ),
    RowRule("missing_provider", "provider IS NULL OR provider = ''", "the provider is missing", "completeness"),
    RowRule("missing_model", "model IS NULL OR model = ''", "the model is missing", "completeness"),
    _never_negative("total_input_tokens", "the number of input tokens"),
    _never_negative("cache_read_tokens", "the number of cached input tokens"),
    _never_negative("cache_write_5m_tokens", "the number of tokens written to the cache for five minutes"),
    _never_negative("cache_write_1h_tokens", "the number of tokens written to the cache for one hour"),
    RowRule("cached_above_total", "input_tokens < 0", "more input tokens are cached than there are", "consistency"),
    _never_negative("output_tokens", "the number of output tokens"),
    _never_negative("reasoning_tokens", "the number of reasoning tokens"),
    RowRule(
        "reasoning_above_output",
        "reasoning_tokens > output_tokens",
        "more tokens are reasoning than there is output",
        "consistency",
    ),
    _never_negative("cost_reported", "the reported cost"),
    RowRule("negative_request_count", "request_count < 0", "the number of requests is below zero", "validity"),
    RowRule("bucket_too_long", "record_kind = 'bucket' AND ended_at > started_at + INTERVAL 1 DAY", "the bucket is longer than one day", "validity"),
    RowRule("negative_duration", "latency_ms < 0 OR ttft_ms < 0", "a duration is below zero", "validity"),
    RowRule("number_is_not_finite", "isnan(latency_ms) OR isinf(latency_ms) OR isnan(ttft_ms) OR isinf(ttft_ms)", "a duration is not a number", "validity"),
)


def first_broken_rule(rules: Iterable[RowRule] = ROW_RULES) -> str:
    """Return the SQL expression that names the first broken rule of a row, or is null for a good row."""
    cases = " ".join(f"WHEN {rule.broken} THEN '{rule.name}'" for rule in rules)
    return f"CASE {cases} END"
