"""Rules: when a budget or a service is an alert, which alert it is, and what it says."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.alerts.anomaly_rule import AnomalyRule
from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.forecast_rule import ForecastRule
from sophia_metrics.alerts.observation import (
    AnomalyObservation,
    BudgetObservation,
    GapObservation,
    Observations,
    ServiceObservation,
)
from sophia_metrics.alerts.reconciliation_rule import ReconciliationRule
from sophia_metrics.alerts.rule import Severity, Verdict
from sophia_metrics.alerts.rule_history import rule_changes
from sophia_metrics.alerts.service_rule import ServiceRule, service_rules

NOW = datetime(2026, 11, 20, 12)
MET, CLEAR, UNKNOWN = Verdict.MET, Verdict.CLEAR, Verdict.UNKNOWN


def budget(spent, limit="100", start=date(2026, 11, 1), **fields):
    values = {"budget": "monthly", "period_start_on": start, "scope": "all", **fields}
    return BudgetObservation(
        **values, limit_usd=limit and Decimal(limit), spent_usd=None if spent is None else Decimal(spent)
    )


def readings(rule, *, budgets=None, services=None):
    return list(rule.readings(Observations(budgets and tuple(budgets), services and tuple(services))))


def verdicts(*budgets):
    return {each.terms.rule: each.verdict for each in readings(BudgetRule(), budgets=budgets)}


@pytest.mark.parametrize(
    ("spent", "limit", "expected"),
    [
        ("79.999999999999", "100", (CLEAR, CLEAR)),
        ("80", "100", (MET, CLEAR)),
        ("2.4", "3", (MET, CLEAR)),  # as doubles 2.4 / 3.0 is 0.7999999999999999
        ("99.999999999999", "100", (MET, CLEAR)),
        ("100", "100", (MET, MET)),
        ("0", "0", (CLEAR, CLEAR)),
        ("0.01", "0", (MET, MET)),
        (None, "100", (UNKNOWN, UNKNOWN)),
        ("80", None, (UNKNOWN, UNKNOWN)),
    ],
)
def test_a_budget_fires_at_its_thresholds_and_above_exactly_and_unknown_spend_says_nothing(spent, limit, expected):
    assert verdicts(budget(spent, limit)) == {"budget-80": expected[0], "budget-100": expected[1]}


def test_a_budget_names_its_own_thresholds_and_the_whole_limit_is_critical():
    found = readings(BudgetRule(), budgets=[budget("60", thresholds=(Decimal(1), Decimal("0.5"), Decimal("0.855")))])

    assert [(each.terms.rule, each.terms.severity, each.verdict) for each in found] == [
        ("budget-50", Severity.WARNING, MET),
        ("budget-85.5", Severity.WARNING, CLEAR),
        ("budget-100", Severity.CRITICAL, CLEAR),
    ]


def test_a_budget_names_its_own_thresholds_for_its_forecast():
    shares = (Decimal("0.9"), Decimal("1.2"))
    seen = budget("60", forecast_thresholds=shares, projected_p50_usd=Decimal(100), projection_state="forecast")

    assert [(each.terms.rule, each.verdict) for each in readings(ForecastRule(), budgets=[seen])] == [
        ("budget-forecast-90", MET),
        ("budget-forecast-120", CLEAR),
    ]


def test_only_the_newest_period_of_a_budget_counts():
    assert verdicts(budget("500", start=date(2026, 10, 1)), budget("1")) == {"budget-80": CLEAR, "budget-100": CLEAR}


def test_of_a_budget_that_is_taken_away_no_ended_period_counts():
    assert verdicts(budget("500", start=date(2026, 10, 1), is_current=False)) == {}


@pytest.mark.parametrize(
    "start", [date(2026, 3, 29), date(2026, 10, 25), date(2028, 2, 29), date(2026, 12, 31), date(2027, 1, 1)]
)
def test_a_fingerprint_holds_the_first_day_as_it_was_published_and_no_clock(start):
    first = readings(BudgetRule(), budgets=[budget("80", start=start)])[0]

    assert first.fingerprint == f"budget/monthly/{start.isoformat()}/0.8"


def test_periods_thresholds_and_budgets_differ_in_their_fingerprints():
    budgets = [
        budget("80"),
        budget("80", budget="other"),
        budget("80", start=date(2026, 12, 1), budget="third", scope="team/search"),
    ]
    found = [each.fingerprint for each in readings(BudgetRule(), budgets=budgets)]

    assert len(set(found)) == 6


def test_a_budget_says_what_was_spent_of_what():
    first = readings(BudgetRule(), budgets=[budget("1234.5", "1500", scope="tag:feature/chat")])[0]

    assert first.message == (
        "budget monthly (tag:feature/chat): 1,234.50 of 1,500.00 USD spent (82.3 %) in the period from 2026-11-01"
    )
    assert (first.scope_type, first.scope_value, first.observed) == ("tag:feature", "chat", 0.823)
    assert first.evidence == '{"period_start_on": "2026-11-01", "limit_usd": "1500", "spent_usd": "1234.5"}'


@pytest.mark.parametrize(("budgets", "expected"), [(None, None), ((), "budget monthly is no longer there")])
def test_a_table_that_is_not_there_ends_nothing_and_an_empty_one_does(budgets, expected):
    from tests.test_alerts_evaluation import an_episode  # noqa: PLC0415 - the two files share their example

    assert BudgetRule().ending(an_episode(), Observations(budgets=budgets)) == expected


def test_a_threshold_that_is_taken_away_is_told_apart_from_a_period_that_ended():
    from tests.test_alerts_evaluation import an_episode  # noqa: PLC0415 - see above

    later = Observations(budgets=(budget("0", start=date(2026, 12, 1)),))
    other = Observations(budgets=(budget("0", thresholds=(Decimal(1),)),))

    assert "has ended" in BudgetRule().ending(an_episode(), later)
    assert "no longer the threshold" in BudgetRule().ending(an_episode(), other)


# --- services ----------------------------------------------------------------------------------------------


def service(status, name="redis", **fields):
    return ServiceObservation(name, status, NOW - timedelta(hours=1), **fields)


def judged(rule, observation):
    (found,) = readings(rule, services=[observation])
    return found.verdict


DOWN, DEGRADED = service_rules(timedelta(), timedelta(minutes=5), timedelta(minutes=5))


@pytest.mark.parametrize(
    ("status", "down", "degraded"),
    [
        ("down", MET, UNKNOWN),
        ("degraded", CLEAR, MET),
        ("healthy", CLEAR, CLEAR),
        ("unknown", UNKNOWN, UNKNOWN),
        ("maintenance", UNKNOWN, UNKNOWN),
    ],
)
def test_a_status_fires_clears_or_says_nothing(status, down, degraded):
    assert (judged(DOWN, service(status)), judged(DEGRADED, service(status))) == (down, degraded)


@pytest.mark.parametrize("status", ["down", "degraded", "healthy"])
def test_a_stale_status_says_nothing(status):
    stale = service(status, is_stale=True)

    assert (judged(DOWN, stale), judged(DEGRADED, stale)) == (UNKNOWN, UNKNOWN)


def causes(*services):
    return {each.subject: each.suppressed_by for each in readings(DOWN, services=services)}


def test_a_service_that_needs_a_failed_one_is_explained_by_the_deepest_of_them():
    found = causes(
        service("down", "database", required_by=frozenset({"api"})),
        service("down", "api", required_by=frozenset({"page"})),
        service("down", "page"),
        service("down", "mail"),
    )

    assert found == {"database": None, "api": "database", "page": "database", "mail": None}


def test_services_that_need_each_other_are_not_explained_by_each_other():
    circle = [
        service("down", "a", required_by=frozenset({"b"})),
        service("down", "b", required_by=frozenset({"c"})),
        service("down", "c", required_by=frozenset({"a"})),
    ]

    assert causes(*circle) == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("status", ["healthy", "unknown", "maintenance"])
def test_a_needed_service_that_is_not_known_to_be_down_explains_nothing(status):
    assert causes(service(status, "db", required_by=frozenset({"api"})), service("down", "api"))["api"] is None


def test_a_service_says_since_when_and_what_the_probe_said_cut_to_a_length():
    (found,) = readings(DOWN, services=[service("down", message="x" * 5_000)])

    assert found.message == f"service redis is down since 2026-11-20 11:00 UTC: {'x' * 300}"


# --- which rules held when ---------------------------------------------------------------------------------

RULES = (BudgetRule(), DOWN, DEGRADED)


def test_rules_are_noted_when_they_begin_and_when_they_end():
    observed = Observations(budgets=(budget("1"),), services=())
    first = rule_changes((), RULES, observed, NOW)
    later = NOW + timedelta(days=1)
    changed = rule_changes(first, (BudgetRule(), DOWN), observed, later)

    assert [(each.rule, each.subject) for each in first] == [
        ("budget-80", "monthly"),
        ("budget-100", "monthly"),
        ("service-down", None),
        ("service-degraded", None),
    ]
    assert rule_changes(first, RULES, observed, later) == ()
    assert [(each.rule, each.valid_from_at, each.valid_to_at) for each in changed] == [("service-degraded", NOW, later)]


def test_a_budget_that_is_gone_ends_its_rules_and_a_table_that_is_gone_does_not():
    first = rule_changes((), RULES, Observations(budgets=(budget("1"),)), NOW)
    later = NOW + timedelta(days=1)

    ended = rule_changes(first, RULES, Observations(budgets=()), later)

    assert [(each.rule, each.valid_to_at) for each in ended] == [("budget-80", later), ("budget-100", later)]
    assert rule_changes(first, RULES, Observations(), later) == ()


def test_another_hold_is_another_rule():
    first = rule_changes((), (DOWN,), Observations(services=()), NOW)
    slower = ServiceRule("down", Severity.CRITICAL, fire_after=timedelta(minutes=1))
    later = NOW + timedelta(days=1)

    changed = rule_changes(first, (slower,), Observations(services=()), later)

    assert [(each.fire_after_seconds, each.valid_to_at) for each in changed] == [(0, later), (60, None)]


def unusual(scope, impact, kind="spend_spike", on=date(2026, 11, 18)):
    scope_type, _, scope_value = scope.partition("/")
    known = None if impact is None else Decimal(impact)
    return AnomalyObservation(scope_type, scope_value or "all", on, kind, "dearer than usual", impact_usd=known)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([unusual("all", 100), unusual("provider/openai", 100), unusual("team/search", 80)], ["team/search"]),
        ([unusual("all", 100), unusual("team/search", "79.99")], ["all", "team/search"]),
        ([unusual("all", 100), unusual("project/(none)", 100)], ["all"]),
        ([unusual("project/(none)", 100)], ["project/(none)"]),
        ([unusual("model/gpt-4o", 100), unusual("team/search", 100), unusual("user/0af3", 90)], ["user/0af3"]),
        ([unusual("team/search", 100), unusual("team/chat", 100)], ["team/search", "team/chat"]),
        ([unusual("all", 100), unusual("team/search", 100, kind="new_spender")], ["all", "team/search"]),
        ([unusual("all", 100), unusual("team/search", 100, on=date(2026, 11, 19))], ["all", "team/search"]),
        ([unusual("all", None), unusual("team/search", None)], ["all", "team/search"]),
    ],
)
def test_one_cause_is_one_alert_and_the_narrowest_anomaly_speaks(seen, told):
    found = AnomalyRule().readings(Observations(anomalies=tuple(seen)))
    assert [each.subject.rpartition(" ")[0] for each in found] == told


# --- bills -------------------------------------------------------------------------------------------------


def gap(invoiced, computed, model="gpt-4o", on="2026-11-18", account="org-1"):
    known = None if computed is None else Decimal(computed)
    billed = Decimal(invoiced)
    day = date.fromisoformat(on)
    return GapObservation("openai", account, model, day, billed, billed - (known or 0), known)


@pytest.mark.parametrize(
    ("seen", "is_told"),
    [
        (gap(110, 100), True),
        (gap("100.99", 100), False),  # less than a dollar
        (gap(1000, 981), False),  # 1.9 %
        (gap(1000, 980), True),  # 2 % of the greater
        (gap(980, 1000), True),  # the bill may be the smaller one
        (gap(50, None), True),
    ],
)
def test_a_gap_is_told_where_it_is_large_in_dollars_and_as_a_share(seen, is_told):
    rule = ReconciliationRule(min_gap_usd=Decimal(1), min_gap_ratio=Decimal("0.02"))

    assert [each.verdict for each in rule.readings(Observations(gaps=(seen,)))] == [Verdict.MET] * is_told


def test_a_gap_is_told_with_both_amounts():
    seen = (gap(50, None, model="(all)"),)
    (reading,) = ReconciliationRule().readings(Observations(gaps=seen))

    assert reading.message == (
        "openai, account org-1, model (all) on 2026-11-18: 50.00 USD are billed, 50.00 more than we computed (nothing), "
        "and nothing explains it"
    )


def test_the_gaps_of_an_account_in_a_month_are_one_alert_that_names_the_greatest():
    days = ("2026-11-17", "2026-11-18")
    seen = [gap(110, 100, on=day) for day in days] + [gap(80, 100, model="o3"), gap(2, 1, model="(other)")]
    (reading,) = ReconciliationRule().readings(Observations(gaps=tuple(seen)))

    assert reading.message == (
        "openai, account org-1, 2026-11: 4 gaps on 2 days, 21.00 USD more and 20.00 USD less billed than we computed, "
        "and nothing explains them: model o3 on 2026-11-18: 80.00 USD are billed, 20.00 less than we computed (100.00 USD); "
        "model gpt-4o on 2026-11-17: 110.00 USD are billed, 10.00 more than we computed (100.00 USD); "
        "model gpt-4o on 2026-11-18: 110.00 USD are billed, 10.00 more than we computed (100.00 USD); and 1 more"
    )
    assert [each["model"] for each in json.loads(reading.evidence)["gaps"]] == ["o3", "gpt-4o", "gpt-4o", "(other)"]


def test_the_first_look_at_five_weeks_of_gaps_tells_one_alert_an_account_and_month():
    days = [date(2026, 10, 14) + timedelta(days=each) for each in range(35)]
    seen = [
        gap(110, 100, model=model, on=day.isoformat(), account=account)
        for day in days
        for model in ("gpt-4o", "o3")
        for account in ("org-1", "org-2")
    ]
    found = [each.fingerprint for each in ReconciliationRule().readings(Observations(gaps=tuple(seen)))]

    assert found == [
        f"reconciliation/openai/{account}/{month}" for account in ("org-1", "org-2") for month in ("2026-10", "2026-11")
    ]


def test_a_version_that_says_nothing_of_bills_ends_no_alert_of_one():
    assert ReconciliationRule().terms(Observations()) is None
