"""Runaway days: single days so far above others of their weekday that they say nothing of the days after them."""

import numpy as np

from sophia_metrics.forecasting.numbers import Flags, Numbers, known_quantiles, share

__all__ = ["damped_weeks"]

LEAST_WEEKDAYS = 4
"""Of a weekday of which fewer days are known nothing is damped: nobody can tell what is usual of it."""
USUAL_DEVIATIONS = 4.0
"""A day is usual as far as so many standard deviations, were the days normal, above the median of its weekday."""
DEVIATION = 1.4826
"""The standard deviation of normal values as a multiple of their median absolute deviation."""
LEAST_RISE = 0.5
"""And as far as half of that median above it: where all days are alike, a small rise is no runaway."""


def damped_weeks(weeks: Numbers) -> Numbers:
    """Return the weeks before origins, in which a runaway day is only as large as a day may usually be.

    How much days deviate is told by all days together, each as a share of the median of its weekday. Two such days, or
    more, one after the other are no runaways but a new level, which stays. What happened to the last day before an
    origin is not known yet: it is taken for a runaway until the next one is as large.

    Args:
        weeks: by series, origin, week and day of the week, as `weeks_before` returns them.
    """
    (median,) = known_quantiles(np.swapaxes(weeks, -1, -2), (0.5,))
    is_told = (np.isfinite(weeks).sum(axis=-2) >= LEAST_WEEKDAYS) & (median > 0)
    usual = np.where(is_told, median, np.nan)[..., None, :]
    ratios = share(weeks, usual, np.nan)
    (center,) = known_quantiles(ratios.reshape(*ratios.shape[:-2], -1), (0.5,))
    center = center[..., None, None]
    distances = np.abs(ratios - center)
    (deviation,) = known_quantiles(distances.reshape(*distances.shape[:-2], -1), (0.5,))
    rise = np.maximum(USUAL_DEVIATIONS * DEVIATION * deviation, LEAST_RISE)[..., None, None]
    most = usual * (center + rise)
    return np.where(_alone(weeks > most), most, weeks)


def _alone(is_large: Flags) -> Flags:
    """Return which days are large and have no such neighbour; the days of a week follow those of the week before."""
    days = is_large.reshape(*is_large.shape[:-2], -1)
    alone = days.copy()
    alone[..., 1:] &= ~days[..., :-1]
    alone[..., :-1] &= ~days[..., 1:]
    return alone.reshape(is_large.shape)
