"""What if: history at other prices, against sums by hand; and what has no price is never a zero."""

from decimal import Decimal

import pytest

from sophia_metrics.costs.change import Days
from sophia_metrics.costs.what_if import Swap, WhatIfOrder, parse_swaps, what_if
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.scopes import Scope
from tests.lab import NOW, Lab, event

DAYS = Days.parse("2026-11-17..2026-11-18")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("what-if") / "home")
    million = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    claude = {"provider": "anthropic", "model": "claude-sonnet-4-5", "output_tokens": 0}
    calls = [
        event("1", "2026-11-17T10:00:00Z", team="search", **million),  # 2.50 + 1.00
        event("2", "2026-11-18T10:00:00Z", team="support", tags={"feature": "chat"}, **million),
        event("3", "2026-11-18T10:00:00Z", team="search", model="no-such-model"),
        event("4", "2026-11-18T10:00:00Z", input_tokens=0, cache_write_5m_tokens=100_000, **claude),  # 0.375
        event("5", "2026-11-18T10:01:00Z", input_tokens=0, cache_read_tokens=100_000, **claude),  # 0.03
        event("6", "2026-11-10T10:00:00Z", **million),  # before the days
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.warehouse.build()
    return lab


def ask(lab, **fields):
    order = WhatIfOrder(DAYS, **fields)
    return what_if(lab.warehouse, PriceBook(), order, folder=lab.home, memory_limit="1GiB", now=NOW)


def test_another_model_costs_what_its_price_makes_of_the_same_tokens(lab):
    answer = ask(lab, swaps=parse_swaps(("gpt-4o=gpt-4o-mini",)))

    assert (answer.before_usd, answer.after_usd) == (Decimal(7), Decimal("0.42"))  # twice (0.15 + 0.06)
    assert answer.difference_usd == Decimal("-6.58")
    assert [(each.model, each.other_model, each.request_count) for each in answer.models] == [
        ("gpt-4o", "gpt-4o-mini", 2)
    ]


def test_another_tier_has_its_own_price(lab):
    answer = ask(lab, tiers={"standard": "batch"}, scope=Scope.parse("team/search"))

    assert (answer.before_usd, answer.after_usd) == (Decimal("3.5"), Decimal("1.75"))
    unknown = next(each for each in answer.models if each.model == "no-such-model")
    assert (unknown.before_usd, unknown.after_usd, unknown.unknown_before_count) == (0, 0, 1)


def test_a_tag_is_asked_alone(lab):
    answer = ask(lab, swaps=parse_swaps(("gpt-4o=gpt-4o-mini",)), scope=Scope.parse("tag:feature/chat"))

    assert (answer.before_usd, answer.after_usd) == (Decimal("3.5"), Decimal("0.21"))
    assert ask(lab, cache_policy="off", scope=Scope.parse("tag:feature/cha")).models == ()


def test_without_the_prompt_cache_all_that_went_through_it_is_plain_input(lab):
    answer = ask(lab, cache_policy="off")

    assert (answer.before_usd, answer.after_usd) == (Decimal("0.405"), Decimal("0.6"))


def test_writes_for_an_hour_cost_more(lab):
    answer = ask(lab, cache_policy="1h")

    assert (answer.before_usd, answer.after_usd) == (Decimal("0.405"), Decimal("0.63"))


def test_a_model_of_another_provider_is_named_with_it(lab):
    answer = ask(lab, swaps=parse_swaps(("openai/gpt-4o=anthropic/claude-haiku-4-5",)))

    assert answer.after_usd == Decimal(3)  # twice (1.00 + 0.50)


def test_calls_that_the_other_way_has_no_price_for_are_counted_and_in_no_sum(lab):
    answer = ask(lab, swaps=parse_swaps(("gpt-4o=no-such-model",)))

    assert (answer.before_usd, answer.after_usd) == (0, 0)
    assert [each.unpriced_after_count for each in answer.models] == [2]


def test_the_same_model_at_the_same_prices_changes_nothing(lab):
    answer = ask(lab, swaps=(Swap("gpt-4o", "gpt-4o"),))

    assert answer.before_usd == answer.after_usd == Decimal(7)


def test_nothing_is_written(lab):
    before = lab.core()
    cards = lab.rows("SELECT price_id FROM core_price_cards ORDER BY 1")
    ask(lab, swaps=parse_swaps(("gpt-4o=gpt-4o-mini",)))

    assert lab.core() == before
    assert lab.rows("SELECT price_id FROM core_price_cards ORDER BY 1") == cards


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "nothing is changed"),
        ({"swaps": (Swap("a", "b"), Swap("a", "c"))}, "has two others"),
    ],
)
def test_what_cannot_be_asked_is_refused(fields, says):
    with pytest.raises(ConfigurationError, match=says):
        WhatIfOrder(DAYS, **fields)


@pytest.mark.parametrize("text", ["gpt-4o", "=b", "a="])
def test_a_swap_that_names_no_two_models_is_refused(text):
    with pytest.raises(ConfigurationError, match="names no two models"):
        parse_swaps((text,))
