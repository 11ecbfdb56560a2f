"""The methods: what each expects of the seven days after an origin, from the weeks before it, without runaway days."""

from enum import StrEnum

import numpy as np

from sophia_metrics.forecasting.numbers import Flags, Numbers, known_mean, share
from sophia_metrics.forecasting.weeks import WEEK, WEEKS

__all__ = ["DEFAULT", "METHODS", "Method", "expected_weeks", "is_sparse"]

SHRINKAGE = 2.0
"""A weekday is taken to be like the others as firmly as if it had been so in two weeks."""
DISCOUNT = 0.8
"""A day counts so much less than the day after it where the level is weighted."""
FEW_WEEKS = 4
SPARSE_SHARE = 0.5
"""Where so many days are 0, single days cannot be foreseen, only how much comes together."""


class Method(StrEnum):
    """How a forecast is made."""

    SEASONAL_NAIVE = "seasonal_naive"
    """As on the same weekday a week ago."""
    WEEK_LEVEL = "week_level"
    """The level of the last seven days, by how much such a weekday differs from others."""
    WEIGHTED_LEVEL = "weighted_level"
    """The same, where newer days count more: each 0.8 of the day after it."""
    SAME_WEEKDAYS = "same_weekdays"
    """The mean of the last four days of that weekday."""
    MEDIAN = "median"
    """The middle of these four."""
    SPARSE = "sparse"
    """The mean of the last 28 days, for spend that comes on few of the days."""


METHODS = (
    Method.MEDIAN,
    Method.SEASONAL_NAIVE,
    Method.WEEK_LEVEL,
    Method.WEIGHTED_LEVEL,
    Method.SAME_WEEKDAYS,
    Method.SPARSE,
)
"""In the order in which they are tried; of equally good ones the first is taken."""
DEFAULT = Method.MEDIAN

AGES = np.arange(WEEK * WEEKS - 1, -1, -1, dtype=np.float64).reshape(WEEKS, WEEK)
WEIGHTS = DISCOUNT**AGES


def expected_weeks(weeks: Numbers) -> Numbers:
    """Return what each of METHODS expects of the seven days after each origin: by method, series, origin and day.

    NaN where nothing is known in the weeks before.
    """
    is_known = np.isfinite(weeks)
    spent = np.where(is_known, weeks, 0.0)
    factors = _weekday_factors(spent, is_known)
    level = known_mean(weeks[..., -FEW_WEEKS:, :].reshape(*weeks.shape[:-2], -1), axis=-1)
    level = np.where(np.isfinite(level), level, known_mean(weeks.reshape(*weeks.shape[:-2], -1), axis=-1))[..., None]
    week_factors = np.where(is_known[..., -1, :], factors, 0.0).sum(axis=-1, keepdims=True)
    week_level = share(spent[..., -1, :].sum(axis=-1, keepdims=True), week_factors, level)
    weighted_factors = (np.where(is_known, WEIGHTS, 0.0) * factors[..., None, :]).sum(axis=(-2, -1))
    weighted_level = share((spent * WEIGHTS).sum(axis=(-2, -1)), weighted_factors, level[..., 0])[..., None]
    same_weekdays = known_mean(weeks[..., -FEW_WEEKS:, :], axis=-2)
    single = [
        _newest(weeks, level),
        week_level * factors,
        weighted_level * factors,
        np.where(np.isfinite(same_weekdays), same_weekdays, level),
    ]
    stacked = np.sort(np.stack(single), axis=0)
    return np.stack([(stacked[1] + stacked[2]) / 2, *single, np.broadcast_to(level, single[0].shape)])


def is_sparse(weeks: Numbers) -> Flags:
    """Say of each series and origin whether half of the known days or more are 0."""
    flat = weeks.reshape(*weeks.shape[:-2], -1)
    zeros, known = (flat == 0).sum(axis=-1), np.isfinite(flat).sum(axis=-1)
    return (zeros >= SPARSE_SHARE * known) & (zeros > 0)


def _newest(weeks: Numbers, otherwise: Numbers) -> Numbers:
    """Return the newest known day of each weekday."""
    found = weeks[..., -1, :]
    for back in range(2, WEEKS + 1):
        found = np.where(np.isfinite(found), found, weeks[..., -back, :])
    return np.where(np.isfinite(found), found, otherwise)


def _weekday_factors(spent: Numbers, is_known: Numbers) -> Numbers:
    """Return by how much each weekday differs from the mean day of its weeks; their mean is 1."""
    counts = is_known.sum(axis=-1, keepdims=True).astype(np.float64)
    means = share(spent.sum(axis=-1, keepdims=True), counts, 0.0)
    usual = np.where(is_known, means, 0.0).sum(axis=-2)
    ratios = share(spent.sum(axis=-2), usual, 1.0)
    weeks = is_known.sum(axis=-2)
    shrunk = (ratios * weeks + SHRINKAGE) / (weeks + SHRINKAGE)
    return share(shrunk, shrunk.mean(axis=-1, keepdims=True), 1.0)
