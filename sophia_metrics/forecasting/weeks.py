"""The weeks before origins: an origin is a day from which one looks ahead, and knows nothing of what comes after it."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sophia_metrics.forecasting.numbers import Columns, Numbers

__all__ = ["WEEK", "WEEKS", "days_after", "weeks_before"]

WEEK = 7
WEEKS = 8
"""So many weeks before an origin are looked at; older ones tell of another time."""


def weeks_before(values: Numbers, origins: Columns) -> Numbers:
    """Return the weeks that end with each origin: by series, origin, week (the newest last) and day of the week.

    The days of a week stand in the order of the days after the origin: the first has the weekday of the next day.

    Args:
        values: a row for each series.
        origins: columns.
    """
    lead = np.full((values.shape[0], WEEK * WEEKS - 1), np.nan)
    windows = sliding_window_view(np.concatenate([lead, values], axis=1), WEEK * WEEKS, axis=1)
    found = windows[:, origins]
    return found.reshape(values.shape[0], len(origins), WEEKS, WEEK)


def days_after(values: Numbers, origins: Columns, horizon: int) -> Numbers:
    """Return the days after each origin: by series, origin and day ahead; NaN where that is not known yet."""
    tail = np.full((values.shape[0], horizon), np.nan)
    windows = sliding_window_view(np.concatenate([values, tail], axis=1), horizon, axis=1)
    return windows[:, origins + 1]
