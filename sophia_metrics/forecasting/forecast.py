"""A forecast: what each of the next days of many series will be, and all days up to it together, with a range."""

from dataclasses import dataclass

import numpy as np

from sophia_metrics.forecasting.backtest import Backtest, run_backtest
from sophia_metrics.forecasting.methods import METHODS, Method
from sophia_metrics.forecasting.numbers import Columns, Numbers, counted, known_mean
from sophia_metrics.forecasting.ranges import (
    OFFSET,
    Ranges,
    day_ranges,
    never_narrower,
    spread_out,
    through_ranges,
    usual_width,
    widened,
)
from sophia_metrics.forecasting.weeks import WEEK

__all__ = ["HORIZON", "LEAST_HISTORY", "Band", "Forecasts", "forecast"]

HORIZON = 35
"""So many days ahead: the month that holds the next day ends within them."""
LEAST_HISTORY = 3
"""Of a series with fewer known days nothing is said."""
ZERO_DAYS = 56
"""Of a series of which nothing but zeros came for so long nothing is said either: 0 would look like a measurement."""
CHUNK = 128
"""So many series are computed at once: what is in between stays in the processor's cache."""
LEVEL_DAYS = 28


@dataclass(frozen=True, slots=True)
class Band:
    """Amounts by series and day ahead: one of ten is below `p10`, one of ten above `p90`. NaN: nothing is said."""

    p10: Numbers
    p50: Numbers
    p90: Numbers


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What is said of the days after the last one, by series.

    Attributes:
        days: of each day ahead.
        through: of all days up to it together; it never falls from one day to the next.
        methods: how it was made. None: fewer than three days are known, or nothing but zeros came in the newest 56, and
            nothing is said.
        mase: mean absolute error of the method on this history, as a share of seasonal naive's. NaN: too little of it.
        day_count: known days that it was made from.
    """

    days: Band
    through: Band
    methods: tuple[Method | None, ...]
    mase: Numbers
    day_count: Columns


def forecast(
    values: Numbers,
    inflation: Numbers | None = None,
    through_inflation: Numbers | None = None,
    horizon: int = HORIZON,
) -> Forecasts:
    """Forecast the days after the last column.

    Args:
        values: a row for each series; NaN: the day is unknown, or before the first one. None is below 0.
        inflation: by how much to widen the ranges, as learnt from earlier forecasts: a number for each series, or one
            for each of its days ahead. None: not.
        through_inflation: the same of the ranges of sums. None: as much as those of days.
        horizon: so many days ahead.
    """
    widths = _by_day(inflation, values.shape[0], horizon)
    through_widths = widths if through_inflation is None else _by_day(through_inflation, values.shape[0], horizon)
    lead = np.full((values.shape[0], max(2 * WEEK - values.shape[1], 0)), np.nan)
    values = np.concatenate([lead, values], axis=1)
    parts = [
        _forecast(values[first : first + CHUNK], widths[first : first + CHUNK], through_widths[first : first + CHUNK])
        for first in range(0, max(values.shape[0], 1), CHUNK)
    ]
    return Forecasts(
        days=_joined([part.days for part in parts]),
        through=_joined([part.through for part in parts]),
        methods=tuple(method for part in parts for method in part.methods),
        mase=np.concatenate([part.mase for part in parts]),
        day_count=np.concatenate([part.day_count for part in parts]),
    )


def _by_day(inflation: Numbers | None, series_count: int, horizon: int) -> Numbers:
    widths = np.ones((series_count, horizon))
    if inflation is not None:
        widths *= inflation[:, None] if inflation.ndim == 1 else inflation
    return widths


def _forecast(values: Numbers, widths: Numbers, through_widths: Numbers) -> Forecasts:
    horizon = widths.shape[1]
    day_count = np.isfinite(values).sum(axis=1)
    backtest = run_backtest(values, horizon)
    mean = known_mean(values[:, -LEVEL_DAYS:], axis=1)
    offset = OFFSET * np.where(np.isfinite(mean) & (mean > 0), mean, known_mean(values, axis=1))
    offset = np.where(np.isfinite(offset), offset, 0.0)
    expected = backtest.expected[:, counted(horizon) % WEEK]
    is_alive = (np.where(np.isfinite(values[:, -ZERO_DAYS:]), values[:, -ZERO_DAYS:], 0.0) > 0).any(axis=1)
    is_said = ((day_count >= LEAST_HISTORY) & is_alive)[:, None]
    expected = np.where(is_said, expected, np.nan)
    days_ahead = counted(horizon + 1, 1).astype(np.float64)
    day_errors = day_ranges(backtest, usual_width(values, offset), offset)
    sum_errors = through_ranges(backtest, day_errors, offset)
    sums, sum_offset = np.cumsum(expected, axis=1), offset[:, None] * days_ahead
    day_band = _band(expected, never_narrower(widened(day_errors, widths)), offset[:, None], backtest)
    through_band = _band(sums, widened(sum_errors, through_widths), sum_offset, backtest)
    return Forecasts(
        days=day_band,
        through=Band(*(np.maximum.accumulate(each, axis=1) for each in _parts(through_band))),
        methods=tuple(
            METHODS[int(place)] if day else None
            for place, day in zip(backtest.chosen.tolist(), is_said[:, 0].tolist(), strict=True)
        ),
        mase=backtest.mase,
        day_count=day_count,
    )


def _band(expected: Numbers, ranges: Ranges, offset: Numbers, backtest: Backtest) -> Band:
    """Return the amounts of a range. The middle is what the method says, but where days are zeros and peaks."""
    is_sparse = (backtest.chosen == METHODS.index(Method.SPARSE))[:, None]
    middle = np.where(is_sparse, spread_out(expected, ranges.middle, offset), expected)
    low = spread_out(expected, ranges.low, offset)
    high = spread_out(expected, ranges.high, offset)
    return Band(np.minimum(low, middle), middle, np.maximum(high, middle))


def _parts(band: Band) -> tuple[Numbers, Numbers, Numbers]:
    return band.p10, band.p50, band.p90


def _joined(bands: list[Band]) -> Band:
    p10, p50, p90 = (np.concatenate(parts) for parts in zip(*map(_parts, bands), strict=True))
    return Band(p10, p50, p90)
