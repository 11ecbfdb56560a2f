"""The price book: which card a key gets, that cards never overlap, and what was known when."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.errors import ProcessingError
from sophia_metrics.pricing.book import PriceBook, Resolution
from sophia_metrics.pricing.card import PriceCard, PriceKey, Rates
from sophia_metrics.pricing.genai import list_cards
from sophia_metrics.pricing.knowledge import Learned, card_frame, learn, unit_frame
from sophia_metrics.pricing.overlap import check_cards
from sophia_metrics.pricing.override import Override
from sophia_metrics.pricing.routes import list_provider, model_references
from tests.strategies import NOW, price_keys, utc

KEY = PriceKey("openai", "direct", "gpt-5-mini")
CARD = PriceCard(KEY, "list", Rates(input=Decimal("0.00000025"), output=Decimal("0.000002")), "test")
LATER = NOW + timedelta(days=1)


def origins(key: PriceKey) -> list[str]:
    return [card.origin for card in list_cards(key)]


def test_an_open_start_and_inherited_rates_are_said():
    first, second = origins(PriceKey("openai", None, "o3"))
    assumed = "cache_write_5m as input; cache_write_1h as input"
    assert (first, second) == (
        f"genai-prices openai/o3; open_start; {assumed}",
        f"genai-prices openai/o3; {assumed}",
    )


def test_the_output_of_an_embedding_model_has_no_rate():
    assert list_cards(PriceKey("openai", None, "text-embedding-3-small"))[0].rates.output is None


@pytest.mark.parametrize(
    ("key", "provider", "model"),
    [
        (PriceKey("openai", None, "gpt-5"), "openai", "gpt-5"),
        (PriceKey("openai", "litellm", "openai/gpt-5"), "openai", "gpt-5"),
        (PriceKey("openai", "openrouter", "openrouter/openai/gpt-5"), "openrouter", "openai/gpt-5"),
        (PriceKey("openai", "openrouter", "gpt-5"), "openrouter", "openai/gpt-5"),
        (PriceKey("anthropic", None, "bedrock/us.anthropic.claude-x"), "aws", "us.anthropic.claude-x"),
        (
            PriceKey("anthropic", "bedrock", "bedrock/converse/us.anthropic.claude-x"),
            "aws",
            "us.anthropic.claude-x",
        ),
        (PriceKey("anthropic", "vertex", "vertex_ai/claude-x@20250929"), "google", "claude-x@20250929"),
        (PriceKey("gemini", None, "models/gemini-2.5-pro"), "google", "gemini-2.5-pro"),
        (PriceKey("azure_openai", None, "azure/gpt-5"), "azure", "gpt-5"),
        (PriceKey("openai", "azure", "azure/eu/gpt-5"), "azure", "eu/gpt-5"),
        (PriceKey("xai", None, "xai/grok-4"), "x-ai", "grok-4"),
    ],
)
def test_gateways_and_prefixes_lead_to_who_bills(key, provider, model):
    billed_by = list_provider(key)
    assert (billed_by, model_references(key, billed_by)[0]) == (provider, model)


@pytest.mark.parametrize(
    "key",
    [
        PriceKey("openai", "direct", "llama-of-acme"),
        PriceKey("openai", "some-reseller", "gpt-5"),
        PriceKey("acme", None, "gpt-5"),
        PriceKey("openai", "direct", "gpt-5", "turbo"),
        PriceKey("anthropic", "direct", "claude-sonnet-4-5", "priority"),
        PriceKey("openai", "azure", "gpt-5", "flex"),
    ],
)
def test_what_is_not_listed_has_no_card(key):
    assert PriceBook().resolve([key]).unpriced == {key}


@pytest.mark.parametrize(
    "other",
    [
        replace(CARD, origin="other"),
        replace(CARD, valid_from=utc("2026-01-01")),
        replace(CARD, daily_from_seconds=80_000, daily_to_seconds=3_600),
        replace(CARD, tier_low_tokens=200_000, is_low_inclusive=False),
    ],
)
def test_two_cards_for_one_call_are_refused(other):
    with pytest.raises(ProcessingError, match="overlap"):
        check_cards([CARD, other])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (replace(CARD, valid_to=utc("2026-01-01")), replace(CARD, valid_from=utc("2026-01-01"))),
        (
            replace(CARD, tier_high_tokens=200_000),
            replace(CARD, tier_low_tokens=200_000, is_low_inclusive=False),
        ),
        (
            replace(CARD, daily_from_seconds=80_000, daily_to_seconds=3_600),
            replace(CARD, daily_from_seconds=3_600, daily_to_seconds=80_000),
        ),
        (CARD, replace(CARD, price_book="contract")),
        (CARD, replace(CARD, key=replace(KEY, route=None))),
    ],
)
def test_cards_may_meet(left, right):
    check_cards([left, right])


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ({"valid_from": NOW, "valid_to": NOW}, "no instant"),
        ({"tier_low_tokens": 9, "tier_high_tokens": 9, "is_low_inclusive": False}, "no number of tokens"),
        ({"daily_from_seconds": 60, "daily_to_seconds": 60}, "no second of the day"),
        ({"rates": Rates()}, "no price"),
        ({"rates": Rates(input=Decimal(-1))}, "negative"),
    ],
)
def test_a_card_that_holds_for_nothing_is_refused(defect, words):
    with pytest.raises(ProcessingError, match=words):
        check_cards([replace(CARD, **defect)])


@given(st.lists(price_keys(), max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_book_never_gives_two_cards_for_one_call(keys):
    check_cards(PriceBook().resolve(keys).cards)


def test_an_equal_card_has_an_equal_id():
    same = replace(CARD, rates=Rates(input=Decimal("0.000000250"), output=Decimal("0.0000020")))
    assert same.price_id == CARD.price_id


@pytest.mark.parametrize(
    "change",
    [
        {"valid_to": NOW},
        {"origin": "another"},
        {"price_book": "contract"},
        {"rates": replace(CARD.rates, units=(("web_searches", Decimal("0.01")),))},
    ],
)
def test_another_card_has_another_id(change):
    assert replace(CARD, **change).price_id != CARD.price_id


def test_the_fingerprint_changes_with_the_list_and_with_the_overrides():
    entry = Override.model_validate({"provider": "acme", "model": "m", "multiplier": 1})
    prints = [PriceBook(), PriceBook((entry,)), PriceBook(list_version="next"), PriceBook()]
    assert [book.fingerprint() for book in prints].index(PriceBook().fingerprint()) == 0
    assert len({book.fingerprint() for book in prints}) == 3


def said(*cards: PriceCard) -> Resolution:
    return Resolution(frozenset([KEY]), cards)


def applied(known: pl.DataFrame, learned: Learned) -> pl.DataFrame:
    ends = dict(learned.closed.rows())
    current = [
        {
            **row,
            "known_to_at": ends.get(row["price_id"]) if row["known_to_at"] is None else row["known_to_at"],
        }
        for row in known.rows(named=True)
    ]
    return pl.concat([pl.DataFrame(current, schema=known.schema), learned.cards])


def spans(known: pl.DataFrame) -> list[tuple[str, datetime, datetime | None]]:
    return known[["origin", "known_from_at", "known_to_at"]].rows()


def test_what_is_known_already_is_not_learnt_again():
    resolution = PriceBook().resolve([KEY, PriceKey("openai", None, "o3")])
    assert learn(card_frame(resolution.cards, NOW), resolution, LATER).is_empty


def test_learning_a_new_price_closes_the_old_one():
    known = card_frame([CARD], NOW)
    cheaper = replace(CARD, origin="cheaper")
    assert spans(applied(known, learn(known, said(cheaper), LATER))) == [
        ("test", NOW, LATER),
        ("cheaper", LATER, None),
    ]


def test_a_price_that_is_gone_is_closed():
    known = card_frame([CARD], NOW)
    assert spans(applied(known, learn(known, said(), LATER))) == [("test", NOW, LATER)]


def test_a_key_that_was_not_asked_for_is_left_alone():
    known = card_frame([replace(CARD, key=replace(KEY, route=None))], NOW)
    assert learn(known, said(), LATER).is_empty


def test_a_price_may_come_back():
    card = replace(CARD, rates=replace(CARD.rates, units=(("web_searches", Decimal("0.01")),)))
    closed = applied(card_frame([card], NOW), learn(card_frame([card], NOW), said(), LATER))
    again = learn(closed, said(card), LATER + timedelta(days=1))
    assert (len(again.cards), len(again.units), len(again.closed)) == (1, 0, 0)


def test_units_are_rows_of_their_own():
    card = replace(CARD, rates=replace(CARD.rates, units=(("web_searches", Decimal("0.01")),)))
    assert unit_frame([card]).rows() == [(card.price_id, "web_searches", Decimal("0.01"))]


@given(st.lists(st.lists(st.integers(1, 4), max_size=3, unique=True), max_size=6))
@settings(max_examples=50, deadline=None)
def test_what_is_known_now_is_always_what_was_said_last(steps):
    known = card_frame([], NOW)
    for day, wanted in enumerate(steps):
        cards = [replace(CARD, key=KEY, origin=str(number)) for number in wanted]
        at = NOW + timedelta(days=day)
        known = applied(known, learn(known, said(*cards), at))
        current = {origin for origin, _, until in spans(known) if until is None}
        assert current == {str(number) for number in wanted}
        assert learn(known, said(*cards), at).is_empty
