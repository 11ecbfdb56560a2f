"""By how much ranges must be wider or narrower, as learnt from earlier forecasts and what came."""

import numpy as np

from sophia_metrics.forecasting.numbers import Columns, Numbers, counted
from sophia_metrics.forecasting.ranges import LOW
from sophia_metrics.forecasting.weeks import WEEK

__all__ = ["NOTHING_LEARNT", "PARTS", "next_inflation", "of_days_ahead", "part_of"]

PARTS = 3
"""The first week ahead, the second, and those after it learn apart: what lies further ahead errs otherwise."""
NOTHING_LEARNT = 1.0
RATE = 0.02
"""A day that no range held widens the next ranges by 1.6 %, one that all held narrows them by 0.4 %."""
LEAST, MOST = 0.5, 4.0


def next_inflation(before: Numbers, held: Numbers) -> Numbers:
    """Return by how much to widen the next ranges: 1 is not at all.

    This is adaptive conformal inference (Gibbs and Candes 2021, "Adaptive conformal inference under distribution
    shift"), in the form that moves the width and not the level (the quantile tracker of Angelopoulos, Candes and
    Tibshirani 2023, "Conformal PID control for time series prediction": q + rate * (missed - wanted)), on the
    logarithm of the width, so that it is the same in every unit. Where a series goes on long enough, the share that
    is held comes to be what is wanted, however the series changes; but for the least and the most inflation.

    Args:
        before: by how much the newest earlier forecast was widened, a row for each series.
        held: for each day that came to be known since, the share of the earlier forecasts of it whose range held
            what came. NaN: there is none.
    """
    missed = np.where(np.isfinite(held), (1 - 2 * LOW) - held, 0.0).sum(axis=1)
    return np.clip(before * np.exp(RATE * missed), LEAST, MOST)


def part_of(days_ahead: Columns) -> Columns:
    """Return which of PARTS days belong to, from 0; the next day is 1 day ahead."""
    return np.minimum((days_ahead - 1) // WEEK, PARTS - 1)


def of_days_ahead(inflation: Numbers, horizon: int) -> Numbers:
    """Return the inflation of each day ahead, from that of PARTS; a row for each series."""
    return inflation[:, part_of(counted(horizon + 1, 1))]
