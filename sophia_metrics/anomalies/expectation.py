"""What days let expect of the next one, and how far from that it is; every day is judged by the days before it only.

Expected is the median of the last four days of the same weekday, times the median by which the last seven days were
away from that. The score is the logarithm of the ratio to it, in robust standard deviations (the median of the
deviations) of the eight weeks before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sophia_metrics.forecasting.numbers import Numbers, known_mean, known_quantiles, share

__all__ = ["Expectation", "Usual", "expect_days", "usual_before"]

WEEK = 7
SAME_WEEKDAYS = 4
SCALE_DAYS = 56
LEAST_DAYS = 14
"""Of a day with fewer known days before it nothing is expected."""
LEAST_DEVIATIONS = 7
OFFSET = 0.02
"""Added to both sides of a ratio, as a share of a mean day, so that a day without spend has one."""
MOST_DRIFT = 1.0
"""So much, as a logarithm, the level may have moved within a week."""
DEVIATION = 1.4826
"""A standard deviation of a normal distribution, in medians of absolute deviations."""
LEAST_SCALE = 0.1
"""Days of a quiet scope vary by a tenth, however alike the last ones were."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """By series and tested day. NaN: nothing is expected, for want of days or because the day is unknown."""

    expected: Numbers
    score: Numbers


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual on the days before, by series and tested day: a median, and a robust standard deviation."""

    middle: Numbers
    scale: Numbers


def expect_days(values: Numbers, tested: int) -> Expectation:
    """Say of the last days of each series what was expected, and how far from it they are.

    Args:
        values: a row for each series, a column for each day; NaN: unknown, or before the first day.
        tested: so many days, the last columns.
    """
    looked_at = tested + SCALE_DAYS + WEEK
    days = _last(values, looked_at)
    weekday = _median(_before(values, looked_at, WEEK * SAME_WEEKDAYS)[..., ::WEEK])
    offset = OFFSET * known_mean(_before(values, looked_at, WEEK * SAME_WEEKDAYS), axis=-1)
    away = _logarithm(share(days + offset, weekday + offset, np.nan))
    drift = np.clip(np.nan_to_num(_median(_before(away, looked_at - WEEK, WEEK))), -MOST_DRIFT, MOST_DRIFT)
    beside = _last(away, looked_at - WEEK) - drift
    usual = usual_before(beside, tested, SCALE_DAYS, LEAST_SCALE)
    enough = np.isfinite(_before(values, tested, WEEK * SAME_WEEKDAYS)).sum(axis=-1) >= LEAST_DAYS
    expected = (_last(weekday, tested) + _last(offset, tested)) * np.exp(_last(drift, tested)) - _last(offset, tested)
    is_judged = enough & np.isfinite(_last(days, tested))
    return Expectation(
        np.where(is_judged, np.maximum(expected, 0.0), np.nan),
        np.where(is_judged, share(_last(beside, tested), usual.scale, np.nan), np.nan),
    )


def usual_before(values: Numbers, tested: int, look_back: int, least_scale: float) -> Usual:
    """Return what is usual on the days before each of the last ones; NaN with fewer than seven known days.

    Args:
        values: a row for each series.
        tested: so many days, the last columns.
        look_back: so many days before each are looked at.
        least_scale: the standard deviation is taken to be so much at least.
    """
    before = _before(values, tested, look_back)
    middle = _median(before)
    scale = np.maximum(DEVIATION * _median(np.abs(before - middle[..., None])), least_scale)
    enough = np.isfinite(before).sum(axis=-1) >= LEAST_DEVIATIONS
    return Usual(np.where(enough, middle, np.nan), np.where(enough, scale, np.nan))


def _last(values: Numbers, count: int) -> Numbers:
    """Return the last columns; NaN where there are not so many."""
    lead = np.full((values.shape[0], max(count - values.shape[1], 0)), np.nan)
    return np.concatenate([lead, values[:, -count:]], axis=1)


def _before(values: Numbers, tested: int, look_back: int) -> Numbers:
    """Return the days before each of the last ones, by series and tested day, the oldest first."""
    padded = _last(values, tested + look_back)
    return sliding_window_view(padded[:, :-1], look_back, axis=1)


def _median(values: Numbers) -> Numbers:
    (found,) = known_quantiles(values, (0.5,))
    return found


def _logarithm(values: Numbers) -> Numbers:
    return np.log(values, where=np.isfinite(values) & (values > 0), out=np.full(values.shape, np.nan))
