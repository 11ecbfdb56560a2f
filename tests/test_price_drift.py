"""Price drift: what changed in the price of a model in use, noted once, whoever learnt it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceCard, PriceKey, Rates
from sophia_metrics.pricing.drift import KnownCard, find_drifts
from sophia_metrics.pricing.list_prices import list_prices
from sophia_metrics.usage.price_drift import note_price_drift
from tests.lab import NOW, Lab, event

DRIFTS = (
    "SELECT model, price_kind, rate_before_usd, rate_after_usd, change_ratio, effective_from_at, spend_28d_usd "
    "FROM core_price_drifts ORDER BY model, price_kind"
)
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def lab(tmp_path):
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    return Lab(home)


def dearer(key):
    """The list, with output a tenth dearer."""
    return tuple(
        replace(card, rates=replace(card.rates, output=card.rates.output and card.rates.output * Decimal("1.1")))
        for card in list_prices(key)
    )


DEARER = PriceBook(list_prices=dearer, list_version="dearer")


def test_without_a_change_nothing_is_noted(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    assert note_price_drift(lab.warehouse, PriceBook(), TOMORROW) == ()
    assert lab.rows(DRIFTS) == []


def test_a_price_that_rose_is_noted_once_with_what_the_model_cost(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a"), event("b", "2026-11-19T10:00:00Z")]))
    (drift,) = note_price_drift(lab.warehouse, DEARER, TOMORROW)

    assert drift.found_at == TOMORROW
    assert note_price_drift(lab.warehouse, DEARER, TOMORROW + timedelta(days=1)) == ()
    assert lab.rows(DRIFTS) == [
        ("gpt-4o", "output", Decimal("0.00001"), Decimal("0.000011"), pytest.approx(0.1), None, Decimal("0.007"))
    ]


def test_a_change_that_a_collection_has_learnt_first_is_noted_too(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    later = replace(lab, book=DEARER, now=TOMORROW)
    later.ingest(later.write("more.jsonl", [event("b", "2026-11-19T10:00:00Z")]))

    (drift,) = note_price_drift(lab.warehouse, DEARER, TOMORROW + timedelta(hours=6))
    assert drift.found_at == TOMORROW


def test_usage_from_then_on_has_the_new_price_and_what_is_priced_stays(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    note_price_drift(lab.warehouse, DEARER, TOMORROW)

    assert lab.one("SELECT sum(cost_usd) FROM core_usage_events") == Decimal("0.0035")
    assert lab.one(
        "SELECT rate_output_usd FROM core_price_cards WHERE model = 'gpt-4o' AND known_to_at IS NULL "
        "AND valid_to_at IS NULL"
    ) == Decimal("0.000011")


def test_a_price_that_changes_back_is_noted_again(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    note_price_drift(lab.warehouse, DEARER, TOMORROW)
    (back,) = note_price_drift(lab.warehouse, PriceBook(), TOMORROW + timedelta(days=1))

    assert (back.rate_before_usd, back.rate_after_usd) == (Decimal("0.000011"), Decimal("0.00001"))


def test_a_model_that_nobody_used_for_four_weeks_is_left_out(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    assert note_price_drift(lab.warehouse, DEARER, NOW + timedelta(days=40)) == ()


def test_a_model_that_the_list_drops_has_no_price_any_more(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    gone = PriceBook(list_prices=lambda _: (), list_version="empty")
    drifts = note_price_drift(lab.warehouse, gone, TOMORROW)

    assert {drift.price_kind for drift in drifts} >= {"input", "output"}
    assert {(drift.rate_after_usd, drift.change_ratio) for drift in drifts} == {(None, None)}


KEY = PriceKey("acme", None, "x")
CARD = PriceCard(KEY, "list", Rates(input=Decimal(2)), "list")
FOUND = datetime(2026, 11, 20)


def change(before, after):
    """What is found where some cards gave way to others."""
    start = FOUND - timedelta(days=90)
    known = [KnownCard(card, start, FOUND) for card in before] + [KnownCard(card, FOUND) for card in after]
    return [
        (drift.rate_before_usd, drift.rate_after_usd, drift.effective_from_at)
        for drift in find_drifts(known, FOUND - timedelta(days=1))
    ]


def test_a_change_that_begins_on_a_day_says_from_when_on():
    begins = datetime(2027, 1, 1)
    later = replace(CARD, valid_from=begins, rates=Rates(input=Decimal(3)))
    assert change([CARD], [replace(CARD, valid_to=begins), later]) == [(Decimal(2), Decimal(3), begins)]


def test_a_correction_of_the_far_past_is_no_drift():
    long_ago = datetime(2026, 1, 1)
    old = replace(CARD, valid_to=long_ago, rates=Rates(input=Decimal(9)))
    assert change([CARD], [old, replace(CARD, valid_from=long_ago)]) == []


def test_another_origin_at_the_same_price_is_no_drift():
    assert change([CARD], [replace(CARD, origin="another one")]) == []


def test_a_price_of_our_own_that_begins_is_a_drift_and_a_list_price_below_it_is_none():
    own = replace(CARD, price_book="contract", rates=Rates(input=Decimal(1)))
    cheaper = replace(CARD, rates=Rates(input=Decimal("1.5")))
    assert change([CARD], [CARD, own]) == [(Decimal(2), Decimal(1), None)]
    assert change([CARD, own], [cheaper, own]) == []


def test_a_change_above_a_size_or_within_hours_of_the_day_is_found():
    low, high = replace(CARD, tier_high_tokens=200), replace(CARD, tier_low_tokens=200, is_low_inclusive=False)
    dear = Rates(input=Decimal(5))
    assert change([low, high], [low, replace(high, rates=dear)]) == [(Decimal(2), Decimal(5), None)]
    day = replace(CARD, daily_from_seconds=3600, daily_to_seconds=7200)
    night = replace(CARD, daily_from_seconds=7200, daily_to_seconds=3600)
    assert change([day, night], [replace(day, rates=dear), night]) == [(Decimal(2), Decimal(5), None)]
