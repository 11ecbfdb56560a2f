"""Forecasts as numbers: what holds of any series, and worked examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sophia_metrics.forecasting.backtest import run_backtest
from sophia_metrics.forecasting.forecast import HORIZON, forecast
from sophia_metrics.forecasting.inflation import next_inflation, of_days_ahead
from sophia_metrics.forecasting.methods import METHODS, Method, expected_weeks
from sophia_metrics.forecasting.runaways import damped_weeks
from sophia_metrics.forecasting.weeks import weeks_before
from tests.effort import examples

amounts = st.one_of(st.just(0.0), st.just(float("nan")), st.floats(0.01, 1e6))
"""Spend of a day: nothing, unknown, or some."""


@st.composite
def histories(draw):
    """Up to four series of up to 160 days: some begin late, some days are unknown, some have no spend."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 160)))
    values = draw(arrays.arrays(np.float64, shape, elements=amounts, fill=st.floats(1, 100)))
    late = draw(st.integers(0, shape[1] - 1))
    values[0, :late] = np.nan
    return values


def bands(said):
    return (said.days, said.through)


def said_of(*values):
    return forecast(np.array([values], dtype=float))


# --- what holds of any series ------------------------------------------------------------------------------


@settings(max_examples=examples(20), deadline=None)
@given(histories())
def test_the_parts_of_a_range_are_in_order_and_never_below_nothing(values):
    for band in bands(forecast(values)):
        is_said = np.isfinite(band.p50)
        assert (band.p10[is_said] >= 0).all()
        assert (band.p10[is_said] <= band.p50[is_said]).all()
        assert (band.p50[is_said] <= band.p90[is_said]).all()
        assert np.isfinite(band.p90[is_said]).all()


@settings(max_examples=examples(20), deadline=None)
@given(histories())
def test_a_sum_through_a_day_is_never_less_than_through_the_day_before(values):
    through = forecast(values).through
    for part in (through.p10, through.p50, through.p90):
        assert not (np.diff(part, axis=1) < 0).any()


@settings(max_examples=examples(15), deadline=None)
@given(histories(), st.sampled_from([0.125, 0.5, 4.0, 1024.0]))
def test_in_another_unit_the_forecast_is_the_same(values, factor):
    before, after = forecast(values), forecast(values * factor)

    assert before.methods == after.methods
    for one, other in zip(bands(before), bands(after), strict=True):
        for name in ("p10", "p50", "p90"):
            np.testing.assert_allclose(getattr(one, name) * factor, getattr(other, name), rtol=1e-9, atol=1e-12)


