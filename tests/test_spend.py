"""The spend report, on a small real warehouse.

Prices a million tokens, in and out: gpt-4o 2.50 and 10.00, gpt-4o-mini 0.15 and 0.60. A call of the lab has
1,000 input and 100 output tokens: 0.0035 dollars with the one, 0.00021 with the other.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.costs.spend import Spend
from sophia_metrics.costs.spend_report import load_spend
from sophia_metrics.sources import events
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.terms import SourceTerms
from tests.lab import NOW, Lab, event

TUESDAY, WEDNESDAY = date(2026, 11, 17), date(2026, 11, 18)


def usd(text):
    return Decimal(text)


def ingest_subscription(lab, *calls):
    path = lab.write("agent.jsonl", calls)
    source = FileSource(SourceTerms("agent", "events", billing=None), events.FORMAT, (str(path),))
    lab.collect(source)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("spend") / "home")
    calls = [
        event("late-october", "2026-10-31T23:30:00Z"),
        event("one", "2026-11-17T09:00:00Z"),
        event("two", "2026-11-18T09:00:00Z"),
        event("three", "2026-11-18T10:00:00Z"),
        event("four", "2026-11-18T11:00:00Z", model="gpt-4o-mini"),
        event("five", "2026-11-18T12:00:00Z", provider="self-hosted", model="house-model"),
        event("six", "2026-11-18T12:00:00Z", provider="self-hosted", model="house-model", output_tokens=200),
        event("seven", "2026-11-18T13:00:00Z", input_tokens=None, output_tokens=None),
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    ingest_subscription(lab, event("agent-one", "2026-11-18T14:00:00Z"), event("agent-two", "2026-11-02T14:00:00Z"))
    lab.publish()
    return lab


@pytest.fixture(scope="module")
def report(lab):
    return load_spend(lab.serving, NOW)


def test_a_model_is_summed_by_day_and_over_the_week(report):
    (gpt_4o,) = [line for line in report.table.models if line.model == "gpt-4o"]

    assert gpt_4o.days == {
        TUESDAY: Spend(1, 0, usd("0.0035")),
        WEDNESDAY: Spend(4, 1, usd("0.0070")),
    }
    assert gpt_4o.total == Spend(5, 1, usd("0.0105"))


def test_the_total_is_every_known_cost_and_counts_the_unknown_ones(report):
    assert report.table.total.total.cost_usd == usd("0.01071")  # 3 x 0.0035 + 0.00021
    assert report.table.total.total.unpriced_count == 3


@pytest.mark.parametrize("model_count", [1, 2, None])
def test_days_and_models_add_up_to_the_total_exactly(lab, model_count):
    table = load_spend(lab.serving, NOW, model_count=model_count).table
    lines = [*table.models, *([table.other] if table.other else [])]
    known = [line.total.cost_usd for line in lines if line.total.cost_usd is not None]

    assert sum(known) == sum(each.cost_usd for each in table.total.days.values()) == table.total.total.cost_usd
    for line in [*lines, table.total]:
        assert line.total.request_count == sum(each.request_count for each in line.days.values())


def test_models_beyond_the_count_are_one_line(lab):
    table = load_spend(lab.serving, NOW, model_count=1).table

    assert [line.model for line in table.models] == ["gpt-4o"]
    assert table.other.total == Spend(3, 2, usd("0.00021"))
    assert table.other.model is None


def test_a_model_whose_cost_nobody_knows_has_no_cost_and_comes_last(report):
    assert report.table.models[-1].model == "house-model"
    assert report.table.models[-1].total == Spend(2, 2, None)


def test_the_week_ends_with_the_newest_day_that_has_data(report):
    assert report.table.last_on == WEDNESDAY
    assert report.table.days == tuple(WEDNESDAY - timedelta(days=back) for back in range(6, -1, -1))


def test_a_day_without_calls_is_in_the_chart_and_has_no_spend(report):
    chart = dict(report.chart)

    assert len(chart) == 14
    assert chart[date(2026, 11, 16)] is None
    assert chart[TUESDAY] == Spend(1, 0, usd("0.0035"))


@pytest.mark.parametrize(
    ("time_zone", "expected"),
    [("UTC", "0.01071"), ("Europe/Berlin", "0.01421"), ("America/New_York", "0.01071")],
)
def test_the_month_begins_where_the_time_zone_has_midnight(lab, time_zone, expected):
    # 23:30 UTC on 31 October is 00:30 on 1 November in Berlin
    assert load_spend(lab.serving, NOW, time_zone).month.spend.cost_usd == usd(expected)


def test_a_month_without_calls_has_no_spend_rather_than_none(lab):
    month = load_spend(lab.serving, NOW + timedelta(days=40)).month

    assert (month.first_on, month.spend) == (date(2026, 12, 1), None)


def test_what_a_subscription_pays_stands_apart_from_spend(report):
    assert report.api_equivalent.list_cost_usd == usd("0.0035")
    assert report.month.api_equivalent.list_cost_usd == usd("0.0070")
    assert report.month.api_equivalent.request_count == 2


def test_models_without_a_known_cost_are_listed_with_calls_and_tokens(report):
    first, second = report.unpriced

    assert (first.model, first.reason, first.request_count) == ("house-model", "no price is known", 2)
    assert (first.input_tokens, first.output_tokens) == (2000, 300)
    assert (second.model, second.reason, second.input_tokens) == ("gpt-4o", "usage is unknown", None)


def test_all_data_reach_from_the_first_day_to_the_last(report):
    assert (report.data_from_on, report.data_through_on) == (date(2026, 10, 31), WEDNESDAY)
    assert report.all_time.cost_usd == usd("0.01421")


def test_without_any_data_nothing_is_known_and_nothing_is_zero(tmp_path):
    empty = Lab(tmp_path / "home")
    empty.publish()

    report = load_spend(empty.serving, NOW)

    assert report.table is None
    assert report.all_time == Spend(0, 0, None)
    assert report.month.spend is None
    assert report.unpriced == ()
