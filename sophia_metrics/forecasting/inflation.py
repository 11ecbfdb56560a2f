"""By how much ranges must be widened, as learnt from earlier forecasts and what came."""

from dataclasses import dataclass

import numpy as np

from sophia_metrics.forecasting.forecast import Band
from sophia_metrics.forecasting.numbers import Numbers, known_mean, known_quantiles, share
from sophia_metrics.forecasting.ranges import LOW

__all__ = ["Learnt", "learn_inflation"]

NOTHING_LEARNT = 1.0
OWN_WEIGHT = 14.0
"""What nothing is learnt of counts as much as so many forecasts."""
LEAST, MOST = 0.5, 4.0
NO_WIDTH = 10.0
"""What came beside a range without width is so many widths away."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What earlier forecasts of each series teach.

    Attributes:
        inflation: by how much to widen ranges: 1 is not at all.
        coverage: the share of earlier forecasts whose range held what came. NaN: none is scored.
    """

    inflation: Numbers
    coverage: Numbers


def learn_inflation(actuals: Numbers, earlier: Band, inflation: Numbers, forecast_counts: Numbers) -> Learnt:
    """Learn from forecasts of days that are known by now.

    Args:
        actuals: what came, a row for each series; NaN where there is no forecast or nothing is known.
        earlier: what was said of it.
        inflation: by how much its range was widened.
        forecast_counts: by series, how many forecasts these are; each speaks of several days.
    """
    is_above = actuals > earlier.p50
    away = np.abs(actuals - earlier.p50)
    width = np.where(is_above, earlier.p90 - earlier.p50, earlier.p50 - earlier.p10)
    needed = np.minimum(share(away, width, np.where(away > 0, NO_WIDTH, 0.0)), NO_WIDTH) * inflation
    (wanted,) = known_quantiles(needed, (1 - 2 * LOW,))
    weight = np.where(np.isfinite(wanted), forecast_counts / (forecast_counts + OWN_WEIGHT), 0.0)
    learnt = np.where(np.isfinite(wanted), wanted, 0.0) * weight + NOTHING_LEARNT * (1 - weight)
    is_held = np.where(np.isfinite(actuals), (actuals >= earlier.p10) & (actuals <= earlier.p90), np.nan)
    return Learnt(np.clip(learnt, LEAST, MOST), known_mean(is_held.astype(np.float64), axis=1))
