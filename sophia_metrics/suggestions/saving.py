"""What a change saves in 30 days, from what it would have saved on each day of a window."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from sophia_metrics.suggestions.suggestion import Saving

__all__ = ["MONTH_DAYS", "between", "bootstrap", "per_month"]

MONTH_DAYS = 30
LEAST_DAYS = 7
RESAMPLES = 2000
RANGE = (10, 90)
STEP = Decimal("1e-12")


def per_month(total: Decimal, day_count: int) -> Decimal:
    """Return what a sum over some days comes to in 30."""
    return (total * MONTH_DAYS / day_count).quantize(STEP)


def bootstrap(days: Sequence[Decimal], seed: str) -> Saving:
    """Return the saving with the range that days drawn anew from these, as many, give.

    A day on which nothing would have been saved is a zero among them. Below 7 days there is no range.

    Args:
        days: what would have been saved on each day of the window.
        seed: the same text draws the same days.
    """
    usd = per_month(sum(days, Decimal(0)), len(days))
    if len(days) < LEAST_DAYS:
        return Saving(usd)
    drawn = np.random.default_rng(int(hashlib.sha256(seed.encode()).hexdigest()[:16], 16))
    values = np.array([float(each) for each in days])
    sums = values[drawn.integers(0, len(days), (RESAMPLES, len(days)))].sum(axis=1) * MONTH_DAYS / len(days)
    low, high = (Decimal(repr(float(each))).quantize(STEP) for each in np.percentile(sums, RANGE))
    return Saving(usd, min(low, usd), max(high, usd), "bootstrap over days")


def between(least: Decimal, most: Decimal, day_count: int, interval: str) -> Saving:
    """Return the saving between two sums over some days, which are its range; it is taken to be their middle."""
    low, high = sorted((per_month(least, day_count), per_month(most, day_count)))
    return Saving(((low + high) / 2).quantize(STEP), low, high, interval)
