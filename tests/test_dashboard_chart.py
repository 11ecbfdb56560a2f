"""The chart adds up, its axis is round, and figures are shown as people read them."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.costs.spend import Spend, SpendLine, SpendTable
from sophia_metrics.dashboard import formats
from sophia_metrics.dashboard.chart import spend_chart
from sophia_metrics.dashboard.meter import budget_meter
from sophia_metrics.dashboard.overview import Budget

FIRST = date(2026, 11, 1)


def spend(cost, calls=1, unpriced=0):
    return Spend(calls, unpriced, None if cost is None else Decimal(cost))


def table(**costs_by_model):
    """Spend of models over days from 1 November: a="1 2" is 1 USD on the first day and 2 on the second."""
    lines = []
    for model, costs in costs_by_model.items():
        days = {FIRST + timedelta(days=place): spend(cost) for place, cost in enumerate(costs.split()) if cost != "-"}
        lines.append(SpendLine("openai", model, days, spend(sum(each.cost_usd for each in days.values()))))
    days = sorted({day for line in lines for day in line.days})
    totals = {day: spend(sum(line.days[day].cost_usd for line in lines if day in line.days)) for day in days}
    total = SpendLine(None, None, totals, spend(sum(each.cost_usd for each in totals.values())))
    return SpendTable(FIRST, days[-1], tuple(lines), None, total)


def test_the_parts_of_a_bar_stand_on_each_other_and_reach_its_total():
    chart = spend_chart(table(a="3 1", b="1 -"))

    assert chart.ticks == (4, 3, 2, 1, 0)
    first, second = chart.bars
    assert [(each.slot, each.y, each.height) for each in first.segments] == [("1", 25, 75), ("2", 0, 25)]
    assert [(each.slot, each.y, each.height) for each in second.segments] == [("1", 75, 25)]
    assert second.cells[1] is None


@pytest.mark.parametrize(
    ("most", "top", "step"),
    [
        ("113", "150", "50"),
        ("100", "100", "25"),
        ("0.0105", "0.015", "0.005"),
        ("0.02", "0.02", "0.005"),
        ("1234567", "1500000", "500000"),
    ],
)
def test_the_axis_goes_in_round_steps_just_above_the_highest_bar(most, top, step):
    chart = spend_chart(table(a=most))

    assert (chart.ticks[0], chart.step) == (Decimal(top), Decimal(step))
    assert len(chart.ticks) <= 6


def test_days_without_known_cost_have_an_axis_and_no_bar():
    nothing = SpendLine("openai", "a", {FIRST: spend(None, unpriced=1)}, spend(None, unpriced=1))
    chart = spend_chart(SpendTable(FIRST, FIRST, (nothing,), None, nothing))

    assert chart.bars[0].segments == ()
    assert chart.ticks == (1, 0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "unknown"),
        ("0", "$0.00"),
        ("0.005", "$0.0050"),
        ("0.000123456", "$0.00012"),
        ("1234.565", "$1,234.57"),
        ("-1.5", "−$1.50"),
    ],
)
def test_money_is_shown_to_the_cent_or_to_two_digits(value, shown):
    assert formats.dollars(None if value is None else Decimal(value)) == shown


def test_axis_labels_have_as_many_decimals_as_the_step_needs():
    half, whole = Decimal("0.5"), Decimal("2E+1")

    assert [formats.axis_dollars(half * each, half) for each in (0, 1, 2)] == ["$0.00", "$0.50", "$1.00"]
    assert formats.axis_dollars(Decimal(1200), whole) == "$1,200"
    assert formats.axis_dollars(Decimal("0.005"), Decimal("0.005")) == "$0.005"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "unknown"), (0.4, "0 ms"), (999, "999 ms"), (1534.2, "1.5 s"), (90_000, "1.5 min")]
)
def test_durations_are_in_the_unit_in_which_people_read_them(value, shown):
    assert formats.milliseconds(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "unknown"), (0.0, "0 %"), (0.0123, "1.2 %"), (12.5, "1,250 %")])
def test_ratios_are_percentages(value, shown):
    assert formats.percent(value) == shown


def test_instants_are_on_the_clocks_of_the_zone():
    at = datetime(2026, 7, 1, 22, 30)

    assert formats.zoned_instant(at, "Europe/Berlin") == "2 Jul 2026, 00:30 CEST"
    assert formats.machine_instant(at) == "2026-07-01T22:30:00Z"


def budget(**values):
    known = {
        "budget": "b",
        "scope": "all",
        "period": "month",
        "period_start_on": FIRST,
        "limit_usd": Decimal(100),
        "spent_usd": Decimal(23),
        "spent_ratio": 0.23,
        "projected_p10_usd": None,
        "projected_p50_usd": None,
        "projected_p90_usd": None,
        "breach_probability": None,
        "projection_state": "projected",
        "budget_state": "ok",
        "data_through_at": None,
    }
    return Budget(**{**known, **values})


def test_a_meter_has_room_beyond_the_limit_and_leaves_out_what_is_unknown():
    place = budget_meter(budget())

    assert (place.spent, place.middle) == (20, None)  # 23 of 115
    assert place.limit == pytest.approx(86.957, abs=1e-3)


def test_a_meter_grows_with_what_is_far_over_the_limit():
    place = budget_meter(budget(spent_usd=Decimal(400), projected_p90_usd=Decimal(500)))

    assert (place.spent, place.high, place.limit) == (80, 100, 20)


def test_a_limit_of_zero_has_no_meter():
    assert budget_meter(budget(limit_usd=Decimal(0))) is None
