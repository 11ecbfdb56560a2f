"""Anomalies as numbers: what is found, what is not, and that a day never speaks for itself."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sophia_metrics.anomalies.anomaly import AnomalyKind
from sophia_metrics.anomalies.days import ScopeDays
from sophia_metrics.anomalies.expectation import expect_days
from sophia_metrics.anomalies.limits import Limits
from sophia_metrics.anomalies.newcomers import Newcomer, find_newcomers, find_unpriced
from sophia_metrics.anomalies.ratios import find_cache_collapses, find_call_jumps, find_storms
from sophia_metrics.anomalies.spend import find_constant_values, find_spend
from tests.effort import examples

LAST = date(2026, 11, 19)
LENGTH = 120
TESTED = 35
LIMITS = Limits()
NOISE = np.exp(np.random.default_rng(7).normal(0, 0.1, LENGTH))
OFFICE = np.resize([100.0, 100, 100, 100, 100, 20, 20], LENGTH) * NOISE


def days_of(scope=("model", "gpt-5"), **measures):
    """Return the days of one scope; what is not given is as usual."""
    usual = {
        "cost_usd": OFFICE,
        "request_count": np.full(LENGTH, 1000.0),
        "unpriced_count": np.zeros(LENGTH),
        "error_count": np.full(LENGTH, 10.0),
        "retry_count": np.full(LENGTH, 5.0),
        "input_tokens": np.full(LENGTH, 600_000.0),
        "cache_read_tokens": 400_000.0 * NOISE,
        "cache_write_tokens": np.zeros(LENGTH),
    }
    return ScopeDays(
        (scope,), (LAST,), {name: np.asarray(days, float)[None] for name, days in (usual | measures).items()}, TESTED
    )


def changed(values, back, value):
    """Return the values with another one so many days before the last."""
    other = np.array(values, float)
    other[-1 - back] = value
    return other


def found(anomalies):
    return [(each.kind, each.usage_on) for each in anomalies]


# --- spend -------------------------------------------------------------------------------------------------


def test_days_that_vary_as_they_always_did_are_none():
    days = days_of()
    everything = [
        *find_spend(days, LIMITS),
        *find_constant_values(days),
        *find_call_jumps(days, LIMITS),
        *find_cache_collapses(days, LIMITS),
        *find_storms(days, LIMITS),
        *find_unpriced(days),
    ]

    assert everything == []


def test_a_spike_is_found_with_what_was_expected_of_such_a_weekday():
    (spike,) = find_spend(days_of(cost_usd=changed(OFFICE, 3, 400.0)), LIMITS)

    assert (spike.kind, spike.usage_on) == (AnomalyKind.SPEND_SPIKE, LAST - timedelta(days=3))
    assert spike.observed_usd == 400
    assert spike.expected_usd == pytest.approx(OFFICE[-4], rel=0.5)
    assert spike.impact_usd == pytest.approx(400 - spike.expected_usd)
    assert spike.score > LIMITS.score


def test_a_weekday_is_no_spike_beside_a_weekend():
    weekend = next(back for back in range(7) if OFFICE[-1 - back] < 50)
    (spike,) = find_spend(days_of(cost_usd=changed(OFFICE, weekend, 100.0)), LIMITS)

    assert spike.usage_on == LAST - timedelta(days=weekend)


@pytest.mark.parametrize(
    "limits", [Limits(impact_usd=500), Limits(change_ratio=9), Limits(score=60)], ids=["impact", "change", "score"]
)
def test_a_spike_must_reach_every_limit(limits):
    assert found(find_spend(days_of(cost_usd=changed(OFFICE, 3, 400.0)), limits)) == []


def test_a_drop_is_found_only_where_it_is_wanted():
    days = days_of(cost_usd=changed(OFFICE, 10, 1.0))

    assert found(find_spend(days, LIMITS)) == []
    assert found(find_spend(days, Limits(direction="both"))) == [(AnomalyKind.SPEND_DROP, LAST - timedelta(days=10))]


def test_an_unknown_day_is_no_anomaly_and_no_zero():
    days = days_of(cost_usd=changed(OFFICE, 0, np.nan))

    assert found(find_spend(days, Limits(direction="both"))) == []


def test_growth_that_goes_on_is_none():
    growing = OFFICE * 1.02 ** np.arange(LENGTH)

    assert found(find_spend(days_of(cost_usd=growing), LIMITS)) == []


def test_a_new_level_is_found_for_some_days_and_then_usual():
    spikes = [
        each.usage_on for each in find_spend(days_of(cost_usd=OFFICE * np.where(np.arange(LENGTH) < 100, 1, 4)), LIMITS)
    ]
    first = LAST - timedelta(days=LENGTH - 101)

    assert spikes[0] == first
    assert max(spikes) <= first + timedelta(days=7)


def test_seven_days_equal_to_the_last_digit_are_found_once():
    costs = OFFICE.copy()
    costs[-15:-3] = 42.5
    (constant,) = find_constant_values(days_of(cost_usd=costs))

    assert (constant.usage_on, constant.observed_usd) == (LAST - timedelta(days=8), 42.5)


@settings(max_examples=examples(20), deadline=None)
@given(
    arrays.arrays(np.float64, (3, 90), elements=st.one_of(st.just(0.0), st.just(np.nan), st.floats(0.01, 1e5))),
    st.floats(0, 1e6),
    st.integers(0, TESTED - 1),
)
def test_a_tested_day_never_influences_what_was_expected_of_it_or_of_days_before(values, other, back):
    before = expect_days(values, TESTED)
    changed_values = values.copy()
    changed_values[:, -1 - back] = other
    after = expect_days(changed_values, TESTED)
    column = TESTED - 1 - back
    both = np.isfinite(before.expected[:, column]) & np.isfinite(after.expected[:, column])

    np.testing.assert_array_equal(before.expected[both, column], after.expected[both, column])
    np.testing.assert_array_equal(before.expected[:, :column], after.expected[:, :column])
    np.testing.assert_array_equal(before.score[:, :column], after.score[:, :column])


@settings(max_examples=examples(15), deadline=None)
@given(
    arrays.arrays(np.float64, (2, 90), elements=st.one_of(st.just(0.0), st.floats(0.01, 1e5))),
    st.sampled_from([0.25, 8.0, 1024.0]),
)
def test_in_another_unit_scores_are_the_same(values, factor):
    before, after = expect_days(values, TESTED), expect_days(values * factor, TESTED)

    np.testing.assert_allclose(before.score, after.score, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(before.expected * factor, after.expected, rtol=1e-9, atol=1e-9 * factor)


# --- ratios ------------------------------------------------------------------------------------------------


def test_calls_that_cost_more_each_are_found_and_more_calls_are_not():
    flat = 100 * NOISE
    dear = days_of(cost_usd=changed(flat, 2, 300.0))
    many = days_of(cost_usd=changed(flat, 2, 300.0), request_count=changed(np.full(LENGTH, 1000), 2, 3000))
    (jump,) = find_call_jumps(dear, LIMITS)

    assert jump.usage_on == LAST - timedelta(days=2)
    assert jump.impact_usd == pytest.approx(200, abs=15)
    assert jump.evidence["cost_per_call_usd"] == 0.3
    assert found(find_call_jumps(many, LIMITS)) == []


def test_a_prompt_cache_that_answers_nothing_any_more_is_found():
    days = days_of(cache_read_tokens=changed(400_000 * NOISE, 1, 0.0))
    (collapse,) = find_cache_collapses(days, LIMITS)

    assert (collapse.kind, collapse.usage_on) == (AnomalyKind.CACHE_READ_COLLAPSE, LAST - timedelta(days=1))
    assert collapse.explanation == "0% of the input of gpt-5 was read from the prompt cache, usual is 40%"


@pytest.mark.parametrize(
    ("measure", "kind"), [("error_count", AnomalyKind.ERROR_STORM), ("retry_count", AnomalyKind.RETRY_STORM)]
)
def test_a_storm_is_found(measure, kind):
    days = days_of(scope=("all", "all"), **{measure: changed(np.full(LENGTH, 10.0), 4, 300.0)})

    assert found(find_storms(days, LIMITS)) == [(kind, LAST - timedelta(days=4))]


def test_of_few_calls_no_ratio_is_taken():
    calls = np.full(LENGTH, 40.0)
    days = days_of(request_count=calls, error_count=changed(np.zeros(LENGTH), 4, 30.0))

    assert found(find_storms(days, LIMITS)) == []


# --- what is new -------------------------------------------------------------------------------------------

FIRST = date(2026, 11, 10)
LONG_AGO = date(2026, 8, 1)


def test_a_new_model_that_costs_enough_is_found():
    new = Newcomer("model", "gpt-6", FIRST, 12.0, 10_000.0)

    assert found(find_newcomers([new], LONG_AGO, LIMITS)) == [(AnomalyKind.NEW_MODEL, FIRST)]
    assert found(find_newcomers([new], LONG_AGO, Limits(impact_usd=13))) == []


def test_a_new_spender_spends_a_share_of_everything():
    big, small = Newcomer("user", "a1", FIRST, 50.0, 1000.0), Newcomer("key", "b2", FIRST, 49.0, 1000.0)

    assert found(find_newcomers([big, small], LONG_AGO, LIMITS)) == [(AnomalyKind.NEW_SPENDER, FIRST)]


def test_where_the_data_are_young_everybody_is_new_and_nobody_is_told():
    new = Newcomer("team", "search", FIRST, 500.0, 1000.0)

    assert found(find_newcomers([new], FIRST - timedelta(days=27), LIMITS)) == []
    assert len(found(find_newcomers([new], FIRST - timedelta(days=28), LIMITS))) == 1


def test_a_model_without_a_price_is_found_on_the_first_day_only():
    unpriced = np.zeros(LENGTH)
    unpriced[-5:] = 900
    (anomaly,) = find_unpriced(days_of(unpriced_count=unpriced))

    assert (anomaly.kind, anomaly.usage_on) == (AnomalyKind.UNPRICED_SPEND, LAST - timedelta(days=4))
    assert anomaly.explanation == "900 of 1,000 calls of gpt-5 have no price: what they cost is in no total"
    assert anomaly.impact_usd is None
