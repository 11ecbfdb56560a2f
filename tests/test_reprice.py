"""Pricing again on request: what is shown, what is kept, and what stays."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.list_prices import list_prices
from sophia_metrics.pricing.override import Override
from sophia_metrics.usage.repriced import PriceChange
from sophia_metrics.warehouse.protocol import RepriceOrder
from sophia_metrics.windows import Window
from tests.command_line import CommandLine, litellm_call
from tests.lab import NOW, Lab, event

MONTHS = Window.of_days(date(2025, 6, 1), date(2025, 7, 31))
DAY = Window.of_days(date(2026, 11, 18), date(2026, 11, 18))
COSTS = "SELECT cost_usd FROM core_usage_events ORDER BY started_at, event_id"
AGREED = Override.model_validate(
    {"provider": "openai", "model": "gpt-4o", "per_million": {"input": "1.00", "output": "5.00"}}
)


@pytest.fixture
def lab(tmp_path):
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    return Lab(home)


def order(window=DAY, *, model=None, is_dry_run=False):
    return RepriceOrder(window, "the contract came late", model, is_dry_run)


def million(ident, started_at):
    return event(ident, started_at, model="o3", input_tokens=1_000_000, output_tokens=0)


def one_price_for_ever(key):
    """The public list, as if the newest price of a model had always held."""
    return tuple(replace(card, valid_from=None, valid_to=None) for card in list_prices(key) if card.valid_to is None)


def test_each_event_gets_the_price_of_its_own_day_as_it_is_known_now(lab):
    early = replace(lab, book=PriceBook(list_prices=one_price_for_ever, list_version="without a history"))
    early.ingest(lab.write("o3.jsonl", [million("a", "2025-06-01T10:00:00Z"), million("b", "2025-07-01T10:00:00Z")]))
    assert lab.rows(COSTS) == [(Decimal(2),), (Decimal(2),)]

    repriced = lab.collector.reprice(order(MONTHS), NOW)

    assert lab.rows(COSTS) == [(Decimal(10),), (Decimal(2),)]
    assert repriced.changes == (PriceChange("openai", "o3", 1, Decimal(2), Decimal(10), 0, 0),)
    assert repriced.days == (date(2025, 6, 1),)


def test_a_dry_run_tells_the_same_and_changes_nothing(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a"), event("b", model="house-llm")]))
    later = replace(lab, book=PriceBook((AGREED,)))
    cards = lab.rows("SELECT * FROM core_price_cards")

    told = later.collector.reprice(order(is_dry_run=True), NOW)

    assert told.changes == (PriceChange("openai", "gpt-4o", 1, Decimal("0.0035"), Decimal("0.0015"), 0, 0),)
    assert lab.rows("SELECT sum(cost_usd) FROM core_usage_events") == [(Decimal("0.0035"),)]
    assert lab.rows("SELECT * FROM core_price_cards") == cards
    assert lab.rows("SELECT * FROM core_reprices") == []
    assert later.collector.reprice(order(), NOW).changes == told.changes


def test_an_override_that_is_added_later_holds_for_the_days_that_are_priced_again_and_no_others(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a", "2026-11-17T10:00:00Z"), event("b")]))
    replace(lab, book=PriceBook((AGREED,))).collector.reprice(order(), NOW)
    lab.publish()

    assert lab.rows("SELECT usage_on, cost_usd FROM mart_cost_daily ORDER BY usage_on") == [
        (date(2026, 11, 17), Decimal("0.0035")),
        (date(2026, 11, 18), Decimal("0.0015")),
    ]


def test_a_second_time_nothing_changes_and_nothing_is_noted(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    later = replace(lab, book=PriceBook((AGREED,)))
    later.collector.reprice(order(), NOW)
    version = lab.publish().version

    assert later.collector.reprice(order(), NOW).changes == ()
    assert lab.publish().version == version
    noted = lab.rows("SELECT provider, model, reason, event_count, before_usd, after_usd FROM core_reprices")
    assert noted == [("openai", "gpt-4o", "the contract came late", 1, Decimal("0.0035"), Decimal("0.0015"))]


def test_what_was_billed_stays_the_cost_and_what_we_compute_beside_it_follows(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a", cost=0.5, currency="USD", cost_basis="billed")]))
    basis = lab.one("SELECT cost_basis FROM core_usage_events")
    later = replace(lab, book=PriceBook((AGREED,)))
    (changed,) = later.collector.reprice(order(), NOW).changes

    costs = lab.rows("SELECT cost_usd, cost_computed_usd, list_cost_usd FROM core_usage_events")
    assert basis == "billed"
    assert costs == [(Decimal("0.5"), Decimal("0.0015"), Decimal("0.0035"))]
    assert (changed.before_usd, changed.after_usd) == (Decimal("0.5"), Decimal("0.5"))


def test_only_the_model_that_is_named_is_priced_again(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a"), event("b", model="gpt-4o-mini"), event("c", model="it's")]))
    half = Override.model_validate({"provider": "openai", "model": "gpt-4o*", "multiplier": "0.5"})
    later = replace(lab, book=PriceBook((half,)))
    changed = [each.model for each in later.collector.reprice(order(model="gpt-4o-mini"), NOW).changes]

    assert changed == ["gpt-4o-mini"]
    assert lab.one("SELECT cost_usd FROM core_usage_events WHERE model = 'gpt-4o'") == Decimal("0.0035")
    assert later.collector.reprice(order(model="it's"), NOW).changes == ()


def test_an_event_without_a_price_gets_one_and_is_counted(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a", model="house-llm")]))
    priced = AGREED.model_copy(update={"model": "house-llm"})
    (changed,) = replace(lab, book=PriceBook((priced,))).collector.reprice(order(), NOW).changes

    assert changed == PriceChange("openai", "house-llm", 1, None, Decimal("0.0015"), 1, 0)


def test_units_of_an_event_are_priced_with_it_and_stand_once(lab):
    lab.ingest(
        lab.write("calls.jsonl", [event("a", provider="acme", model="by-request", input_tokens=0, output_tokens=0)])
    )
    books = [
        PriceBook(
            (Override.model_validate({"provider": "acme", "model": "by-request", "per_unit": {"requests": price}}),)
        )
        for price in ("0.01", "0.02")
    ]
    for book in books:
        replace(lab, book=book).collector.reprice(order(), NOW)

    assert lab.rows("SELECT unit, quantity, cost_usd FROM core_usage_units") == [
        ("requests", Decimal(1), Decimal("0.02"))
    ]
    assert lab.one("SELECT cost_usd FROM core_usage_events") == Decimal("0.02")


@pytest.fixture
def sophia(tmp_path, monkeypatch):
    sophia = CommandLine(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path / "home"))
    path = sophia.write("gateway.jsonl", [litellm_call("a", spend=0)])
    assert sophia("ingest", path, "--source", "litellm").exit_code == 0
    (tmp_path / "prices.yaml").write_text(
        "prices: [{provider: openai, model: gpt-4o, per_million: {input: '1.00', output: '5.00'}}]\n"
    )
    (tmp_path / "sophia.toml").write_text('price_overrides = "prices.yaml"\n')
    return sophia


def test_the_command_shows_first_and_changes_and_publishes_with_apply(sophia):
    days = ("reprice", "--from", "2026-11-01", "--to", "2026-11-30", "--reason", "the contract came late")
    total = "SELECT sum(cost_usd) AS cost_usd FROM mart_cost_daily"
    page = sophia(*days)
    before = sophia.rows(total)
    applied = sophia.facts(*days, "--apply")
    again = sophia(*days, "--apply")

    assert "--apply does it" in page.stdout
    assert before == [{"cost_usd": "0.0035"}]
    assert applied["changes"][0]["after_usd"] == "0.0015"
    assert sophia.rows(total) == [{"cost_usd": "0.0015"}]
    assert sophia.rows("SELECT reason FROM core_reprices") == [{"reason": "the contract came late"}]
    assert "nothing changes" in again.stdout


def test_days_in_the_wrong_order_and_no_reason_are_refused(sophia):
    backwards = sophia("reprice", "--from", "2026-11-02", "--to", "2026-11-01", "--reason", "x")
    silent = sophia("reprice", "--from", "2026-11-01", "--to", "2026-11-01", "--reason", " ")

    assert (backwards.exit_code, silent.exit_code) == (2, 2)
    assert "both count" in backwards.stderr
    assert "say why" in silent.stderr
