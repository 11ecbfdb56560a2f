"""The meter of a budget, as numbers that a template draws: spent, where the period is likely to end, the limit."""

from dataclasses import dataclass

from sophia_metrics.dashboard.overview import Budget

__all__ = ["Meter", "budget_meter"]

WIDTH = 100.0
HEADROOM = 1.15
"""The scale goes so far beyond the limit, so that passing it shows."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Places from the left, from 0 to 100. None: it is not known."""

    spent: float | None
    low: float | None
    middle: float | None
    high: float | None
    limit: float


def budget_meter(budget: Budget) -> Meter | None:
    """Lay out one budget. None: its limit is zero."""
    limit = float(budget.limit_usd)
    if limit <= 0:
        return None
    values = [budget.spent_usd, budget.projected_p10_usd, budget.projected_p50_usd, budget.projected_p90_usd]
    amounts = [None if each is None else max(0.0, float(each)) for each in values]
    top = max([limit * HEADROOM, *(each for each in amounts if each is not None)])
    spent, low, middle, high = (None if each is None else round(each / top * WIDTH, 3) for each in amounts)
    return Meter(spent, low, middle, high, round(limit / top * WIDTH, 3))
