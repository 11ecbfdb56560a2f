"""Who spent the most of budgets: all are looked up at once, and each is told what it would be told alone."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.alerts.contributors import with_contributors
from sophia_metrics.alerts.observation import BudgetObservation, Contributor
from sophia_metrics.windows import Window

FIRST = datetime(2026, 11, 1)
SPEND = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["search", "chat", "(none)"]),
        st.sampled_from(["gpt-4o", "o3"]),
        st.one_of(st.none(), st.integers(0, 9).map(Decimal)),
    ),
    max_size=30,
)
BUDGETS = st.lists(
    st.tuples(
        st.sampled_from(["all", "team/search", "team/nobody", "model/o3", "provider/openai", "tag:feature/chat"]),
        st.integers(0, 3),
        st.integers(1, 4),
        st.sampled_from([0, 23]),
    ),
    max_size=6,
)


NAMES = ("provider", "model", "team", "project", "environment")
COLUMNS = {
    "usage_on": pl.Date,
    "period_at": pl.Datetime("us"),
    **dict.fromkeys(NAMES, pl.String),
    "cost_usd": pl.Decimal(38, 12),
}


@pytest.fixture(scope="module")
def version():
    with duckdb.connect() as connection:
        yield connection


def fill(connection, spend):
    """Let the quarters of an hour say the same as the days: all calls of a day are made at noon."""
    rows = [
        (
            (FIRST + timedelta(days=day)).date(),
            FIRST + timedelta(days=day, hours=12),
            "openai",
            model,
            team,
            "",
            "",
            cost,
        )
        for day, team, model, cost in spend
    ]
    connection.register("spend", pl.DataFrame(rows, schema=COLUMNS, orient="row"))
    for table in ("mart_cost_daily", "mart_cost_15min"):
        connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {', '.join(COLUMNS)} FROM spend")
    connection.unregister("spend")


def over(scope, first, days, hour):
    """Return a budget of one dollar of which two are spent, and its window."""
    start_at = FIRST + timedelta(days=first, hours=hour)
    observed = BudgetObservation(f"{scope} {first}", date(2026, 11, 1), scope, Decimal(1), Decimal(2))
    return observed, Window(start_at, start_at + timedelta(days=days))


def spent(spend, scope, window):
    """Add up by hand what each team spent on each model: the most first."""
    kind, _, value = scope.partition("/")
    sums = Counter()
    for day, team, model, cost in spend:
        values = {"all": "", "team": team, "model": model, "provider": "openai"}
        is_inside = window.start_at <= FIRST + timedelta(days=day, hours=12) < window.end_at
        if cost is not None and is_inside and values.get(kind) == value:
            sums[team, model] += cost
    return sorted(((-amount, *who) for who, amount in sums.items()))


@settings(max_examples=40, deadline=None)
@given(spend=SPEND, budgets=BUDGETS)
def test_budgets_that_are_looked_up_together_are_told_who_spent_the_most_of_each(version, spend, budgets):
    fill(version, spend)
    wanted = [over(*each) for each in budgets]

    for (_, window), told in zip(wanted, with_contributors(version, wanted), strict=True):
        ranked = spent(spend, told.scope, window)
        if told.scope.startswith("tag:"):
            assert (told.contributors, told.other_usd) == (None, None)
        else:
            assert told.contributors == tuple(Contributor(team, model, -less) for less, team, model in ranked[:3])
            assert told.other_usd == sum(-less for less, *_ in ranked[3:])


@settings(max_examples=20, deadline=None)
@given(spend=SPEND, budgets=BUDGETS)
def test_a_budget_is_told_the_same_among_others_as_alone(version, spend, budgets):
    fill(version, spend)
    wanted = [over(*each) for each in budgets]

    alone = [told for each in wanted for told in with_contributors(version, [each])]

    assert list(with_contributors(version, wanted)) == alone


def test_nobody_is_named_of_a_budget_that_alerts_nobody(version):
    fill(version, [(0, "search", "o3", Decimal(5))])
    observed, window = over("all", 0, 1, 0)
    quiet = BudgetObservation("quiet", observed.period_start_on, "all", Decimal(100), Decimal(5))

    told, silent, unknown = with_contributors(version, [(observed, window), (quiet, window), (observed, None)])

    assert told.contributors == (Contributor("search", "o3", Decimal(5)),)
    assert (silent.contributors, unknown.contributors) == (None, None)
