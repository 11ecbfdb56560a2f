"""LiteLLM's price file as a fallback: what it says of a model, where it is used, and how it is flagged."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.litellm import load_litellm
from sophia_metrics.pricing.overlap import check_cards
from sophia_metrics.pricing.override import Override
from tests.lab import NOW, Lab, event

LONG_TAIL = {
    "litellm_provider": "fireworks_ai",
    "mode": "chat",
    "max_tokens": 4096,
    "input_cost_per_token": 9e-07,
    "output_cost_per_token": 2.5e-06,
}
MODEL = "accounts/fireworks/models/nobody-knows-it"
KEY = PriceKey("fireworks", None, MODEL)


@pytest.fixture
def prices(tmp_path):
    """Write a price file and load it."""

    def write(**models):
        path = tmp_path / "prices.json"
        path.write_text(json.dumps(models))
        return load_litellm(path)

    return write


def test_a_model_is_found_under_the_provider_and_name_of_a_call(prices):
    book = prices(**{f"fireworks_ai/{MODEL}": LONG_TAIL})
    (card,) = book.cards(KEY)

    assert (card.rates.input, card.rates.output) == (Decimal("0.0000009"), Decimal("0.0000025"))
    assert card.origin.startswith(f"litellm fireworks_ai/{MODEL}; open_start; cache_read as input")
    assert book.cards(PriceKey("openai", None, MODEL)) == ()
    assert book.cards(replace(KEY, model="nobody-knows-it-2")) == ()


def test_a_number_keeps_every_digit_that_stands_in_the_file(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text(
        '{"acme/x": {"litellm_provider": "acme", "input_cost_per_token": 0.000000123456789012, '
        '"output_cost_per_token": 7e-7}}'
    )
    (card,) = load_litellm(path).cards(PriceKey("acme", None, "x"))
    assert card.rates.input == Decimal("0.000000123456789012")


def test_sizes_and_service_tiers_have_cards_of_their_own(prices):
    model = {
        "litellm_provider": "acme",
        "input_cost_per_token": 1e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "output_cost_per_token": 4e-06,
        "cache_creation_input_token_cost_above_1hr": 3e-06,
        "input_cost_per_token_batches": 5e-07,
        "output_cost_per_token_batches": 2e-06,
        "input_cost_per_token_flex": None,
    }
    book = prices(x=model)
    standard = book.cards(PriceKey("acme", None, "x"))
    (batch,) = book.cards(PriceKey("acme", None, "x", "batch"))

    check_cards(standard)
    assert [(card.tier_low_tokens, card.tier_high_tokens, card.is_low_inclusive) for card in standard] == [
        (0, 200_000, True),
        (200_000, None, False),
    ]
    assert [card.rates.input for card in standard] == [Decimal("0.000001"), Decimal("0.000002")]
    assert [card.rates.output for card in standard] == [Decimal("0.000004")] * 2
    assert standard[0].rates.cache_write_1h == Decimal("0.000003")
    assert (batch.rates.input, batch.rates.output) == (Decimal("0.0000005"), Decimal("0.000002"))
    assert book.cards(PriceKey("acme", None, "x", "flex")) == ()


def test_prices_in_steps_are_sizes(prices):
    steps = [
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
        {"range": [32000.0, 128000.0], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06},
    ]
    low, high = prices(x={"litellm_provider": "acme", "tiered_pricing": steps}).cards(PriceKey("acme", None, "x"))

    assert (low.rates.output, low.tier_high_tokens) == (Decimal("0.000002"), 32_000)
    assert (high.rates.output, high.tier_low_tokens) == (Decimal("0.000004"), 32_000)


def test_a_model_whose_prices_are_all_zero_has_none(prices):
    zero = {"litellm_provider": "acme", "input_cost_per_token": 0, "output_cost_per_token": 0.0}
    assert prices(x=zero).cards(PriceKey("acme", None, "x")) == ()


@pytest.mark.parametrize("price", ["0.1", -1, True, {"low": 1}, 11])
def test_a_price_that_is_none_is_refused_by_file_model_and_key(prices, tmp_path, price):
    with pytest.raises(ConfigurationError) as caught:
        prices(**{"acme/x": {"litellm_provider": "acme", "input_cost_per_token": price}})

    assert str(tmp_path / "prices.json") in str(caught.value)
    assert "acme/x.input_cost_per_token" in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{", '{"x": 1}'])
def test_a_file_that_is_another_one_is_refused(tmp_path, content):
    path = tmp_path / "prices.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"pricing\.litellm_prices: .*prices\.json"):
        load_litellm(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="no address"):
        load_litellm(tmp_path / "https:" / "example.com")


def test_the_list_wins_and_a_price_of_our_own_may_start_from_the_fallback(prices):
    dear = {"litellm_provider": "openai", "input_cost_per_token": 1e-03, "output_cost_per_token": 1e-03}
    fallback = prices(**{"gpt-4o": dear, f"fireworks_ai/{MODEL}": LONG_TAIL})
    half = Override.model_validate({"provider": "acme", "model": "mine", "multiplier": "0.5", "like": LIKE})
    book = PriceBook((half,), fallback=fallback)
    cards = book.resolve([PriceKey("openai", None, "gpt-4o"), PriceKey("acme", None, "mine")]).cards

    assert not [card for card in cards if card.key.model == "gpt-4o" and card.origin.startswith("litellm")]
    assert [card.rates.input for card in cards if card.key.model == "mine"] == [Decimal("0.00000045")]


LIKE = {"provider": "fireworks", "model": MODEL}


def test_a_model_that_only_the_fallback_knows_is_priced_and_its_card_says_so(tmp_path, prices):
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    lab = Lab(home)
    lab.ingest(lab.write("calls.jsonl", [event("a", provider="fireworks", model=MODEL), event("b")]))
    assert lab.one("SELECT count(*) FROM core_usage_events WHERE price_status = 'unpriced'") == 1

    later = replace(lab, book=PriceBook(fallback=prices(**{f"fireworks_ai/{MODEL}": LONG_TAIL})))
    assert later.collector.price_again(NOW) == 1
    assert lab.rows(
        "SELECT cost_usd, split_part(origin, ';', 1) FROM core_usage_events "
        "INNER JOIN core_price_cards USING (price_id) WHERE core_usage_events.provider = 'fireworks'"
    ) == [(Decimal("0.00115"), f"litellm fireworks_ai/{MODEL}")]
