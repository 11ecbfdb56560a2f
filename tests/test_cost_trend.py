"""Trends over weeks and months, against arithmetic by hand and by another engine."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics import schema
from sophia_metrics.calendars import calendar_frame
from sophia_metrics.marts import mart
from sophia_metrics.schema.polars_types import polars_schema

NOW = datetime.fromisoformat("2026-11-20 12:00")
LAST = date(2026, 11, 19)
CRITICAL = {28: 2.056, 14: 2.179}
"""The two-sided 95 % points of Student's t with two degrees of freedom less than days."""


def trend(costs):
    """Return the rows of everything, where the last of the costs is that of the last settled day; None: unpriced."""
    first = LAST - timedelta(days=len(costs) - 1)
    rows = [
        {
            **dict.fromkeys(("request_count", "error_count", "cache_hit_count", "latency_count"), 0),
            **dict.fromkeys(("unknown_usage_count", "unknown_list_cost_count", "unknown_reported_count"), 0),
            **dict.fromkeys(("provider", "model", "team", "project", "environment"), "x"),
            "usage_on": first + timedelta(days=ahead),
            "cost_usd": None if cost is None else Decimal(cost),
            "unpriced_count": int(cost is None),
            "is_coarse": False,
        }
        for ahead, cost in enumerate(costs)
        if cost != 0 or ahead == 0
    ]
    settled = [{"scope_type": "all", "scope_value": "all", "source_count": 1, "settled_through_on": LAST}]
    with duckdb.connect() as connection:
        for name, given_rows in (("mart_cost_daily", rows), ("mart_settlement", settled)):
            table = schema.table(name)
            connection.register("given_rows", pl.DataFrame(given_rows, schema=polars_schema(table)).to_arrow())
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given_rows")
        connection.register("core_calendar_days", calendar_frame(["UTC"], NOW).to_arrow())
        found = connection.sql(
            f"SELECT * FROM ({mart('mart_cost_trend').sql}) WHERE scope_type = 'all' ORDER BY usage_on"
        )
        return found.pl().rows(named=True)


def test_four_weeks_are_compared_with_the_four_weeks_before_them():
    last = trend([1] * 28 + [1] * 14 + [2] * 14)[-1]

    assert last["mean_28d_usd"] == Decimal("1.5")
    assert last["change_28d_ratio"] == 0.5
    assert last["change_7d_ratio"] == 0
    assert trend([1] * 55)[-1]["change_28d_ratio"] is None


def test_only_the_ninety_newest_days_are_shown_and_they_look_back_further():
    rows = trend([1] * 150)

    assert [row["usage_on"] for row in rows] == [LAST - timedelta(days=back) for back in range(89, -1, -1)]
    assert rows[0]["change_28d_ratio"] == 0


def test_no_change_is_measured_from_nothing():
    last = trend([1] + [0] * 13 + [5] * 7)[-1]

    assert (last["change_1d_ratio"], last["change_7d_ratio"]) == (0, None)


def test_one_unknown_day_leaves_the_sums_over_it_unknown():
    rows = trend([1] * 10 + [None] + [1] * 10)

    assert (rows[10]["cost_usd"], rows[10]["unpriced_count"]) == (None, 1)
    assert [row["mean_7d_usd"] is None for row in rows[10:]] == [True] * 7 + [False] * 4
    assert rows[-1]["direction"] == "insufficient_history"


@pytest.mark.parametrize(
    ("costs", "direction", "slope"),
    [
        ([Decimal(each) for each in range(1, 29)], "rising", 1.0),
        ([Decimal(each) for each in range(28, 0, -1)], "falling", -1.0),
        ([Decimal("0.1")] * 28, "flat", 0.0),
        ([Decimal(0)] + [Decimal(0)] * 27, "flat", 0.0),
        ([Decimal(1000) + each for each in range(28)], "flat", 1.0),  # 27 in 1013.5: less than a twentieth
        ([Decimal(each % 7) for each in range(28)], "flat", None),  # weeks that repeat
        ([Decimal(each) for each in range(1, 15)], "rising", 1.0),
        ([Decimal(each) for each in range(1, 14)], "insufficient_history", None),
    ],
)
def test_a_direction_is_a_slope_that_is_significant_and_large_enough(costs, direction, slope):
    last = trend(costs)[-1]

    assert last["direction"] == direction
    if slope is not None:
        assert last["slope_usd_per_day"] == pytest.approx(slope, abs=1e-9)


COSTS = st.lists(st.one_of(st.just(Decimal(0)), st.decimals(0, 1000, places=6)), min_size=1, max_size=70)


@settings(deadline=None, max_examples=20)
@given(COSTS)
def test_every_figure_agrees_with_exact_arithmetic_and_the_slope_with_numpy(costs):
    rows = trend(costs)

    for place, row in enumerate(rows):
        until = [Fraction(cost) for cost in costs[: place + 1]]
        for days in (7, 28):
            mean = row[f"mean_{days}d_usd"]
            assert (mean is None) == (len(until) < days)
            assert mean is None or math.isclose(mean, sum(until[-days:]) / days, rel_tol=1e-12, abs_tol=1e-12)
        for days in (1, 7, 28):
            base = sum(until[-2 * days : -days]) if len(until) >= 2 * days else 0
            expected = float((sum(until[-days:]) - base) / base) if base else None
            found = row[f"change_{days}d_ratio"]
            assert (found is None) == (expected is None)
            assert found is None or math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
        days = 28 if len(until) >= 28 else 14
        if len(until) < 14:
            assert row["direction"] == "insufficient_history"
            continue
        window = np.array([float(cost) for cost in until[-days:]])
        slope = np.polynomial.Polynomial.fit(np.arange(days), window, 1).convert().coef
        assert row["slope_usd_per_day"] == pytest.approx(slope[1] if len(slope) > 1 else 0, abs=1e-6)


def test_a_slope_is_significant_where_students_t_says_so():
    dice = np.random.default_rng(20261120)
    for _ in range(40):
        costs = dice.normal(100, 20, 28) + dice.normal(0, 2) * np.arange(28)
        exact = [Decimal(str(round(float(cost), 6))) for cost in costs]
        last = trend(exact)[-1]
        share = np.corrcoef(np.arange(28), [float(cost) for cost in exact])[0, 1] ** 2
        is_large = abs(last["slope_usd_per_day"]) * 27 >= float(sum(exact)) / 28 / 20
        is_significant = share / (1 - share) * 26 > CRITICAL[28] ** 2
        assert (last["direction"] != "flat") == (is_significant and is_large)