@settings(max_examples=examples(15), deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_series_changes_nothing(values, random):
    order = random.sample(range(len(values)), len(values))
    straight, shuffled = forecast(values), forecast(values[order])

    assert [straight.methods[place] for place in order] == list(shuffled.methods)
    for one, other in zip(bands(straight), bands(shuffled), strict=True):
        np.testing.assert_array_equal(one.p90[order], other.p90)


@settings(max_examples=examples(15), deadline=None)
@given(histories())
def test_the_same_days_make_the_same_forecast_alone_or_beside_many(values):
    again, many = forecast(values.copy()), forecast(np.concatenate([values] * 40))
    for one, other, of_many in zip(bands(forecast(values)), bands(again), bands(many), strict=True):
        np.testing.assert_array_equal(one.p50, other.p50)
        np.testing.assert_array_equal(one.p90, of_many.p90[: len(values)])


@settings(max_examples=examples(15), deadline=None)
@given(histories(), st.floats(0, 1e6))
def test_a_backtest_says_of_a_day_what_it_would_have_said_without_it(values, other):
    changed = values.copy()
    changed[:, -1] = other
    before, after = run_backtest(values, HORIZON), run_backtest(changed, HORIZON)
    same = before.chosen == after.chosen

    np.testing.assert_array_equal(before.forecasts[same], after.forecasts[same])


@settings(max_examples=examples(15), deadline=None)
@given(histories(), st.floats(1.0, 4.0))
def test_a_wider_range_holds_the_narrower_one(values, inflation):
    narrow, wide = forecast(values), forecast(values, np.full(len(values), inflation))
    for one, other in zip(bands(narrow), bands(wide), strict=True):
        assert not (other.p10 > one.p10 + 1e-9).any()
        assert not (other.p90 < one.p90 - 1e-9 * np.abs(one.p90)).any()


# --- worked examples ---------------------------------------------------------------------------------------


def test_a_week_that_repeats_itself_goes_on():
    said = said_of(*[10, 10, 10, 10, 10, 2, 2] * 8)

    np.testing.assert_allclose(said.days.p50[0, :7], [10, 10, 10, 10, 10, 2, 2], rtol=0.25)
    assert said.methods[0] in set(Method)
    assert said.day_count[0] == 56


@pytest.mark.parametrize("days", [[], [5.0], [5.0, 6.0], [float("nan")] * 30 + [4.0, 4.0]])
def test_of_fewer_than_three_known_days_nothing_is_said(days):
    said = forecast(np.array([days], dtype=float).reshape(1, len(days)))

    assert said.methods == (None,)
    assert np.isnan(said.days.p50).all()
    assert np.isnan(said.through.p90).all()


def test_of_nothing_but_zeros_nothing_is_said_for_zero_would_look_like_a_measurement():
    assert said_of(*[0.0] * 100).methods == (None,)
    assert said_of(*[3.0] * 10, *[0.0] * 56).methods == (None,)


def test_three_days_have_a_forecast_with_a_usual_range_and_no_backtest():
    said = said_of(4, 5, 6)

    assert said.methods == (Method.MEDIAN,)
    assert said.days.p50[0, 0] == pytest.approx(5, rel=0.3)
    assert said.days.p10[0, 0] < said.days.p50[0, 0] < said.days.p90[0, 0]
    assert np.isnan(said.mase[0])


def test_an_unknown_day_is_left_out_and_is_no_zero():
    values = np.full((1, 60), 10.0)
    values[0, [30, 45, 58]] = np.nan

    np.testing.assert_allclose(forecast(values).days.p50, 10.0)


def test_spend_on_few_days_is_foreseen_as_a_sum():
    days = [0.0] * 6 + [70.0]
    said = said_of(*days * 3, *[0, 0, 70, 0, 0, 0, 0], *days * 4)

    assert said.methods == (Method.SPARSE,)
    assert said.days.p50[0, 0] < 10
    assert said.through.p50[0, 27] == pytest.approx(280, rel=0.3)


def test_each_method_says_what_it_is_named_for():
    weeks = weeks_before(np.array([[2.0] * 7 + [4.0] * 7]), np.array([13]))
    found = dict(zip(METHODS, expected_weeks(weeks)[:, 0, 0, 0], strict=True))

    assert found[Method.SEASONAL_NAIVE] == 4
    assert found[Method.WEEK_LEVEL] == pytest.approx(4)
    assert 3 < found[Method.WEIGHTED_LEVEL] < 4
    assert found[Method.SAME_WEEKDAYS] == 3
    assert found[Method.SPARSE] == 3


def test_another_method_than_the_default_is_taken_where_it_is_much_better():
    random = np.random.default_rng(1)
    office = np.resize([10.0, 10, 10, 10, 10, 1, 1], 120) * np.exp(random.normal(0, 0.3, 120))
    walk = np.exp(np.cumsum(random.normal(0, 0.2, 120)))
    backtest = run_backtest(np.stack([office, walk]), HORIZON)

    assert (backtest.mase <= 1.0).all()
    assert backtest.expected.shape == (2, 7)


# --- what earlier forecasts teach --------------------------------------------------------------------------


WORKDAYS = (10.0, 11.0, 9.0, 12.0, 10.0, 4.0, 3.0)


def middle_of(*values):
    """Return what is said of the seven days after."""
    return forecast(np.array([values])).days.p50[0, :7]


@pytest.mark.parametrize("days_ago", [1, 2, 5, 20])
def test_one_runaway_day_lifts_the_days_after_it_by_half_at_most(days_ago):
    days = np.tile(WORKDAYS, 8)
    calm = middle_of(*days)
    days[-days_ago] *= 10

    # It counts as half as much again as usual, and so does its weekday where a week repeats the one before.
    assert (middle_of(*days) <= calm * 1.5 + 1e-9).all()
    assert middle_of(*days).sum() < calm.sum() * 1.11


def test_two_large_days_in_a_row_are_a_new_level():
    days = np.tile(WORKDAYS, 8)
    once, twice = days.copy(), days.copy()
    once[-1:] *= 3
    twice[-2:] *= 3

    assert middle_of(*twice).sum() > 1.2 * middle_of(*once).sum()
    damped = damped_weeks(weeks_before(twice[None], np.array([twice.size - 1])))
    assert damped[0, 0, -1].tolist() == [10, 11, 9, 12, 10, 12, 9]


def test_a_runaway_counts_as_much_as_a_day_may_usually_be():
    days = np.tile(WORKDAYS, 8)
    days[-3] = 1000
    damped = damped_weeks(weeks_before(days[None], np.array([days.size - 1])))

    assert damped[0, 0, -1].tolist() == [10, 11, 9, 12, 15, 4, 3]  # all days were alike: half as much again


def test_a_peak_of_every_week_and_spend_on_few_days_are_no_runaways():
    weekly = np.tile([1.0, 1, 1, 1, 1, 1, 50], 8)
    rare = np.where(np.arange(56) % 10 == 0, 5.0, 0.0)
    for days in (weekly, rare):
        weeks = weeks_before(days[None], np.array([55]))
        np.testing.assert_array_equal(damped_weeks(weeks), weeks)


def test_ranges_that_held_too_little_get_wider_and_those_that_held_everything_narrower():
    missed, held, as_meant = next_inflation(np.array([1.0, 1.0, 1.3]), np.array([[0.0] * 10, [1.0] * 10, [0.8] * 10]))

    # Ten days: each moves the logarithm of the width by 0.02 x (0.8 - the share that was held).
    assert missed == pytest.approx(np.exp(10 * 0.02 * 0.8))
    assert held == pytest.approx(np.exp(-10 * 0.02 * 0.2))
    assert as_meant == pytest.approx(1.3)


def test_where_nothing_is_scored_what_was_learnt_stays():
    assert next_inflation(np.array([1.5]), np.array([[np.nan, np.nan]]))[0] == 1.5
    assert next_inflation(np.array([1.5]), np.empty((1, 0)))[0] == 1.5


def test_a_range_is_widened_four_times_at_most_and_halved_at_most():
    found = next_inflation(np.array([3.9, 0.51]), np.array([[0.0] * 28, [1.0] * 28]))

    np.testing.assert_array_equal(found, [4.0, 0.5])


def test_weeks_ahead_learn_apart_and_all_after_the_second_together():
    found = of_days_ahead(np.array([[1.0, 2.0, 3.0]]), 35)

    np.testing.assert_array_equal(found[0], [1.0] * 7 + [2.0] * 7 + [3.0] * 21)


def test_days_that_are_held_too_seldom_come_to_be_held_as_often_as_is_meant():
    random = np.random.default_rng(3)
    away, width = np.abs(random.normal(size=2000)), np.ones(1)
    held = np.zeros(2000)
    for day, each in enumerate(away):
        held[day] = each <= 0.5 * width[0]
        width = next_inflation(width, held[day : day + 1, None])

    assert np.mean(away <= 0.5) < 0.4
    assert held.mean() == pytest.approx(0.8, abs=0.03)


def test_a_day_has_no_narrower_range_than_the_day_before_whatever_was_learnt():
    values = np.exp(np.random.default_rng(2).normal(0, 0.3, (1, 120)))
    learnt = of_days_ahead(np.array([[2.0, 1.0, 0.5]]), HORIZON)
    said = forecast(values, learnt)
    width = np.log(said.days.p90 / said.days.p10)[0].reshape(-1, 7)

    assert (np.diff(width[:, 0]) >= -0.02).all()


def test_ranges_of_sums_are_widened_apart_from_those_of_days():
    values = np.exp(np.random.default_rng(2).normal(0, 0.3, (1, 120)))
    plain, wider = forecast(values), forecast(values, np.ones(1), np.array([2.0]))

    np.testing.assert_array_equal(plain.days.p90, wider.days.p90)
    assert (wider.through.p90 > plain.through.p90).all()
