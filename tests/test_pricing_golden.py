"""Prices that a console, an invoice or a bug report gives, through the whole way from key to SQL."""

from decimal import Decimal

import pytest

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.override import Override
from tests.strategies import cost, price_calls, utc


def call(provider: str, model: str, *, route: str = "direct", at: str = "2026-11-20", **usage: object):
    return {
        "provider": provider,
        "route": route,
        "model": model,
        "started_at": utc(at),
        **usage,
    }


@pytest.mark.parametrize(("day", "dollars"), [("2025-06-01", "10"), ("2025-07-01", "2")])
def test_a_price_change_holds_from_its_day_on(day, dollars):
    assert cost(call("openai", "o3", at=day, input_tokens=1_000_000, output_tokens=0)) == Decimal(dollars)


@pytest.mark.parametrize(
    ("provider", "model", "tokens", "dollars"),
    [
        ("google", "gemini-2.5-pro", 200_000, "0.25"),
        ("google", "gemini-2.5-pro", 200_001, "0.5000025"),
        ("anthropic", "claude-sonnet-4-5", 200_001, "1.200006"),
        ("google", "gemini-3.1-pro-preview", 250_000, "1"),
    ],
)
def test_a_call_above_a_size_tier_pays_the_higher_rate_for_every_token(provider, model, tokens, dollars):
    assert cost(call(provider, model, input_tokens=tokens, output_tokens=0)) == Decimal(dollars)


def test_cache_tokens_count_towards_the_size_tier():
    usage = {"input_tokens": 1, "cache_read_tokens": 200_000, "output_tokens": 0}
    # above 200,000: 2.50 a million for input, 0.25 for what was read
    assert cost(call("google", "gemini-2.5-pro", **usage)) == Decimal("0.0500025")


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        # 20,212 input of which 16,298 cached; the known bug made 0.0137 of it
        ("google/gemini-3-flash-preview", (3_914, 16_298, 0, 931), "0.0055649"),
        # 2,746 input of which 2,208 cached
        ("openai/gpt-5-mini", (538, 2_208, 0, 197), "0.0005837"),
        # the console says 0.05439; counting cached tokens twice gives 0.091311
        ("anthropic/claude-3-7-sonnet-20250219", (3, 0, 12_304, 550), "0.054399"),
    ],
)
def test_cached_tokens_are_counted_once(model, tokens, dollars):
    classes = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "output_tokens")
    provider, _, name = model.partition("/")
    assert cost(call(provider, name, **dict(zip(classes, tokens, strict=True)))) == Decimal(dollars)


@pytest.mark.parametrize(("scope", "dollars"), [("us", "3.30"), ("global", "3.00")])
def test_a_regional_bedrock_profile_costs_a_tenth_more(scope, dollars):
    model = f"bedrock/{scope}.anthropic.claude-sonnet-4-5-20250929-v1:0"
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    assert cost(call("anthropic", model, route="bedrock", **usage)) == Decimal(dollars)


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        (
            "openai/gpt-5.6-sol",
            {"input_tokens": 3, "cache_write_5m_tokens": 24_791, "output_tokens": 7_493},
            "0.1369135",
        ),
        ("anthropic/claude-sonnet-5", {"input_tokens": 711, "output_tokens": 455}, "0.005972"),
        ("anthropic/claude-sonnet-5", {"input_tokens": 798, "output_tokens": 434}, "0.005936"),
        ("anthropic/claude-sonnet-5", {"input_tokens": 817, "output_tokens": 487}, "0.006504"),
        ("anthropic/claude-sonnet-5", {"input_tokens": 377, "output_tokens": 5_700}, "0.057754"),
    ],
)
def test_our_openrouter_price_is_what_openrouter_billed(model, usage, dollars):
    provider = model.partition("/")[0]
    at = "2026-09-17"
    assert cost(call(provider, model, route="openrouter", at=at, **usage)) == Decimal(dollars)


def test_the_route_decides_the_price():
    usage = {"input_tokens": 3, "cache_write_5m_tokens": 24_791, "output_tokens": 7_493}
    direct = call("openai", "gpt-5.6-sol", at="2026-09-17", **usage)
    assert cost(direct) == Decimal("0.273827")


@pytest.mark.parametrize(
    ("tier", "day", "dollars"),
    [
        ("standard", "2026-11-20", "0.001275"),
        ("flex", "2026-11-20", "0.0006375"),
        # first listed on 2026-10-12; the list price of the standard tier would be twice as much
        ("flex", "2026-09-15", "0.0006375"),
    ],
)
def test_the_service_tier_of_the_answer_decides_the_price(tier, day, dollars):
    usage = {"input_tokens": 1_000, "cache_read_tokens": 1_000, "output_tokens": 500, "service_tier": tier}
    assert cost(call("openai", "gpt-5-mini", at=day, **usage)) == Decimal(dollars)


