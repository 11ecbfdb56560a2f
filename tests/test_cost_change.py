"""Why spend changed: whatever the usage, the effects add up to the change exactly, and each means what it says."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics import schema
from sophia_metrics.costs.change import Days, explain_change
from sophia_metrics.costs.tagged_change import explain_tagged_change
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.marts import mart
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.scopes import Scope
from sophia_metrics.warehouse.protocol import Record
from tests.effort import examples
from tests.lab import NOW, Lab, event
from tests.random_rows import random_rows

LAST = date(2026, 11, 19)
SETTLED = (
    "INSERT INTO mart_settlement (scope_type, scope_value, source_count, data_through_at, settled_through_on) "
    "VALUES ('all', 'all', 1, $1, $1)"
)


def change_of(rows):
    """Return mart_cost_change over rows of mart_cost_parts, where everything is settled through LAST."""
    with duckdb.connect() as connection:
        for name in ("mart_cost_parts", "mart_settlement"):
            connection.execute(create_table(schema.table(name)))
        connection.execute(SETTLED, [LAST])
        frame = pl.DataFrame(rows, schema=polars_schema(schema.table("mart_cost_parts")))
        connection.register("given_rows", frame.to_arrow())
        connection.execute("INSERT INTO mart_cost_parts SELECT * FROM given_rows")
        return connection.sql(mart("mart_cost_change").sql).pl().rows(named=True)


def part(day, quantity, cost, **others):
    usual = {
        "provider": "openai",
        "model": "gpt-5",
        "team": "search",
        "project": "(none)",
        "environment": "(none)",
        "route": "(none)",
        "price_tier": "standard",
        "part": "input",
    }
    return {**usual, "usage_on": day, "quantity": Decimal(quantity), "cost_usd": Decimal(cost), **others}


amounts = st.integers(0, 10**15).map(lambda value: Decimal(value).scaleb(-12))
part_rows = st.builds(
    part,
    st.integers(0, 13).map(lambda ago: LAST - timedelta(days=ago)),
    st.integers(0, 10**7),
    st.one_of(st.just(Decimal(0)), amounts),
    provider=st.sampled_from(["openai", "anthropic"]),
    model=st.sampled_from(["a", "b", "c"]),
    team=st.sampled_from(["search", "support"]),
    price_tier=st.sampled_from(["standard", "batch"]),
    part=st.sampled_from(["input", "output", "call", "billing", "other", "unit:images"]),
)


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(part_rows, max_size=40))
def test_the_effects_add_up_to_the_change_exactly_in_every_scope_and_pair(rows):
    rows.append(part(LAST - timedelta(days=13), 1, 0, part="call"))
    found = change_of(rows)

    spent = defaultdict(Decimal)
    for row in rows:
        for scope in (("all", "all"), ("provider", row["provider"]), ("team", row["team"])):
            sign = -1 if row["usage_on"] <= LAST - timedelta(days=7) else 1
            spent[(*scope, "week")] += sign * row["cost_usd"]
            if row["usage_on"] in {LAST, LAST - timedelta(days=7)}:
                spent[(*scope, "day")] += sign * row["cost_usd"]
    sums = defaultdict(Decimal)
    for row in found:
        sums[(row["scope_type"], row["scope_value"], row["period_pair"])] += row["amount_usd"]
        assert row["change_usd"] == spent[(row["scope_type"], row["scope_value"], row["period_pair"])]
    assert {key: value for key, value in sums.items() if value} == {key: value for key, value in spent.items() if value}


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["input", "output"]), st.integers(1, 10**9)),
        min_size=1,
        max_size=12,
    ),
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["input", "output"]), st.integers(1, 10**9)),
        min_size=1,
        max_size=12,
    ),
)
def test_where_the_rates_are_the_same_there_is_no_price_effect(before, after):
    rates = {("a", "input"): "0.00000125", ("a", "output"): "0.00001", ("b", "input"): "0.000000075"}

    def rows(day, bought):
        for model, name, quantity in bought:
            rate = Decimal(rates.get((model, name), "0.000000299999999999"))
            cost = (quantity * rate).quantize(Decimal("1e-12"))
            yield part(day, quantity, cost, model=model, part=name)
            yield part(day, 1, 0, model=model, part="call")

    found = change_of([*rows(LAST - timedelta(days=7), before), *rows(LAST, after)])

    assert [row for row in found if row["effect"] == "price"] == []


def test_where_only_the_price_changed_all_of_the_change_is_price():
    before, after = LAST - timedelta(days=7), LAST
    rows = [
        part(before, 10, 0, part="call"),
        part(before, 1000, "2.5"),
        part(after, 10, 0, part="call"),
        part(after, 1000, "2"),
    ]

    found = [row for row in change_of(rows) if row["scope_type"] == "all"]

    assert [(row["effect"], row["amount_usd"]) for row in found] == [("price", Decimal("-0.5"))]


# --- the parts of random usage -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_parts_of_a_day_add_up_to_its_spend_and_to_its_unpriced_calls(seed):
    start = datetime.fromisoformat("2026-11-18")
    events = schema.table("core_usage_events")
    choices = {
        "source_role": ("ledger", "reconcile"),
        "record_kind": ("call", "bucket"),
        "cost_basis": ("billed", "computed", "estimated"),
        "price_status": ("priced", "partial", "unpriced", "subscription"),
        "price_id": ("one", "two"),
    }
    rows = random_rows(events, 400, seed, start, 2, choices)
    for place, row in enumerate(rows):
        row["event_id"] = f"event-{place}"
    ids = tuple(f"event-{place}" for place in range(0, 400, 2))
    units = random_rows(schema.table("core_usage_units"), 100, seed, start, 2, {"event_id": ids})
    units = list({(row["event_id"], row["unit"]): row for row in units}.values())
    with duckdb.connect() as connection:
        for name, given_rows in (("core_usage_events", rows), ("core_usage_units", units), ("core_price_cards", [])):
            connection.execute(create_table(schema.table(name)))
            frame = pl.DataFrame(given_rows, schema=polars_schema(schema.table(name)))
            connection.register("given_rows", frame.to_arrow())
            connection.execute(f"INSERT INTO {name} SELECT * FROM given_rows")
        for name in ("mart_cost_15min", "mart_cost_hourly", "mart_cost_daily", "mart_cost_parts"):
            connection.execute(f"CREATE TABLE {name} AS {mart(name).sql}")
        spent = connection.execute(
            "SELECT usage_on, provider, model, team, coalesce(sum(cost_usd), 0), sum(unpriced_count) "
            "FROM mart_cost_daily GROUP BY ALL HAVING sum(cost_usd) IS NOT NULL OR sum(unpriced_count) > 0 ORDER BY ALL"
        ).fetchall()
        found = connection.execute(
            "SELECT usage_on, provider, model, team, coalesce(sum(cost_usd), 0), "
            "coalesce(sum(quantity) FILTER (part = 'unpriced'), 0)::BIGINT "
            "FROM mart_cost_parts GROUP BY ALL ORDER BY ALL"
        ).fetchall()

    assert [row for row in found if row[4] or row[5]] == [row for row in spent if row[4] or row[5]]


# --- any two periods of a published version ------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """One day of gpt-4o in two teams, and a day after it with twice as many calls of one of them."""
    lab = Lab(tmp_path_factory.mktemp("change") / "home")
    calls = [
        event("1", "2026-11-10T10:00:00Z", team="search", tags={"app": "web", "feature": "chat"}),
        event("2", "2026-11-10T11:00:00Z", team="support"),
        event("3", "2026-11-17T10:00:00Z", team="search", tags={"feature": "chat"}),
        event("4", "2026-11-17T11:00:00Z", team="search", tags={"feature": "chatter"}),
        event("5", "2026-11-17T12:00:00Z", team="search", model="no-such-model", tags={"feature": "chat"}),
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.publish()
    return lab


def test_any_two_periods_are_compared_by_the_rules_of_the_mart(lab):
    change = explain_change(lab.serving, Days.parse("2026-11-10"), Days.parse("2026-11-11..2026-11-17"))

    assert (change.before_usd, change.after_usd) == (Decimal("0.007"), Decimal("0.007"))
    assert (change.unpriced_before_count, change.unpriced_after_count) == (0, 1)
    assert change.by_effect == (("volume", Decimal("0.0035")), ("gone", Decimal("-0.0035")))
    assert sum(amount for _, amount in change.by_effect) == change.change_usd == 0
    assert [(each.effect, each.subject) for each in change.effects] == [
        ("volume", "openai/gpt-4o of search"),
        ("gone", "openai/gpt-4o of support"),
        ("unknown", "openai/no-such-model of search"),
    ]


def test_a_fixed_pair_of_the_mart_and_the_same_days_given_say_the_same(lab):
    name = "effect, provider, model, team, amount_usd"
    mart_rows = lab.serving.query(
        f"SELECT {name}, before_start_on, end_on FROM mart_cost_change WHERE scope_type = 'team' AND period_pair = 'day'"
    ).rows()
    last = max((row[-1] for row in mart_rows), default=None)
    if last is None:
        last = lab.serving.query("SELECT settled_through_on FROM mart_settlement WHERE scope_type = 'all'").item()
    given_days = explain_change(
        lab.serving,
        Days(last - timedelta(days=7), last - timedelta(days=7)),
        Days(last, last),
        Scope.parse("team/search"),
    )

    assert [row[:5] for row in mart_rows if row[3] == "search"] == [
        (each.effect, each.provider, each.model, each.team, each.amount_usd) for each in given_days.effects
    ]


def test_a_scope_is_compared_alone(lab):
    change = explain_change(lab.serving, Days.parse("2026-11-10"), Days.parse("2026-11-17"), Scope.parse("team/search"))

    assert (change.before_usd, change.after_usd) == (Decimal("0.0035"), Decimal("0.007"))
    assert change.by_effect == (("volume", Decimal("0.0035")),)


def tagged(lab, before="2026-11-10", after="2026-11-11..2026-11-17", tag="tag:feature/chat"):
    days = (Days.parse(before), Days.parse(after))
    return explain_tagged_change(lab.warehouse, *days, Scope.parse(tag), folder=lab.home, memory_limit="1GiB")


def test_a_tag_is_compared_by_its_calls(lab):
    lab.ingest(lab.write("more.jsonl", [event("6", "2026-11-12T10:00:00Z", tags={"feature": "chat"}, output_tokens=0)]))
    change = tagged(lab)

    assert (change.before_usd, change.after_usd) == (Decimal("0.0035"), Decimal("0.006"))  # and 0.0025 for input alone
    assert (change.unpriced_before_count, change.unpriced_after_count) == (0, 1)
    assert sum(amount for _, amount in change.by_effect) == change.change_usd == Decimal("0.0025")
    assert change.by_effect == (("new", Decimal("0.0025")),)
    assert [(each.effect, each.subject) for each in change.effects] == [
        ("new", "openai/gpt-4o"),
        ("unknown", "openai/no-such-model of search"),
    ]


def test_the_parts_of_a_tag_that_every_call_has_are_those_of_all(lab):
    everything = tagged(lab, tag="tag:app/web", after="2026-11-17")
    assert (everything.by_effect, everything.after_usd) == ((("gone", Decimal("-0.0035")),), 0)


def test_of_a_tag_whose_calls_have_expired_nothing_is_said(lab, tmp_path):
    moved = pl.DataFrame({"table_name": ["core_usage_events"], "kept_from_on": [date(2026, 11, 11)], "moved_at": [NOW]})
    other = Lab(tmp_path / "home")
    other.warehouse.record(Record({"core_retention": moved}))

    with pytest.raises(ConfigurationError, match="before 2026-11-11 have expired"):
        tagged(other)


def test_periods_that_nobody_used_are_a_change_of_nothing(lab):
    change = explain_change(lab.serving, Days.parse("2025-01-01"), Days.parse("2025-01-02"))

    assert (change.change_usd, change.effects) == (0, ())


@pytest.mark.parametrize(
    ("before", "after", "scope", "says"),
    [
        ("2026-11-01..2026-11-10", "2026-11-10..2026-11-17", "all", "overlap"),
        ("2026-11-10..2026-11-01", "2026-11-17", "all", "ends before it begins"),
        ("yesterday", "2026-11-17", "all", "are no days"),
        ("2026-11-01", "2026-11-17", "tag:feature/chat", "cannot be told apart"),
    ],
)
def test_what_cannot_be_compared_is_refused(lab, before, after, scope, says):
    with pytest.raises(ConfigurationError, match=says):
        explain_change(lab.serving, Days.parse(before), Days.parse(after), Scope.parse(scope))
