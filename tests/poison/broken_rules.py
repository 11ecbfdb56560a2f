"""Rows of the right types that break a row rule."""

from tests.poison.good_rows import json_row
from tests.poison.poison import Poison
from tests.poison.text import bad_row

__all__ = ["BROKEN_RULES"]


def _details(**counts: int) -> dict[str, object]:
    return {"usage_object": {"prompt_tokens_details": counts}}


def _message(model: str | None, **counts: int) -> dict[str, object]:
    message = {**json_row("claude", "never")["message"], "id": "message of a bad row", "usage": counts}
    return {**message, "model": model}


BROKEN_RULES: tuple[Poison, ...] = (
    bad_row("no_time.jsonl", "no time", "missing_time", started_at=...),
    bad_row("null_time.jsonl", "a time that is null", "missing_time", started_at=None),
    bad_row("time_of_1970.jsonl", "a call in 1970", "time_too_early", started_at="1970-01-01T00:00:00Z"),
    bad_row("time_to_come.jsonl", "a call in the future", "time_in_future", started_at="2031-01-01T00:00:00Z"),
    bad_row("change_to_come.jsonl", "a change in the future", "update_in_future", source_updated_at="2031-01-01"),
    bad_row("no_provider.jsonl", "no provider", "missing_provider", provider=...),
    bad_row("empty_provider.jsonl", "an empty provider", "missing_provider", provider=""),
    bad_row("no_model.jsonl", "no model", "missing_model", model=...),
    bad_row("null_model.jsonl", "a model that is null", "missing_model", model=None),
    bad_row("negative_input.jsonl", "input below zero", "negative_total_input_tokens", input_tokens=-5),
    bad_row("negative_read.jsonl", "cache reads below zero", "negative_cache_read_tokens", cache_read_tokens=-5),
    bad_row("negative_5m.jsonl", "cache writes below zero", "negative_cache_write_5m_tokens", cache_write_5m_tokens=-5),
    bad_row("negative_1h.jsonl", "long writes below zero", "negative_cache_write_1h_tokens", cache_write_1h_tokens=-5),
    bad_row("negative_output.jsonl", "output below zero", "negative_output_tokens", output_tokens=-5),
    bad_row("negative_reasoning.jsonl", "reasoning below zero", "negative_reasoning_tokens", reasoning_tokens=-5),
    bad_row("much_reasoning.jsonl", "more reasoning than output", "reasoning_above_output", reasoning_tokens=101),
    bad_row("negative_requests.jsonl", "requests below zero", "negative_request_count", request_count=-1),
    bad_row("negative_try.jsonl", "a try below zero", "negative_retry_ordinal", retry_ordinal=-1),
    bad_row("huge_count.jsonl", "two trillion tokens", "count_too_large", output_tokens=2 * 10**12),
    bad_row("negative_cost.jsonl", "a cost below zero", "negative_cost_reported", cost=-0.01, currency="USD"),
    bad_row("huge_cost.jsonl", "a cost of two trillion", "cost_too_large", cost=2 * 10**12, currency="USD"),
    bad_row(
        "long_bucket.jsonl", "a bucket of two days", "bucket_too_long", record_kind="bucket", ended_at="2026-11-20"
    ),
    bad_row("negative_latency.jsonl", "a duration below zero", "negative_duration", latency_ms=-1),
    bad_row("negative_ttft.jsonl", "a time to the first token below zero", "negative_duration", ttft_ms=-0.5),
    bad_row("unknown_kind.jsonl", "a kind of record that is none", "unknown_record_kind", record_kind="session"),
    bad_row("unknown_status.jsonl", "a status that is none", "unknown_status", status="fine"),
    bad_row("unknown_quality.jsonl", "a quality that is none", "unknown_usage_quality", usage_quality="good"),
    bad_row("negative_unit.jsonl", "a billed quantity below zero", "negative_quantity", units={"web_searches": -1}),
    bad_row(
        "litellm_much_cached.jsonl", "more cached than there is", "cached_above_total", "litellm", prompt_tokens=399
    ),
    bad_row(
        "litellm_much_written.jsonl",
        "more written to the cache than there is",
        "cached_above_total",
        "litellm",
        metadata=_details(cached_tokens=0, cache_creation_tokens=1001),
    ),
    bad_row(
        "litellm_negative_prompt.jsonl",
        "a prompt below zero",
        "negative_total_input_tokens",
        "litellm",
        prompt_tokens=-5,
        metadata=...,
    ),
    bad_row("litellm_no_time.jsonl", "no time", "missing_time", "litellm", startTime=...),
    bad_row("litellm_negative_spend.jsonl", "a spend below zero", "negative_cost_reported", "litellm", spend=-0.01),
    bad_row(
        "claude_negative_output.jsonl",
        "output below zero",
        "negative_output_tokens",
        "claude",
        message=_message("claude-sonnet-4-5", input_tokens=10, output_tokens=-5),
    ),
    bad_row(
        "claude_no_model.jsonl",
        "usage without a model",
        "missing_model",
        "claude",
        message=_message(None, input_tokens=10, output_tokens=20),
    ),
)
