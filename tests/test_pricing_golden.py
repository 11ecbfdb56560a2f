"""Prices that a console, an invoice or a bug report gives, through the whole way from key to SQL."""

from decimal import Decimal

import pytest

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
