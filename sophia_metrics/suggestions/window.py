"""The newest settled days: what findings are made from."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from sophia_metrics.marts import mart
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["WINDOW_DAYS", "WindowDays", "settled_window"]

WINDOW_DAYS = 28
"""Four weeks: each weekday is in it four times."""


@dataclass(frozen=True, slots=True)
class WindowDays:
    """Settled UTC days, both included."""

    first_on: date
    last_on: date

    @property
    def days(self) -> tuple[date, ...]:
        """All of them, in order."""
        return tuple(self.first_on + timedelta(days=each) for each in range((self.last_on - self.first_on).days + 1))


def settled_window(warehouse: Warehouse, day_count: int | None = WINDOW_DAYS) -> WindowDays | None:
    """Return the newest settled UTC days since the first usage, so many at most. None: no day is settled.

    Args:
        warehouse: core and marts, as they are committed and built now.
        day_count: how many days. None: all of them.
    """
    settled = warehouse.read(Query(mart("mart_settlement").sql)).filter(pl.col("scope_type") == "all")
    days = warehouse.read(Query("SELECT MIN(usage_on) AS first_on FROM mart_cost_daily"))
    last_on: date | None = settled["settled_through_on"].item() if settled.height else None
    first_on: date | None = days["first_on"].item()
    if last_on is None or first_on is None or first_on > last_on:
        return None
    newest_on = first_on if day_count is None else last_on - timedelta(days=day_count - 1)
    return WindowDays(max(first_on, newest_on), last_on)
