"""The backtest: what each method would have said on the days before, and how wrong it would have been."""

from dataclasses import dataclass

import numpy as np

from sophia_metrics.forecasting.methods import DEFAULT, METHODS, Method, expected_weeks, is_sparse
from sophia_metrics.forecasting.numbers import Columns, Numbers, counted, share
from sophia_metrics.forecasting.runaways import damped_weeks
from sophia_metrics.forecasting.weeks import WEEK, days_after, weeks_before

__all__ = ["BACKTEST_ORIGINS", "LEAST_DAYS", "Backtest", "run_backtest"]

BACKTEST_ORIGINS = 84
"""So many of the newest days are taken as origins."""
LEAST_DAYS = 14
"""An origin has so many known days before it, or it says nothing of a method."""
JUDGED_DAYS = 14
"""Methods are compared by so many days after each origin."""
LEAST_ORIGINS = 7
"""With fewer origins the default is taken."""
BIAS = 0.93
"""Another method than the default must be so much better: the best of several is partly so by chance."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """What the chosen method would have said, by series.

    Attributes:
        chosen: the place in METHODS of the method that is taken.
        mase: its mean absolute error as a share of seasonal naive's. NaN: too little history.
        expected: what it expects of the seven days after the last known day.
        forecasts: what it said at each origin of each day ahead: by series, origin and day.
        actuals: what came: the same shape; NaN where it is not known.
    """

    chosen: Columns
    mase: Numbers
    expected: Numbers
    forecasts: Numbers
    actuals: Numbers


def run_backtest(values: Numbers, horizon: int) -> Backtest:
    """Let every method forecast at the newest days but the last, and take the one that did best, by series.

    Args:
        values: a row for each series, the last column the last known day.
        horizon: so many days ahead are compared with what came.
    """
    last = values.shape[1] - 1
    origins = counted(last + 1, max(0, last - BACKTEST_ORIGINS))
    weeks = damped_weeks(weeks_before(values, origins))
    expected = expected_weeks(weeks)
    known = np.cumsum(np.isfinite(values), axis=1)[:, origins]
    actuals = days_after(values, origins[:-1], horizon)
    actuals = np.where((known[:, :-1] >= LEAST_DAYS)[..., None], actuals, np.nan)
    errors, day_count = _errors(expected[:, :, :-1], actuals)
    enough = day_count >= LEAST_ORIGINS
    chosen = np.where(enough, _best(errors), METHODS.index(DEFAULT))
    sparse = is_sparse(weeks[:, -1])
    chosen = np.where(sparse, METHODS.index(Method.SPARSE), chosen)
    rows = counted(values.shape[0])
    picked = expected[chosen, rows]
    naive = errors[METHODS.index(Method.SEASONAL_NAIVE)]
    return Backtest(
        chosen=chosen,
        mase=np.where(enough, share(errors[chosen, rows], naive, np.nan), np.nan),
        expected=picked[:, -1],
        forecasts=picked[:, :-1][..., counted(horizon) % WEEK],
        actuals=actuals,
    )


def _errors(expected: Numbers, actuals: Numbers) -> tuple[Numbers, Columns]:
    """Return the absolute errors of each method, added up by series, and how many origins there are."""
    judged = actuals[..., :JUDGED_DAYS]
    is_judged = np.isfinite(judged)
    days = counted(judged.shape[-1]) % WEEK
    wrong = (np.where(is_judged, np.abs(each[..., days] - judged), 0.0).sum(axis=(-2, -1)) for each in expected)
    return np.stack(list(wrong)), is_judged.any(axis=-1).sum(axis=-1)


def _best(errors: Numbers) -> Columns:
    """Return the place of the method with the least error; the default, unless another is much better."""
    default = METHODS.index(DEFAULT)
    handicapped = errors.copy()
    handicapped[default] *= BIAS
    handicapped[METHODS.index(Method.SPARSE)] = np.inf
    return np.argmin(handicapped, axis=0)
