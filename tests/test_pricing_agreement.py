"""Our SQL and genai-prices, on random usage of every model and service tier that it prices.

Where we mean to differ, the difference is listed here with its reason, and must show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import duckdb
import genai_prices
import pytest
from genai_prices import data_snapshot, data_units, types
from genai_prices.units import UnitRegistry
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.pricing.book import PriceBook, Resolution
from sophia_metrics.pricing.card import STANDARD, PriceCard, PriceKey, Rates
from sophia_metrics.pricing.corrections import corrections
from sophia_metrics.pricing.genai import list_cards
from sophia_metrics.pricing.price import load_cards, price_batch
from tests.strategies import NOON, NOW, TOKEN_CLASSES, load_batch, price_calls, usages, utc

REGISTRY = UnitRegistry(data_units.unit_data)
CONTEXTS = {
    STANDARD: {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
TOLERANCE = Decimal("1e-9")
Usage = Mapping[str, int]


@dataclass(frozen=True)
class Both:
    ours: Decimal | None
    theirs: Decimal | None
    """None: genai-prices does not know the model."""


def every_model() -> list[tuple[types.Provider, types.ModelInfo]]:
    return [(provider, model) for provider in data_snapshot.get_snapshot().providers for model in provider.models]


@cache
def every_key() -> tuple[PriceKey, ...]:
    return tuple(
        PriceKey(provider.id, "direct", model.id, tier)
        for provider, model in every_model()
        for tier, context in CONTEXTS.items()
        if tier == STANDARD
        or any(set(each.when.items()) <= set(context.items()) for each in model.price_variants or ())
    )


@cache
def every_price() -> Resolution:
    return PriceBook().resolve(every_key())


@cache
def uncorrected_prices() -> Resolution:
    return PriceBook(list_prices=list_cards).resolve(CORRECTED)


@cache
def cards_of() -> dict[PriceKey, list[PriceCard]]:
    cards: dict[PriceKey, list[PriceCard]] = {key: [] for key in every_key()}
    for card in every_price().cards:
        cards[card.key].append(card)
    return cards


def rates_at(key: PriceKey, at: datetime) -> Rates | None:
    """Return some rates that hold on that day; their classes and units are the same in all."""
    holding = [card for card in cards_of()[key] if card.clipped(at, at + timedelta(microseconds=1))]
    return holding[0].rates if holding else None


def priced_usage(key: PriceKey, usage: Usage, at: datetime) -> dict[str, int]:
    """Leave out of the usage the classes for which the key has no price: see difference 2."""
    rates = rates_at(key, at)
    return {
        name: 0 if rates and getattr(rates, name.removesuffix("_tokens")) is None else count
        for name, count in usage.items()
    }


def units_of(key: PriceKey, at: datetime) -> set[str]:
    rates = rates_at(key, at)
    return {unit for unit, _ in rates.units if unit != "requests"} if rates else set()


def theirs(key: PriceKey, usage: Usage, units: Usage, at: datetime) -> Decimal | None:
    writes = usage["cache_write_5m_tokens"] + usage["cache_write_1h_tokens"]
    inclusive = {
        **usage,
        "input_tokens": sum(usage.values()) - usage["output_tokens"],
        "cache_write_tokens": writes,
    }
    for unit, quantity in units.items():
        for counted in {unit, *REGISTRY.ancestor_usage_keys(unit)}:
            inclusive[counted] = inclusive.get(counted, 0) + quantity
    try:
        return genai_prices.calc_price(
            genai_prices.Usage(**inclusive),
            key.model,
            provider_id=key.provider,
            genai_request_timestamp=at.replace(tzinfo=UTC),
            price_context=CONTEXTS[key.service_tier],
        ).total_price
    except LookupError:
        return None


def ours(calls: list[dict[str, object]], units: list[dict[str, object]], prices: Resolution) -> list[Decimal | None]:
    with duckdb.connect() as connection:
        load_batch(connection, calls, units=units)
        connection.execute(
            "CREATE TEMP TABLE source_terms AS SELECT 'test' AS source, 'api' AS billing, '' AS reported_basis"
        )
        connection.execute("CREATE TEMP TABLE fx_rates (currency VARCHAR, rate DECIMAL(38, 18))")
        load_cards(connection, prices, NOW)
        price_batch(connection)
        query = "SELECT cost_usd FROM priced_events ORDER BY CAST(event_id AS INTEGER)"
        return [dollars for (dollars,) in connection.execute(query).fetchall()]


def compare(
    keys: list[PriceKey],
    drawn: list[dict[str, int]],
    quantity: int,
    at: datetime,
    prices: Resolution | None = None,
) -> dict[PriceKey, Both]:
    usage = {key: priced_usage(key, drawn[number % len(drawn)], at) for number, key in enumerate(keys)}
    counted = {key: {unit: quantity + len(unit) for unit in units_of(key, at)} for key in keys}
    calls = [call(key, usage[key], at) for key in keys]
    units = [
        {"event_id": str(number), "unit": unit, "quantity": count}
        for number, key in enumerate(keys)
        for unit, count in counted[key].items()
    ]
    costs = ours(calls, units, prices or every_price())
    return {key: Both(cost, theirs(key, usage[key], counted[key], at)) for key, cost in zip(keys, costs, strict=True)}


def call(key: PriceKey, usage: Usage, at: datetime) -> dict[str, object]:
    names = {
        "provider": key.provider,
        "route": key.route,
        "model": key.model,
        "service_tier": key.service_tier,
    }
    return {**names, "started_at": at, **usage}


def disagreements(both: dict[PriceKey, Both]) -> dict[PriceKey, Both]:
    return {
        key: pair
        for key, pair in both.items()
        if (pair.ours is None) != (pair.theirs is None)
        or (pair.ours is not None and pair.theirs is not None and abs(pair.ours - pair.theirs) > TOLERANCE)
    }


def has_no_price(key: PriceKey) -> bool:
    """Return whether genai-prices has no price at all for the model, and its name does not say free."""
    model = next(model for provider, model in every_model() if (provider.id, model.id) == (key.provider, key.model))
    prices = model.get_prices(NOON)
    return all(value is None for value in vars(prices).values()) and not key.model.endswith(":free")


NO_PRICE = [key for key in every_key() if key.service_tier == STANDARD and has_no_price(key)]
"""Difference 1. genai-prices answers 0 for a model without a price; here what is not known is never 0."""

CORRECTED = [
    key
    for key in every_key()
    if any(each.matches(PriceKey(key.provider, None, key.model, key.service_tier)) for each in corrections())
]
"""Difference 8. What corrections.yaml changes; without them these agree, too."""

MANY = usages(st.integers(min_value=0, max_value=400_000).map(lambda count: count if count % 7 else 0))


@settings(max_examples=8, deadline=None)
@given(drawn=st.lists(MANY, min_size=5, max_size=11), quantity=st.integers(10, 5_000))
def test_every_model_and_tier_costs_what_genai_prices_says(drawn, quantity):
    keys = [key for key in every_key() if key not in [*NO_PRICE, *CORRECTED]]
    assert disagreements(compare(keys, drawn, quantity, NOON)) == {}


@settings(max_examples=8, deadline=None)
@given(
    drawn=st.lists(MANY, min_size=5, max_size=11),
    quantity=st.integers(10, 5_000),
    at=st.datetimes(utc("2024-01-01"), utc("2027-06-01")),
)
def test_every_standard_price_agrees_at_any_instant(drawn, quantity, at):
    keys = [key for key in every_key() if key not in [*NO_PRICE, *CORRECTED] and key.service_tier == STANDARD]
    assert disagreements(compare(keys, drawn, quantity, at)) == {}


@settings(max_examples=20, deadline=None)
@given(
    drawn=st.lists(MANY, min_size=5, max_size=11),
    quantity=st.integers(10, 5_000),
    at=st.datetimes(utc("2024-01-01"), utc("2027-06-01")),
)
def test_without_the_corrections_the_corrected_models_agree_at_any_instant_too(drawn, quantity, at):
    keys = [key for key in CORRECTED if key.service_tier == STANDARD]
    assert disagreements(compare(keys, drawn, quantity, at, uncorrected_prices())) == {}


def test_only_these_models_are_corrected():
    assert sorted({f"{key.provider}/{key.model} {key.service_tier}" for key in CORRECTED}) == [
        "deepseek/deepseek-chat standard",
        "deepseek/deepseek-reasoner standard",
        "deepseek/deepseek-v4-flash standard",
        "deepseek/deepseek-v4-pro standard",
        "openai/gpt-4o batch",
        "openai/gpt-4o standard",
        "openai/o3 standard",
    ]


def test_a_model_without_any_price_is_unpriced_where_genai_prices_says_zero():
    some = dict.fromkeys(TOKEN_CLASSES, 1_000)
    both = compare(NO_PRICE, [some], 10, NOON)
    assert NO_PRICE
    assert {pair.ours for pair in both.values()} == {None}
    assert {pair.theirs for pair in both.values() if pair.theirs is not None} == {Decimal(0)}


def test_a_token_class_without_any_price_is_unknown_where_genai_prices_says_zero():
    """Difference 2: output of an embedding model, tokens of a model priced by the character or hour."""
    keys = [
        key
        for key, cards in cards_of().items()
        if cards and (cards[0].rates.input is None or cards[0].rates.output is None)
    ]
    some = dict.fromkeys(TOKEN_CLASSES, 1_000)
    costs = ours([call(key, some, NOON) for key in keys], [], every_price())
    assert len(keys) > 100
    assert set(costs) == {None}
    assert all(theirs(key, some, {}, NOON) is not None for key in keys)


@pytest.mark.parametrize("tier", ["flex", "batch", "priority"])
def test_a_tier_that_a_reseller_does_not_list_is_unpriced_where_genai_prices_says_standard(tier):
    """Difference 3: azure borrows gpt-5 from openai, and genai-prices then forgets the tier."""
    key = PriceKey("azure", "direct", "gpt-5", tier)
    some = dict.fromkeys(TOKEN_CLASSES, 1_000)
    standard = PriceKey("azure", "direct", "gpt-5")
    assert theirs(key, some, {}, NOON) == theirs(standard, some, {}, NOON)
    assert price_calls([call(key, some, NOON)])[0][0]["price_status"] == "unpriced"


def test_an_unknown_tier_is_unpriced_where_genai_prices_says_standard():
    """Difference 4: a tier value that no price knows."""
    usage = genai_prices.Usage(input_tokens=1_000_000, output_tokens=0)
    context = {"service_tier": "turbo"}
    price = genai_prices.calc_price(usage, "gpt-5-mini", provider_id="openai", price_context=context)
    assert price.total_price == Decimal("0.25")
    turbo = call(
        PriceKey("openai", "direct", "gpt-5-mini", "turbo"),
        {"input_tokens": 1_000_000, "output_tokens": 0},
        NOON,
    )
    assert price_calls([turbo])[0][0]["price_status"] == "unpriced"


def test_a_tier_costs_its_first_known_price_before_that_day_where_genai_prices_says_standard():
    """Difference 5: most variants begin on the day on which somebody looked them up; see test_pricing_edges."""
    before = utc("2026-09-15")
    some = {
        **dict.fromkeys(TOKEN_CLASSES, 0),
        "input_tokens": 1_000,
        "cache_read_tokens": 1_000,
        "output_tokens": 500,
    }
    key = PriceKey("openai", "direct", "gpt-5-mini", "flex")
    assert theirs(key, some, {}, before) == Decimal("0.001275")
    assert price_calls([call(key, some, before)])[0][0]["cost_usd"] == Decimal("0.0006375")


def test_many_calls_to_groqs_whisper_are_of_unknown_cost_where_genai_prices_takes_them_for_one():
    """Difference 6: at least ten seconds are billed for a call, which cannot be told from a sum of seconds."""
    key = PriceKey("groq", "direct", "whisper-large-v3")
    nothing = dict.fromkeys(TOKEN_CLASSES, 0)
    seconds = [{"event_id": "0", "unit": "input_audio_seconds", "quantity": 30}]
    many = {**call(key, nothing, NOON), "record_kind": "bucket", "request_count": 10}
    # 30 seconds of 0.111 dollars an hour, where ten calls cost at least 100 seconds
    assert theirs(key, nothing, {"input_audio_seconds": 30}, NOON) == Decimal("0.000925")
    assert price_calls([many], units=seconds)[0][0]["price_status"] == "partial"


def test_reasoning_is_part_of_output_where_genai_prices_has_a_rate_of_its_own():
    """Difference 7: sonar-deep-research only; counted apart, it is the unit output_reasoning_tokens."""
    key = PriceKey("perplexity", "direct", "sonar-deep-research")
    usage = {**dict.fromkeys(TOKEN_CLASSES, 0), "output_tokens": 1_000_000}
    inclusive = genai_prices.Usage(input_tokens=0, output_tokens=1_000_000, output_reasoning_tokens=1_000_000)
    price = genai_prices.calc_price(inclusive, key.model, provider_id=key.provider)
    assert price.total_price == Decimal(3)
    reasoning = {**call(key, usage, NOON), "reasoning_tokens": 1_000_000}
    assert price_calls([reasoning])[0][0]["cost_usd"] == Decimal(8)
