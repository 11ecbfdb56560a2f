"""Ranges: how far days, and sums of days, came to be from what was said, as a share of it.

Errors are logarithms of ratios, to which a little is added above and below so that a day without spend has one. The
quantiles of the errors of the backtest are those of the next one, if days go on as they went. Where few errors are
known they are drawn towards what else tells of them: weeks further ahead towards the week before, a little wider; the
first week towards how much days differ from those a week earlier; and that towards a usual range. The
range of a day is never narrower than that of a day before it.
"""

from dataclasses import dataclass

import numpy as np

from sophia_metrics.forecasting.backtest import Backtest
from sophia_metrics.forecasting.numbers import Columns, Numbers, counted, known_quantiles, share
from sophia_metrics.forecasting.weeks import WEEK

__all__ = [
    "LOW",
    "OFFSET",
    "Ranges",
    "day_ranges",
    "never_narrower",
    "spread_out",
    "through_ranges",
    "usual_width",
    "widened",
]

LOW = 0.1
"""One of ten is below the range, one of ten above it."""
OFFSET = 0.02
"""What is added to both sides of a ratio, as a share of a mean day."""
USUAL = 0.35
"""Where nothing is known of errors a day lies within a factor of e to this, in eight of ten cases."""
USUAL_WEIGHT = 6.0
"""The usual range counts as much as so many days of a series."""
OWN_WEIGHT = 40.0
"""What a range is drawn towards counts as much as so many origins, of which neighbours err alike;
and as much again in each week further ahead."""
SUM_WEIGHT = 20.0
"""The same for sums."""
WIDENING = 1.3
"""By how much ranges grow from week to week, where nothing else is known."""
COMMON = 0.7
"""Which share of the variance of a day's error is that of the days beside it, too, where nothing else is known."""
LOOK_BACK = 56


@dataclass(frozen=True, slots=True)
class Ranges:
    """Logarithms of the ratio to what is said, by series and day ahead: low, middle, high."""

    low: Numbers
    middle: Numbers
    high: Numbers


def usual_width(values: Numbers, offset: Numbers) -> Numbers:
    """Return how far days are from what is usual, by series: eight of ten, as a logarithm of a ratio.

    It is taken from how days differ from those a week earlier, which is more by the root of two.
    """
    recent = np.maximum(values[:, -LOOK_BACK - WEEK :], 0.0) + offset[:, None]
    is_spent = np.isfinite(recent) & (recent > 0)
    logarithms = np.log(recent, where=is_spent, out=np.full(recent.shape, np.nan))
    changes = np.abs(logarithms[:, WEEK:] - logarithms[:, :-WEEK])
    (width,) = known_quantiles(changes, (1 - 2 * LOW,))
    counts = np.isfinite(changes).sum(axis=1)
    return _towards(width / np.sqrt(2), np.full(width.shape, USUAL), counts, USUAL_WEIGHT)


def day_ranges(backtest: Backtest, usual: Numbers, offset: Numbers) -> Ranges:
    """Return the ranges of single days.

    Args:
        backtest: tells of the errors.
        usual: by series, see `usual_width`.
        offset: what is added to both sides of a ratio, by series.
    """
    errors = _errors(backtest.actuals, backtest.forecasts, offset[:, None, None])
    low, middle, high = -usual, np.zeros(usual.shape), usual
    found: list[tuple[Numbers, Numbers, Numbers]] = []
    for first in range(0, errors.shape[-1], WEEK):
        week = errors[..., first : first + WEEK]
        counts = np.isfinite(week).any(axis=-1).sum(axis=-1)
        quantiles = known_quantiles(week.reshape(week.shape[0], -1), (LOW, 0.5, 1 - LOW))
        least_low, least_high = (low, high) if first else (0 * low, 0 * high)
        weight = OWN_WEIGHT * (1 + first // WEEK)
        low = np.minimum(_towards(quantiles[0], low * WIDENING, counts, weight), least_low)
        middle = _towards(quantiles[1], middle, counts, weight)
        high = np.maximum(_towards(quantiles[2], high * WIDENING, counts, weight), least_high)
        found.extend([(low, middle, high)] * week.shape[-1])
    return Ranges(*(np.stack(parts, axis=1) for parts in zip(*found, strict=True)))


def through_ranges(backtest: Backtest, days: Ranges, offset: Numbers) -> Ranges:
    """Return the ranges of sums of all days up to one. A sum with an unknown day is none.

    Args:
        backtest: tells of the errors.
        days: the ranges of single days.
        offset: what is added to both sides of a ratio, by series and for each day of a sum.
    """
    numbers = counted(backtest.actuals.shape[-1] + 1, 1).astype(np.float64)
    actuals, forecasts = np.cumsum(backtest.actuals, axis=-1), np.cumsum(backtest.forecasts, axis=-1)
    errors = _errors(actuals, forecasts, offset[:, None, None] * numbers)
    # Sums of many days overlap: they are fewer errors than they seem.
    counts: Numbers = np.isfinite(errors).sum(axis=1) / numbers**0.5
    quantiles = known_quantiles(np.moveaxis(errors, 1, 2), (LOW, 0.5, 1 - LOW))
    narrower: Numbers = ((1 + (numbers - 1) * COMMON) / numbers) ** 0.5
    return Ranges(
        np.minimum(_towards(quantiles[0], days.low * narrower, counts, SUM_WEIGHT), 0.0),
        _towards(quantiles[1], np.zeros(counts.shape), counts, SUM_WEIGHT),
        np.maximum(_towards(quantiles[2], days.high * narrower, counts, SUM_WEIGHT), 0.0),
    )


def widened(ranges: Ranges, inflation: Numbers) -> Ranges:
    """Return wider ranges, by series and day ahead."""
    return Ranges(ranges.low * inflation, ranges.middle, ranges.high * inflation)


def never_narrower(ranges: Ranges) -> Ranges:
    """Return ranges of days which are nowhere narrower than those of the days before."""
    return Ranges(np.minimum.accumulate(ranges.low, axis=1), ranges.middle, np.maximum.accumulate(ranges.high, axis=1))


def spread_out(middle: Numbers, logarithms: Numbers, offset: Numbers) -> Numbers:
    """Return what lies so far from what is said, and never less than nothing.

    Args:
        middle: what is said.
        logarithms: of the ratio.
        offset: what was added to both sides of it, in the unit of the series.
    """
    return np.maximum((middle + offset) * np.exp(logarithms) - offset, 0.0)


def _errors(actuals: Numbers, forecasts: Numbers, offset: Numbers) -> Numbers:
    ratios = share(np.maximum(actuals, 0.0) + offset, np.maximum(forecasts, 0.0) + offset, 1.0)
    return np.log(ratios, where=np.isfinite(ratios) & (ratios > 0), out=np.full(ratios.shape, np.nan))


def _towards(found: Numbers, other: Numbers, counts: Numbers | Columns, other_weight: float) -> Numbers:
    """Draw what so many errors say towards something else."""
    weight = counts / (counts + other_weight)
    return np.where(np.isfinite(found), found, 0.0) * weight + other * (1 - weight)