def test_a_day_before_the_first_known_price_takes_the_first_one():
    tokens = {"input_tokens": 22_361_870, "output_tokens": 4_088_665}
    events, _ = price_calls([call("openai", "gpt-4o", at="2023-11-16", **tokens)])
    assert events[0]["cost_usd"] == Decimal("96.791325")


MANY = {"record_kind": "bucket", "request_count": 10}
SONNET = {
    **MANY,
    "input_tokens": 1_000_000,
    "cache_read_tokens": 2_000_000,
    "cache_write_5m_tokens": 100_000,
    "cache_write_1h_tokens": 50_000,
    "output_tokens": 100_000,
}


def cost_and_quality(*told: object, **usage: object) -> tuple[object, object]:
    events, _ = price_calls([call(*told, **usage)])
    return events[0]["cost_usd"], events[0]["usage_quality"]


@pytest.mark.parametrize(
    ("window", "dollars", "quality"),
    [
        # 3 + 2 x 0.30 + 0.1 x 3.75 + 0.05 x 6 + 0.1 x 15
        ("0-200k", "5.775", "exact"),
        # 6 + 2 x 0.60 + 0.1 x 7.50 + 0.05 x 12 + 0.1 x 22.50
        ("200k-1M", "10.8", "exact"),
        ("200000-1000000", "10.8", "exact"),
        (None, "5.775", "tier_unknown"),
        ("large", "5.775", "tier_unknown"),
        # both tiers are possible
        ("100k-1M", "5.775", "tier_unknown"),
    ],
)
def test_a_bucket_takes_the_tier_of_its_window_and_without_one_the_lowest(window, dollars, quality):
    told = ("anthropic", "claude-sonnet-4-5")
    assert cost_and_quality(*told, **SONNET, context_window=window) == (Decimal(dollars), quality)


@pytest.mark.parametrize(
    ("model", "dollars", "quality"),
    [
        ("google/gemini-2.5-pro", "2.25", "tier_unknown"),  # 1.25 + 0.1 x 10, the lowest
        ("openai/gpt-5-mini", "0.45", "exact"),  # 0.25 + 0.1 x 2, whatever the size
        ("acme/llama-of-acme", None, "exact"),
    ],
)
def test_only_a_bucket_whose_price_depends_on_size_has_an_unknown_tier(model, dollars, quality):
    usage = {**MANY, "input_tokens": 1_000_000, "output_tokens": 100_000}
    expected = (None if dollars is None else Decimal(dollars), quality)
    assert cost_and_quality(*model.split("/"), **usage) == expected


@pytest.mark.parametrize(("tokens", "quality"), [(200_000, "exact"), (200_001, "tier_unknown")])
def test_no_call_is_larger_than_the_sum_of_its_bucket(tokens, quality):
    usage = {**MANY, "input_tokens": 1, "cache_read_tokens": tokens - 1, "output_tokens": 0}
    assert cost_and_quality("google", "gemini-2.5-pro", **usage)[1] == quality


@pytest.mark.parametrize("record", [{"record_kind": "bucket", "request_count": 1}, {"record_kind": "call"}])
def test_one_call_has_its_own_size_whatever_its_window(record):
    usage = {**record, "input_tokens": 200_001, "output_tokens": 0, "context_window": "0-200k"}
    assert cost_and_quality("anthropic", "claude-sonnet-4-5", **usage) == (Decimal("1.200006"), "exact")


@pytest.mark.parametrize("quality", ["estimated", "ttl_assumed", "tier_unknown", "partial", "missing"])
def test_a_worse_quality_than_an_unknown_tier_stays(quality):
    assert cost_and_quality("anthropic", "claude-sonnet-4-5", **SONNET, usage_quality=quality)[1] == quality


def test_what_was_billed_stays_the_cost_of_a_bucket_of_unknown_tier():
    bucket = call("anthropic", "claude-sonnet-4-5", **SONNET, cost_reported="8", cost_reported_currency="USD")
    events, _ = price_calls([bucket], reported_basis="billed")
    names = ("cost_usd", "cost_basis", "cost_computed_usd", "price_status", "usage_quality")
    expected = (Decimal(8), "billed", Decimal("5.775"), "priced", "tier_unknown")
    assert tuple(events[0][name] for name in names) == expected


def test_a_contract_without_tiers_holds_for_every_size():
    agreed = {"provider": "anthropic", "model": "claude-sonnet-4-5", "per_million": {"input": "2", "output": "10"}}
    bucket = call("anthropic", "claude-sonnet-4-5", **MANY, input_tokens=1_000_000, output_tokens=100_000)
    events, _ = price_calls([bucket], book=PriceBook((Override.model_validate(agreed),)))
    assert (events[0]["cost_usd"], events[0]["usage_quality"]) == (Decimal(3), "exact")
