"""Budgets as decisions: what may be one, which one holds when, and when the published status changes."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sophia_metrics.costs.budget_report import load_budget_status
from sophia_metrics.costs.budgets import (
    Budget,
    HeldBudget,
    apply_budgets,
    budgets_at,
    configured_changes,
    load_budgets,
    set_budget,
    unset_budget,
)
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.scopes import Scope
from sophia_metrics.warehouse.protocol import Query, Record
from tests.lab import NOW, Lab, event

at = datetime.fromisoformat
ALL = Scope("all", "all")
DAILY = Budget("daily", ALL, "day", Decimal(100))
MONTHLY = Budget("monthly", ALL, "month", Decimal(3000))


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "home")


def limits(held):
    return {each.budget.name: each.budget.limit_usd for each in held}


# --- scopes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("all", ("all", "all")),
        ("team/search", ("team", "search")),
        ("model/openai/gpt-5", ("model", "openai/gpt-5")),
        ("tag:feature/chat", ("tag:feature", "chat")),
    ],
)
def test_a_scope_is_read_and_written_as_people_write_it(text, scope):
    assert Scope.parse(text) == Scope(*scope)
    assert str(Scope.parse(text)) == text


@pytest.mark.parametrize("text", ["", "everything", "team", "team/", "/search", "user/ada", "tag:/x", 'tag:a/"b"'])
def test_a_scope_of_no_known_form_is_refused(text):
    with pytest.raises(ValueError, match="scope"):
        Scope.parse(text)


# --- what may be a budget ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"limit_usd": Decimal(0)}, "above 0"),
        ({"limit_usd": Decimal(-5)}, "above 0"),
        ({"limit_usd": Decimal("NaN")}, "above 0"),
        ({"limit_usd": Decimal("0.0000001")}, "6 decimals"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"period": "year"}, "day, week, month or quarter"),
        ({"period": "day", "start_day": 2}, "no start_day"),
        ({"period": "week", "start_day": 8}, "1 \\(Monday\\) to 7"),
        ({"period": "month", "start_day": 0}, "1 to 31"),
        ({"period": "quarter", "start_day": 32}, "1 to 31"),
        ({"forecast_thresholds": ()}, "forecast_thresholds"),
        ({"thresholds": ()}, "thresholds"),
        ({"thresholds": (Decimal(1), Decimal("0.8"))}, "ascend"),
        ({"thresholds": (Decimal(0),)}, "above 0"),
        ({"name": "Daily budget"}, "name"),
    ],
)
def test_what_cannot_be_a_budget_is_refused_with_a_reason(changes, problem):
    with pytest.raises(ConfigurationError, match=problem):
        replace(DAILY, **changes)


# --- which one holds ---------------------------------------------------------------------------------------


def test_what_was_set_wins_over_what_is_configured_from_then_on():
    held = [
        HeldBudget(DAILY, "configured", at("2026-11-01")),
        HeldBudget(replace(DAILY, limit_usd=Decimal(7)), "set", NOW),
    ]

    assert limits(budgets_at(held, NOW - timedelta(seconds=1))) == {"daily": 100}
    assert limits(budgets_at(held, NOW)) == {"daily": 7}


def test_the_instant_at_which_a_budget_ends_belongs_to_the_next_one():
    held = [HeldBudget(DAILY, "configured", at("2026-11-01"), NOW), HeldBudget(MONTHLY, "configured", NOW)]

    assert limits(budgets_at(held, NOW)) == {"monthly": 3000}


def test_a_configuration_that_is_as_it_was_changes_nothing():
    held = [HeldBudget(DAILY, "configured", at("2026-11-01"))]

    assert configured_changes(held, [DAILY], NOW) == ()


def test_a_configuration_that_changed_ends_what_held_and_begins_what_holds():
    raised = replace(DAILY, limit_usd=Decimal(200))
    held = [HeldBudget(DAILY, "configured", at("2026-11-01")), HeldBudget(MONTHLY, "configured", at("2026-11-01"))]

    assert configured_changes(held, [raised], NOW) == (
        HeldBudget(DAILY, "configured", at("2026-11-01"), NOW),
        HeldBudget(MONTHLY, "configured", at("2026-11-01"), NOW),
        HeldBudget(raised, "configured", NOW),
    )


def test_budgets_come_back_from_the_warehouse_as_they_went_in(lab):
    berlin = Budget(
        "chat", Scope("tag:feature", "chat"), "month", Decimal("12.345678"), "Europe/Berlin", (Decimal("0.5"),)
    )
    apply_budgets(lab.warehouse, [DAILY, berlin], NOW)

    assert [each.budget for each in load_budgets(lab.warehouse)] == [berlin, DAILY]


def test_setting_twice_keeps_the_last_and_unsetting_brings_the_configured_one_back(lab):
    warehouse = lab.warehouse
    apply_budgets(warehouse, [DAILY], NOW)
    set_budget(warehouse, replace(DAILY, limit_usd=Decimal(7)), NOW + timedelta(hours=1))
    set_budget(warehouse, replace(DAILY, limit_usd=Decimal(8)), NOW + timedelta(hours=2))
    later = NOW + timedelta(hours=3)

    assert limits(budgets_at(load_budgets(warehouse), later)) == {"daily": 8}
    assert limits(apply_budgets(warehouse, [DAILY], later)) == {"daily": 8}  # the configuration does not touch it
    unset_budget(warehouse, "daily", later)
    assert limits(budgets_at(load_budgets(warehouse), later)) == {"daily": 100}
    assert limits(budgets_at(load_budgets(warehouse), NOW + timedelta(hours=1.5))) == {"daily": 7}


def test_setting_twice_at_the_same_moment_keeps_the_last(lab):
    set_budget(lab.warehouse, DAILY, NOW)
    set_budget(lab.warehouse, replace(DAILY, limit_usd=Decimal(8)), NOW)

    assert [each.budget.limit_usd for each in load_budgets(lab.warehouse)] == [8]


def test_a_planned_budget_begins_where_the_one_before_ends_and_outlives_a_change_of_that(lab):
    warehouse, later = lab.warehouse, NOW + timedelta(days=10)
    set_budget(warehouse, DAILY, NOW)
    set_budget(warehouse, replace(DAILY, limit_usd=Decimal(9)), later)
    set_budget(warehouse, replace(DAILY, limit_usd=Decimal(7)), NOW + timedelta(days=1))
    held = load_budgets(warehouse)
    moments = (timedelta(hours=1), timedelta(days=2), timedelta(days=9.999), timedelta(days=10))

    assert [limits(budgets_at(held, NOW + each))["daily"] for each in moments] == [100, 7, 7, 9]


def test_taking_a_budget_back_takes_back_what_is_planned_under_its_name(lab):
    set_budget(lab.warehouse, DAILY, NOW + timedelta(days=1))
    unset_budget(lab.warehouse, "daily", NOW)

    assert budgets_at(load_budgets(lab.warehouse), NOW + timedelta(days=2)) == ()


def test_a_budget_that_nobody_set_cannot_be_unset(lab):
    apply_budgets(lab.warehouse, [DAILY], NOW)

    with pytest.raises(ConfigurationError, match="no budget 'daily' was set"):
        unset_budget(lab.warehouse, "daily", NOW)


# --- what is published -------------------------------------------------------------------------------------


def status(lab):
    return {each.budget: each for each in load_budget_status(lab.serving)}


def test_the_status_of_a_version_is_that_of_its_moment(lab):
    apply_budgets(lab.warehouse, [replace(DAILY, limit_usd=Decimal("0.007"))], NOW)
    lab.ingest(
        lab.write("calls.jsonl", [event("a", "2026-11-20T00:00:00Z"), event("b", "2026-11-19T23:59:59.999999Z")])
    )
    lab.publish()

    assert (status(lab)["daily"].spent_usd, status(lab)["daily"].budget_state) == (Decimal("0.0035"), "ok")
    assert status(lab)["daily"].data_through_at == NOW


def test_a_late_call_moves_the_status_and_reaching_the_limit_is_over(lab):
    apply_budgets(lab.warehouse, [replace(DAILY, limit_usd=Decimal("0.007"))], NOW)
    lab.ingest(lab.write("calls.jsonl", [event("a", "2026-11-20T00:00:00Z")]))
    lab.publish()
    lab.ingest(lab.write("late.jsonl", [event("late", "2026-11-20T08:00:00Z")]))
    lab.publish()

    assert (status(lab)["daily"].spent_usd, status(lab)["daily"].budget_state) == (Decimal("0.007"), "over")


def test_a_new_day_is_published_although_no_usage_came(lab):
    apply_budgets(lab.warehouse, [replace(DAILY, time_zone="Europe/Berlin")], NOW)
    lab.ingest(lab.write("calls.jsonl", [event("a", "2026-11-20T09:00:00Z")]))
    lab.publish()
    berlin_midnight = at("2026-11-20 23:00")

    assert not lab.warehouse.publish(berlin_midnight - timedelta(microseconds=1)).is_new
    assert lab.warehouse.publish(berlin_midnight).is_new
    assert status(lab)["daily"].period_start_on == date(2026, 11, 21)
    assert status(lab)["daily"].spent_usd is None  # nothing was collected since that day began


def test_an_idle_collection_that_settles_a_day_is_published(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a", "2026-11-18T09:00:00Z")]))
    lab.publish()
    trend = "SELECT usage_on FROM mart_cost_trend WHERE scope_type = 'all' ORDER BY usage_on"
    source = lab.source(lab.home.parent / "calls.jsonl")
    day_later = NOW + timedelta(days=1)

    assert lab.serving.query(trend)["usage_on"].to_list() == [date(2026, 11, 18), date(2026, 11, 19)]
    lab.collector.note_collected(source, day_later)
    assert lab.warehouse.publish(day_later).is_new
    assert lab.serving.query(trend)["usage_on"].to_list()[-1] == date(2026, 11, 20)


def test_a_budget_of_a_tag_sees_the_events_of_core(lab):
    chat = Budget("chat", Scope("tag:feature", "chat"), "month", Decimal(1))
    apply_budgets(lab.warehouse, [chat], NOW)
    calls = [
        event("a", "2026-11-01T00:00:00Z", tags={"feature": "chat", "app": "web"}),
        event("b", "2026-10-31T23:59:59Z", tags={"feature": "chat"}),
        event("c", "2026-11-18T23:59:59Z", tags={"feature": "search"}),
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.publish()

    assert status(lab)["chat"].spent_usd == Decimal("0.0035")


def test_without_any_collection_nothing_is_known_of_any_budget(lab):
    apply_budgets(lab.warehouse, [DAILY, MONTHLY], NOW)
    lab.publish()

    assert {each.budget_state for each in status(lab).values()} == {"no_data"}
    assert {each.spent_usd for each in status(lab).values()} == {None}


def test_terms_and_forecast_thresholds_are_kept_as_they_were_set(lab):
    budget = Budget("q", ALL, "quarter", Decimal(9), start_day=15, forecast_thresholds=(Decimal("0.9"), Decimal("1.1")))
    set_budget(lab.warehouse, budget, NOW)

    assert [each.budget for each in load_budgets(lab.warehouse)] == [budget]


def test_what_an_older_program_set_begins_on_the_first_and_has_one_forecast_threshold(lab):
    set_budget(lab.warehouse, MONTHLY, NOW)
    frame = lab.warehouse.read(Query("SELECT * FROM core_budgets")).with_columns(
        start_day=pl.lit(None, pl.Int64), forecast_thresholds=pl.lit(None, pl.String)
    )
    lab.warehouse.record(Record({"core_budgets": frame}))

    assert [each.budget for each in load_budgets(lab.warehouse)] == [MONTHLY]


def test_a_quarter_counts_its_first_day_and_the_quarter_before_it_too(lab):
    calls = [
        event(name, f"{day}T12:00:00Z") for name, day in (("a", "2026-10-01"), ("b", "2026-07-01"), ("c", "2026-11-19"))
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    set_budget(lab.warehouse, Budget("q", ALL, "quarter", Decimal(9)), at("2026-01-01"))
    lab.publish()

    with lab.serving.connection() as connection:
        rows = connection.execute(
            "SELECT period_start_on, spent_usd FROM mart_budget_status ORDER BY period_start_on"
        ).fetchall()
    assert rows == [(date(2026, 7, 1), Decimal("0.0035")), (date(2026, 10, 1), Decimal("0.007"))]


def test_a_call_that_comes_late_is_in_the_status_of_the_period_it_belongs_to(lab):
    set_budget(lab.warehouse, Budget("w", ALL, "week", Decimal(9), start_day=3), at("2026-01-01"))
    spent = "SELECT period_start_on, spent_usd FROM mart_budget_status ORDER BY period_start_on"
    found = []
    for name, day in (("a", "2026-11-18"), ("b", "2026-11-17")):
        lab.ingest(lab.write(f"{name}.jsonl", [event(name, f"{day}T12:00:00Z")]))
        lab.publish()
        with lab.serving.connection() as connection:
            found.append(connection.execute(spent).fetchall()[0][1])

    assert found == [Decimal(0), Decimal("0.0035")]
