"""Where the price list is wrong or silent: each gap has a rule, a correction or a flag, and shows.

The sections are the rows of "Where the list is wrong or silent" in docs/pricing.md.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from genai_prices import data_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.pricing.backdated import backdated
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceCard, PriceKey, Rates
from sophia_metrics.pricing.corrections import corrections
from sophia_metrics.pricing.genai import list_cards
from sophia_metrics.pricing.list_prices import list_prices
from sophia_metrics.pricing.nearest import nearest_models
from sophia_metrics.pricing.override import Override
from tests.strategies import cost, price_calls, utc

MILLION = {"input_tokens": 1_000_000, "output_tokens": 0}
BOTH = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}


def priced(call: dict[str, object], **options: object) -> dict[str, object]:
    return price_calls([call], **options)[0][0]


def origin(provider: str, model: str, route: str | None = "direct", tier: str = "standard") -> str:
    return list_prices(PriceKey(provider, route, model, tier))[0].origin


def override(**entry: object) -> PriceBook:
    return PriceBook((Override.model_validate(entry),))


# 1. Prices of the past: corrections, and what is older than the list


@pytest.mark.parametrize(
    ("model", "day", "dollars"),
    [
        ("gpt-4o", "2024-06-01", "20"),  # 5 + 15
        ("gpt-4o", "2024-10-01T23:59:59", "20"),
        ("gpt-4o", "2024-10-02", "12.5"),  # 2.50 + 10
        ("gpt-4o-2024-08-06", "2024-09-01", "12.5"),
        ("openai/gpt-4o", "2024-06-01", "20"),
    ],
)
def test_gpt_4o_cost_what_its_first_snapshot_costs_until_the_second_took_its_name(model, day, dollars):
    assert cost({**BOTH, "model": model, "started_at": utc(day)}) == Decimal(dollars)


def test_a_correction_of_openai_does_not_reach_what_openrouter_bills():
    call = {**BOTH, "model": "openai/gpt-4o", "route": "openrouter", "started_at": utc("2024-06-01")}
    assert cost(call) == Decimal("12.5")


@pytest.mark.parametrize(("day", "dollars"), [("2025-06-09", "2.5"), ("2025-06-10", "0.5")])
def test_cached_input_of_o3_cost_more_before_its_price_cut(day, dollars):
    call = {"model": "o3", "cache_read_tokens": 1_000_000, "input_tokens": 0, "output_tokens": 0}
    assert cost({**call, "started_at": utc(day)}) == Decimal(dollars)


def test_a_correction_keeps_the_prices_of_other_units():
    call = {**MILLION, "model": "o3", "started_at": utc("2025-06-01")}
    searches = [{"event_id": "0", "unit": "web_searches", "quantity": 5}]
    # 10.00 + 5 x 0.01
    assert priced(call, units=searches)["cost_usd"] == Decimal("10.05")


def test_a_correction_says_what_it_corrects_and_where_that_is_said():
    dated = next(card for card in list_prices(PriceKey("openai", None, "gpt-4o")) if card.checked_on)
    assert dated.origin.startswith("correction: gpt-4o was gpt-4o-2024-05-13 until 2024-10-02 (https://")


def test_a_price_that_begins_where_a_correction_ends_is_not_open():
    newest = max(list_prices(PriceKey("openai", None, "gpt-4o")), key=lambda card: str(card.valid_from or ""))
    assert (newest.valid_from, "open_start" in newest.origin) == (utc("2024-10-02"), False)


def test_a_price_of_our_own_wins_over_a_correction():
    book = override(provider="openai", model="gpt-4o", per_million={"input": 1, "output": 1})
    row = priced({**BOTH, "model": "gpt-4o", "started_at": utc("2024-06-01")}, book=book)
    assert (row["cost_usd"], row["list_cost_usd"]) == (Decimal(2), Decimal(20))


def test_a_share_of_the_list_is_a_share_of_the_corrected_list():
    book = override(provider="openai", model="gpt-4o", multiplier="0.5")
    assert cost({**BOTH, "model": "gpt-4o", "started_at": utc("2024-06-01")}, book=book) == Decimal(10)


def test_the_book_without_corrections_is_the_package_as_it_is():
    call = {**BOTH, "model": "gpt-4o", "started_at": utc("2024-06-01")}
    assert cost(call, book=PriceBook(list_prices=list_cards)) == Decimal("12.5")


def test_every_correction_names_a_price_of_the_list_and_says_who_says_so():
    incomplete = [each.model for each in corrections() if not (each.note and each.source and each.checked_on)]
    routed = [each.model for each in corrections() if each.route]
    unknown = [
        each.model
        for each in corrections()
        if not list_cards(PriceKey(each.provider, None, each.model.rstrip("*"), each.service_tier))
    ]
    assert (incomplete, routed, unknown) == ([], [], [])


@settings(max_examples=60, deadline=None)
@given(model=st.sampled_from(sorted({each.model.rstrip("*") for each in corrections()})), at=st.datetimes())
def test_a_corrected_model_has_one_price_at_any_instant(model, at):
    provider = "openai" if model in {"gpt-4o", "o3"} else "deepseek"
    cards = PriceBook().resolve([PriceKey(provider, None, model)]).cards
    second = at.hour * 3_600 + at.minute * 60 + at.second

    def holds(card: PriceCard) -> bool:
        start, end = card.daily_from_seconds, card.daily_to_seconds
        in_band = start is None or end is None or (start <= second < end if start < end else not end <= second < start)
        has_begun = card.valid_from is None or card.valid_from <= at
        return has_begun and (card.valid_to is None or at < card.valid_to) and in_band

    assert sum(holds(card) for card in cards) == 1


# 2. Service tiers are dated by the day of looking


@pytest.mark.parametrize(
    ("day", "dollars"),
    [
        ("2026-09-15", "5"),  # half of 10, which somebody looked up on 2026-10-14
        ("2024-10-02", "5"),
        ("2024-10-01", "7.5"),  # half of the 15 that the first snapshot cost
    ],
)
def test_a_batch_costs_half_as_far_back_as_its_standard_price_goes(day, dollars):
    call = {"model": "gpt-4o", "service_tier": "batch", "input_tokens": 0, "output_tokens": 1_000_000}
    assert cost({**call, "started_at": utc(day)}) == Decimal(dollars)


@pytest.mark.parametrize("tier", ["batch", "flex", "priority"])
def test_a_tier_has_no_price_before_the_last_change_of_its_standard_price(tier):
    call = {**MILLION, "model": "o3", "service_tier": tier}
    days = ("2025-06-09", "2025-06-10")
    statuses = [priced({**call, "started_at": utc(day)})["price_status"] for day in days]
    assert statuses == ["unpriced", "priced"]


def test_a_backdated_price_says_so_and_since_when_it_is_known():
    assert origin("openai", "gpt-5-mini", tier="flex").endswith("open_start; backdated from 2026-10-12")


def test_no_tier_reaches_further_back_than_the_standard_price_that_it_was_looked_up_beside():
    tiers = {
        PriceKey(provider.id, "direct", model.id, tier)
        for provider in data_snapshot.get_snapshot().providers
        for model in provider.models
        for variant in model.price_variants or ()
        for tier in variant.when.values()
    }
    too_early = [
        key
        for key in tiers
        for card in list_prices(key)
        if "backdated" in card.origin and not card.origin.startswith("correction")
        for beside in list_prices(replace(key, service_tier="standard"))
        if beside.clipped(card.valid_from, looked_up(card)) and (beside.valid_from or EVER) > (card.valid_from or EVER)
    ]
    assert len(tiers) > 150
    assert too_early == []


EVER = utc("0001-01-01")


def looked_up(card: PriceCard) -> datetime:
    return utc(card.origin.partition("backdated from ")[2][:10])


KEY = PriceKey("acme", None, "m", "batch")
TIER = PriceCard(KEY, "list", Rates(input=Decimal(1)), "list", valid_from=utc("2026-10-14"))
STANDARD = replace(TIER, key=PriceKey("acme", None, "m"), valid_from=None)


def test_a_tier_that_began_with_its_standard_price_is_not_backdated():
    assert backdated([TIER], [replace(STANDARD, valid_from=TIER.valid_from)]) == (TIER,)


def test_a_tier_without_a_standard_price_is_not_backdated():
    assert backdated([TIER], []) == (TIER,)


def test_a_standard_price_to_come_does_not_hold_a_tier_back():
    coming = replace(STANDARD, valid_from=utc("2027-01-01"))
    (first,) = backdated([TIER], [STANDARD, coming])
    assert first.valid_from is None


def test_a_later_price_of_a_tier_keeps_its_day():
    later = replace(TIER, valid_from=utc("2027-01-01"))
    assert backdated([replace(TIER, valid_to=later.valid_from), later], [STANDARD])[1] == later


# 3. A tier that the list does not know for this route


@pytest.mark.parametrize(
    ("provider", "route", "model", "tier"),
    [
        ("openai", "azure", "gpt-5", "flex"),
        ("openai", "azure", "gpt-5", "batch"),
        ("anthropic", "bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "batch"),
        ("openai", "direct", "gpt-5", "turbo"),
    ],
)
def test_a_tier_that_is_not_listed_on_its_route_is_never_charged_as_standard(provider, route, model, tier):
    call = {**MILLION, "provider": provider, "route": route, "model": model, "service_tier": tier}
    assert (priced(call)["price_status"], cost(call)) == ("unpriced", None)


def test_a_price_borrowed_from_the_maker_says_so():
    assert "; the maker's price, azure lists none" in origin("openai", "gpt-4o", route="azure")


def test_a_price_of_azures_own_is_not_borrowed():
    assert "the maker's price" not in origin("openai", "o3-mini", route="azure")


# 4. A token class without a price of its own


def test_cached_input_at_the_price_of_input_is_flagged():
    call = {"model": "gpt-4", "input_tokens": 0, "cache_read_tokens": 1_000_000, "output_tokens": 0}
    assert cost(call) == Decimal(30)
    assert "cache_read as input" in origin("openai", "gpt-4")


def test_output_of_an_embedding_model_is_not_free():
    call = {"model": "text-embedding-3-small", "input_tokens": 1_000, "output_tokens": 1}
    assert priced(call)["price_status"] == "partial"


# 5. OpenRouter: one price a model, no routes, no free models


def test_what_openrouter_billed_wins_and_what_we_compute_stands_beside_it():
    call = {**MILLION, "route": "openrouter", "model": "openai/gpt-4o", "cost_reported": "1.90"}
    row = priced({**call, "cost_reported_currency": "USD"}, reported_basis="billed")
    found = (row["cost_usd"], row["cost_basis"], row["cost_computed_usd"])
    assert found == (Decimal("1.9"), "billed", Decimal("2.5"))


def test_a_price_that_stands_for_every_route_says_so():
    assert "; doubt: one price for all routes of the model" in origin("openai", "openai/gpt-4o", route="openrouter")


def test_a_free_model_of_openrouter_is_free_and_not_unknown():
    call = {**BOTH, "route": "openrouter", "model": "acme/some-llama:free"}
    row = priced(call)
    assert (row["cost_usd"], row["price_status"]) == (Decimal(0), "free")


@pytest.mark.parametrize("suffix", [":nitro", ":floor", ":online"])
def test_a_way_of_routing_has_no_price_of_its_own_unless_it_was_billed(suffix):
    call = {**MILLION, "route": "openrouter", "model": f"openai/gpt-4o{suffix}", "cost_reported": "3.10"}
    unknown, billed = (
        priced({**call, "cost_reported_currency": "USD"}, reported_basis=basis) for basis in (None, "billed")
    )
    assert (unknown["cost_usd"], billed["cost_usd"], billed["price_status"]) == (None, Decimal("3.1"), "unpriced")


def test_a_model_that_openrouter_no_longer_lists_is_unpriced():
    assert cost({**MILLION, "route": "openrouter", "model": "x-ai/grok-4"}) is None


def test_fees_of_tools_are_part_of_what_was_billed():
    # gpt-4.1-mini: 1,000 x 0.40 + 100 x 1.60 a million = 0.00056, and one search for 0.01
    call = {"route": "openrouter", "model": "openai/gpt-4.1-mini", "input_tokens": 1_000, "output_tokens": 100}
    row = priced({**call, "cost_reported": "0.01056", "cost_reported_currency": "USD"}, reported_basis="billed")
    assert row["cost_usd"] - row["cost_computed_usd"] == Decimal("0.01")


# 6. Where a size tier begins


@pytest.mark.parametrize(("tokens", "dollars"), [(199_999, "0.24999875"), (200_000, "0.5"), (200_001, "0.5000025")])
def test_xai_bills_the_higher_rate_from_the_threshold_on(tokens, dollars):
    # 1.25 a million below 200,000 tokens, 2.50 from there
    call = {"provider": "x-ai", "model": "grok-4.20", "input_tokens": tokens, "output_tokens": 0}
    assert cost(call) == Decimal(dollars)


@pytest.mark.parametrize(("tokens", "dollars"), [(200_000, "0.25"), (200_001, "0.5000025")])
def test_others_bill_it_above_the_threshold(tokens, dollars):
    call = {"provider": "google", "model": "gemini-2.5-pro", "input_tokens": tokens, "output_tokens": 0}
    assert cost(call) == Decimal(dollars)


# 7. What the list does not hold: fine-tunes, deployments, models of your own


@pytest.mark.parametrize(
    ("provider", "route", "model"),
    [
        ("openai", "direct", "ft:gpt-4o-mini:org::id"),
        ("openai", "direct", "ft:gpt-4.1-mini-2025-04-14:org::id"),
        ("openai", "azure", "gpt-4o-prod"),
        ("openai", "azure", "azure/eu/gpt-4o"),
        ("amazon", "bedrock", "arn:aws:bedrock:us-east-1:1:custom-model/amazon.nova-lite-v1:0:8k/abcdef"),
        (
            "anthropic",
            "bedrock",
            "arn:aws:bedrock:us-east-1:1:provisioned-model/anthropic.claude-3-haiku-20240307-v1:0",
        ),
    ],
)
def test_a_model_of_ones_own_never_takes_the_price_of_its_base(provider, route, model):
    assert cost({**MILLION, "provider": provider, "route": route, "model": model}) is None


def test_a_fine_tune_that_the_list_prices_costs_more_than_its_base():
    models = ("ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4o-mini-2024-07-18")
    assert [cost({**MILLION, "model": model}) for model in models] == [Decimal("0.3"), Decimal("0.15")]


@pytest.mark.parametrize(
    ("provider", "route", "model", "nearest"),
    [
        ("openai", "direct", "ft:gpt-4o-mini:org::id", "gpt-4o-mini"),
        ("openai", "direct", "gpt-4o-minx", "gpt-4o-mini"),
        ("openai", "azure", "gpt-4o-prod", "gpt-4o"),
        ("openai", "openrouter", "openai/gpt-4o:nitro", "openai/gpt-4o"),
        ("anthropic", "bedrock", "claude-sonnet-4-5", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("meta", "some-reseller", "llama-4-maverick", "meta-llama/llama-4-maverick"),
    ],
)
def test_the_nearest_known_name_comes_first(provider, route, model, nearest):
    assert nearest_models(PriceKey(provider, route, model))[0] == nearest


def test_a_name_that_says_nothing_is_near_to_nothing():
    assert nearest_models(PriceKey("openai", "azure", "my-deployment")) == ()


@pytest.mark.parametrize("model", ["gpt-4o-prod", "o3-tuned", "gpt-5-mini-of-ours"])
def test_a_near_name_can_be_taken_over_by_an_override(model):
    key = PriceKey("openai", "azure", model)
    book = override(provider="openai", model=model, like={"model": nearest_models(key)[0]})
    assert cost({**MILLION, "route": "azure", "model": model}, book=book) is not None


# 8. DeepSeek is out of date, Bedrock is sold by region


@pytest.mark.parametrize(
    ("model", "instant", "dollars"),
    [
        ("deepseek-chat", "2025-02-26T16:29", "0.27"),
        ("deepseek-chat", "2025-02-26T16:31", "0.135"),  # the first night
        ("deepseek-chat", "2025-09-05T15:59", "0.27"),
        ("deepseek-chat", "2025-09-05T16:00", "0.56"),
        ("deepseek-reasoner", "2025-09-06T20:00", "0.56"),  # no night discount any more
        ("deepseek-chat", "2025-11-20T20:00", "0.28"),
        ("deepseek-reasoner", "2025-11-20T20:00", "0.28"),
        ("deepseek-chat", "2026-06-01T02:00", "0.14"),  # deepseek-v4-flash, before there were peak hours
        ("deepseek-v4-flash", "2026-08-16T02:00", "0.14"),
        ("deepseek-v4-flash", "2026-08-16T16:00", "0.22"),
        ("deepseek-v4-pro", "2026-06-01T02:00", "0.435"),
        ("deepseek-v4-pro", "2026-08-16T16:00", "0.66"),
        ("deepseek-v4-pro", "2026-08-18T02:00", "1.32"),
        ("deepseek-v4-pro", "2026-08-18T05:00", "0.66"),
    ],
)
def test_deepseek_costs_what_its_price_page_said_on_that_day(model, instant, dollars):
    call = {**MILLION, "provider": "deepseek", "model": model, "started_at": utc(instant)}
    assert cost(call) == Decimal(dollars)


def test_weekends_are_beyond_a_price_card_and_said_to_be():
    assert "doubt: peak price on weekends too" in origin("deepseek", "deepseek-flash")


@pytest.mark.parametrize(
    ("scope", "dollars"), [("", "3.3"), ("us.", "3.3"), ("eu.", "3.3"), ("jp.", "3.3"), ("global.", "3")]
)
def test_bedrock_without_a_scope_is_billed_in_region(scope, dollars):
    model = f"{scope}anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert cost({**MILLION, "provider": "anthropic", "route": "bedrock", "model": model}) == Decimal(dollars)


@pytest.mark.parametrize(
    ("model", "is_flagged"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", False),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", False),
        ("anthropic.claude-3-haiku-20240307-v1:0", False),  # sold at one price
    ],
)
def test_a_bedrock_model_without_a_scope_is_flagged_where_the_scope_matters(model, is_flagged):
    assert ("the in-region price, no scope is named" in origin("anthropic", model, "bedrock")) is is_flagged


def test_claude_on_vertex_says_that_it_is_the_global_price():
    assert "doubt: the global endpoint" in origin("anthropic", "claude-sonnet-4-5@20250929", "vertex")


# 9. Prices that are no rate: a least quantity, and prices by the request


def whisper(seconds: float, **call: object) -> dict[str, object]:
    counted = [{"event_id": "0", "unit": "input_audio_seconds", "quantity": seconds}]
    model = {"provider": "groq", "model": "whisper-large-v3", "input_tokens": 0, "output_tokens": 0}
    return priced({**model, **call}, units=counted)


@pytest.mark.parametrize(
    ("seconds", "dollars"),
    [
        # 0.111 dollars an hour, at least ten seconds
        (0, "0"),
        (3, "0.000308333333"),
        (10, "0.000308333333"),
        (36, "0.00111"),
    ],
)
def test_groq_bills_ten_seconds_of_a_call_at_least(seconds, dollars):
    assert whisper(seconds)["cost_usd"] == Decimal(dollars)


def test_the_least_seconds_of_many_calls_cannot_be_told_from_their_sum():
    row = whisper(300, record_kind="bucket", request_count=40)
    assert (row["price_status"], row["cost_usd"]) == ("partial", None)


def test_a_price_of_our_own_for_a_second_has_no_least_quantity():
    book = override(provider="groq", model="whisper-large-v3", per_unit={"input_audio_seconds": "0.0001"})
    counted = [{"event_id": "0", "unit": "input_audio_seconds", "quantity": 3}]
    call = {"provider": "groq", "model": "whisper-large-v3", "input_tokens": 0, "output_tokens": 0}
    row = priced(call, units=counted, book=book)
    assert (row["cost_usd"], row["list_cost_usd"]) == (Decimal("0.0003"), Decimal("0.000308333333"))


def test_a_share_of_groqs_price_keeps_its_least_seconds():
    book = override(provider="groq", model="whisper-large-v3", multiplier="0.5")
    counted = [{"event_id": "0", "unit": "input_audio_seconds", "quantity": 3}]
    call = {"provider": "groq", "model": "whisper-large-v3", "input_tokens": 0, "output_tokens": 0}
    # half of 0.111 / 3600 is 0.000015416666666667
    assert priced(call, units=counted, book=book)["cost_usd"] == Decimal("0.000154166667")


@pytest.mark.parametrize(("count", "dollars"), [(1, "0.014"), (3, "0.042")])
def test_a_price_by_the_request_counts_the_requests_of_a_bucket(count, dollars):
    call = {"provider": "perplexity", "model": "sonar-pro", "input_tokens": 0, "output_tokens": 0}
    assert cost({**call, "record_kind": "bucket", "request_count": count}) == Decimal(dollars)


# 10. Other currencies, credits and discounts


def test_a_free_allowance_or_a_discount_is_an_override():
    book = override(provider="google", model="gemini-2.5-flash", multiplier=0)
    row = priced({**MILLION, "provider": "google", "model": "gemini-2.5-flash"}, book=book)
    assert (row["cost_usd"], row["price_status"], row["list_cost_usd"]) == (Decimal(0), "free", Decimal("0.3"))


def test_another_currency_without_a_rate_is_not_dollars():
    call = {**MILLION, "model": "llama-of-acme", "cost_reported": 5, "cost_reported_currency": "CNY"}
    assert priced(call, reported_basis="billed")["cost_usd"] is None
