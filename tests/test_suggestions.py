"""Suggestions: each kind on four weeks of calls whose saving is worked out by hand, and what they never claim."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from sophia_metrics.suggestions.alternatives import cheaper_model
from sophia_metrics.suggestions.find import find_suggestions
from sophia_metrics.suggestions.saving import bootstrap
from sophia_metrics.suggestions.settings import SuggestionSettings
from tests.effort import examples
from tests.lab import NOW, Lab, event

FIRST = date(2026, 10, 23)
LAST = date(2026, 11, 19)
ALL_OF_IT = SuggestionSettings(min_saving_usd=Decimal("0.01"), cheaper_models={"gpt-4.1": "no-such-model"})
CALL = {"input_tokens": 5000, "output_tokens": 500, "is_stream": True}
"""0.0175 dollars of gpt-4o: neither short nor long."""


def daily(team, **fields):
    """Yield one call of a team on each day of the window."""
    ident = fields.pop("ident", team)
    minute = fields.pop("minute", 0)
    for ahead in range(28):
        at = datetime(2026, 10, 23, 10, minute) + timedelta(days=ahead)
        yield event(f"{ident}-{ahead}", f"{at:%Y-%m-%dT%H:%M:%SZ}", team=team, **{**CALL, **fields})


def calls():
    yield from daily("batch", operation="classification", input_tokens=100_000, output_tokens=10_000)
    yield from daily("short", input_tokens=1000, output_tokens=100)
    yield from daily("unknown", model="gpt-4.1", input_tokens=1000, output_tokens=300)
    yield from daily("retry", retry_ordinal=1)
    yield from daily("repeat", ident="repeat-a", prompt_hash="the same")
    yield from daily("repeat", ident="repeat-b", prompt_hash="the same", minute=30)
    for minute in (0, 2, 4):
        fields = {"prefix_hash": "the same", "input_tokens": 4000, "minute": minute}
        yield from daily("prefix", ident=f"prefix-{minute}", **fields)
    yield from daily("long", operation="draft")
    yield event("long", "2026-11-01T12:00:00Z", team="long", operation="draft", **{**CALL, "output_tokens": 10_000})
    yield from daily("premium", service_tier="priority", is_stream=False)
    yield from daily(
        "writes", provider="anthropic", model="claude-sonnet-4-5", input_tokens=0, cache_write_5m_tokens=10_000
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("suggestions") / "home")
    lab.ingest(lab.write("calls.jsonl", calls()))
    lab.warehouse.build()
    return lab


@pytest.fixture(scope="module")
def found(lab):
    return {(each.kind, each.subject): each for each in find_suggestions(lab.warehouse, NOW, settings=ALL_OF_IT)}


@pytest.mark.parametrize(
    ("kind", "subject", "saving"),
    [
        ("batch_candidate", "openai/gpt-4o of batch", "5.25"),  # 0.35 a day, half of it, 30 days
        ("expensive_model", "openai/gpt-4o of short", "0.0987"),  # 0.0035 - 0.00021 with gpt-4o-mini
        ("retries", "openai/gpt-4o of retry", "0.525"),  # 0.0175 a day
        ("repeated_prompts", "openai/gpt-4o of repeat", "0.525"),  # the second of two
        ("idle_premium_tier", "openai/gpt-4o of premium", "0.3675"),  # 4.25 and 17 a million, against 2.50 and 10
        ("cache_writes_unread", "anthropic/claude-sonnet-4-5 of writes", "0.225"),  # 0.75 a million above plain input
    ],
)
def test_what_is_the_same_every_day_saves_that_much_with_no_spread(found, kind, subject, saving):
    got = found[(kind, subject)].saving

    assert (got.usd, got.low_usd, got.high_usd) == (Decimal(saving),) * 3
    assert got.interval == "bootstrap over days"


def test_a_single_long_answer_saves_what_is_beyond_four_times_the_median(found):
    saving = found[("oversized_outputs", "openai/gpt-4o of long")].saving

    assert saving.usd == (Decimal("0.08") * 30 / 28).quantize(Decimal("1e-12"))
    assert saving.low_usd == 0
    assert saving.high_usd > saving.usd


def test_a_prompt_cache_saves_between_the_shortest_text_that_is_kept_and_all_that_may_be_shared(found):
    saving = found[("missing_prompt_cache", "openai/gpt-4o of prefix")].saving

    assert (saving.low_usd, saving.usd, saving.high_usd) == (Decimal("0.0768"), Decimal("0.1884"), Decimal("0.3"))
    assert "1,024 tokens" in saving.interval


def test_without_a_price_of_the_cheaper_model_there_is_no_number(found):
    suggestion = found[("expensive_model", "openai/gpt-4.1 of unknown")]

    assert (suggestion.saving.usd, suggestion.saving.low_usd, suggestion.saving.high_usd) == (None, None, None)
    assert "unknown" in suggestion.message
    assert "no-such-model" in suggestion.action


def test_a_model_whose_mean_call_costs_more_than_a_cent_is_named_without_a_saving_of_its_own(found):
    costly = {subject: each for (kind, subject), each in found.items() if kind == "model_optimization"}

    assert set(costly) == {"openai/gpt-4o", "anthropic/claude-sonnet-4-5"}
    assert {each.saving.usd for each in costly.values()} == {None}


def test_each_call_is_claimed_once_so_that_no_saving_is_counted_twice(found, lab):
    saved = sum(each.saving.usd or 0 for each in found.values())

    assert saved < lab.one("SELECT sum(cost_usd) FROM core_usage_events") * 30 / 28
    assert sum(each.facts["call_count"] for each in found.values() if each.kind == "retries") == 28
    teams = [subject for kind, subject in found if " of " in subject]
    assert len(teams) == len(set(teams))


def test_what_is_suggested_is_recorded_with_its_evidence_and_shown(lab, found):
    lab.publish()
    rows = lab.serving.query("SELECT kind, subject, saving_usd, evidence FROM mart_suggestions").rows()

    assert len(rows) == len(found)
    evidence = next(json.loads(row[3]) for row in rows if row[0] == "batch_candidate")
    assert evidence["call_count"] == 28
    assert evidence["alternative"] == "batch"
    assert "the same" not in str(rows)


def test_a_suggestion_ends_when_it_no_longer_holds_and_keeps_when_it_began(lab, found):
    later = NOW + timedelta(hours=1)
    find_suggestions(lab.warehouse, later, settings=SuggestionSettings(min_saving_usd=Decimal(1)))
    rows = lab.rows("SELECT kind, first_at, computed_at, ended_at FROM core_suggestions")

    assert len(rows) == len(found)
    kept = [row for row in rows if row[3] is None and row[0] == "batch_candidate"]
    assert kept == [("batch_candidate", NOW, later, None)]
    assert {row[3] for row in rows if row[0] == "retries"} == {later}


def test_without_settled_days_nothing_is_suggested(tmp_path):
    lab = Lab(tmp_path / "home")
    lab.ingest(lab.write("calls.jsonl", [event("1", "2026-11-20T10:00:00Z")]))
    lab.warehouse.build()

    assert find_suggestions(lab.warehouse, NOW) == ()


# --- parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "wanted", "small"),
    [
        ("gpt-5", {}, "gpt-5-mini"),
        ("gpt-5-mini", {}, None),
        ("gpt-5-2025-08-07", {"gpt-5": "mine"}, "mine"),
        ("gpt-5-mini", {"gpt-5": "gpt-5-mini"}, None),
        ("my-own", {}, None),
        ("my-own-large", {"my": "a", "my-own": "b"}, "b"),
    ],
)
def test_the_cheaper_model_is_what_a_person_names_or_the_small_one_of_the_maker(model, wanted, small):
    assert cheaper_model(model, wanted) == small


@trying(max_examples=examples(30), deadline=None)
@given(st.lists(st.integers(0, 10**9).map(lambda cents: Decimal(cents).scaleb(-2)), min_size=7, max_size=28))
def test_a_range_holds_its_middle_and_is_the_same_each_time(days):
    saving = bootstrap(days, "seed")

    assert saving == bootstrap(days, "seed")
    assert saving.low_usd <= saving.usd <= saving.high_usd


def test_fewer_than_seven_days_have_no_range():
    saving = bootstrap([Decimal(1)] * 6, "seed")

    assert (saving.usd, saving.low_usd, saving.high_usd) == (30, None, None)
