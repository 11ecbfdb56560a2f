"""The arrays that forecasts are computed with, and sums over what is known of them."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns", "Flags", "Numbers", "counted", "known_mean", "known_quantiles", "share"]

Numbers: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Columns: TypeAlias = NDArray[np.int64]


def counted(stop: int, start: int = 0) -> Columns:
    """Return the whole numbers from one up to another, which is not among them."""
    return np.arange(start, stop, dtype=np.int64)


def share(part: Numbers, whole: Numbers, otherwise: Numbers | float) -> Numbers:
    """Return part / whole, and something else where the whole is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    found = np.empty(part.shape)
    found[...] = otherwise
    np.divide(part, whole, out=found, where=whole != 0)
    return found


def known_mean(values: Numbers, axis: int) -> Numbers:
    """Return the mean of what is known along an axis; NaN where nothing is."""
    is_known = np.isfinite(values)
    sums = np.where(is_known, values, 0.0).sum(axis=axis)
    return share(sums, is_known.sum(axis=axis).astype(np.float64), np.nan)


def known_quantiles(values: Numbers, probabilities: tuple[float, ...]) -> tuple[Numbers, ...]:
    """Return quantiles of what is known along the last axis, between neighbours in proportion; NaN where nothing is."""
    ordered = np.sort(values, axis=-1)  # NaN come last
    last = np.maximum(np.isfinite(values).sum(axis=-1) - 1, 0)
    found: list[Numbers] = []
    for probability in probabilities:
        place = np.clip(probability, 0.0, 1.0) * last
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, last)
        low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
        high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
        found.append(low + (high - low) * (place - below))
    return tuple(found)
