"""Histories: the settled days of scopes as rows of one array, the last settled day of each in the last column."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from sophia_metrics.forecasting.numbers import Numbers, counted

__all__ = ["SCOPE_KEY", "Histories", "align_days"]

SCOPE_KEY = ("time_zone", "scope_type", "scope_value")


@dataclass(frozen=True, slots=True)
class Histories:
    """Days of scopes, aligned by the last settled day of each.

    Attributes:
        scopes: a row for each scope: SCOPE_KEY, first_on (its first day with calls) and last_on (its last settled day).
        days: the rows that were given, of settled days only, with `scope_row` and `day_column` of each.
        length: how many columns there are.
    """

    scopes: pl.DataFrame
    days: pl.DataFrame
    length: int

    def values(self, column: str) -> Numbers:
        """Return a column of the days as an array: a row for each scope, a column for each day.

        A settled day without a row is 0: no calls were made. NaN: the value is null, or the day is before the first.
        """
        found = np.zeros((self.scopes.height, self.length))
        rows, columns = self.days["scope_row"].to_numpy(), self.days["day_column"].to_numpy()
        found[rows, columns] = self.days[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        age = (self.scopes["last_on"] - self.scopes["first_on"]).dt.total_days().to_numpy()
        found[counted(self.length) < self.length - 1 - age[:, None]] = np.nan
        return found

    def day(self, row: int, column: int) -> date:
        """Return the day that a column is in the row of a scope."""
        last: date = self.scopes["last_on"][row]
        return last - timedelta(days=self.length - 1 - column)


def align_days(
    days: pl.DataFrame, settled: pl.DataFrame, length: int, columns: Sequence[str] = ("cost_usd",)
) -> Histories:
    """Align the settled days of scopes.

    Args:
        days: SCOPE_KEY, day_on and what was measured; one row for a day with calls.
        settled: SCOPE_KEY and last_on, the last settled day, of each scope that has one.
        length: so many days at most; older ones are left out.
        columns: what was measured.
    """
    known = days.join(settled, on=SCOPE_KEY).filter(
        pl.col("day_on") <= pl.col("last_on"),
        pl.col("day_on") > pl.col("last_on") - pl.duration(days=length),
    )
    scopes = (
        known.group_by(*SCOPE_KEY)
        .agg(pl.col("day_on").min().alias("first_on"), pl.col("last_on").first())
        .sort(SCOPE_KEY)
        .with_row_index("scope_row")
    )
    placed = known.join(scopes.select(*SCOPE_KEY, "scope_row"), on=SCOPE_KEY).with_columns(
        (length - 1 - (pl.col("last_on") - pl.col("day_on")).dt.total_days()).alias("day_column")
    )
    return Histories(scopes.drop("scope_row"), placed.select("scope_row", "day_column", "day_on", *columns), length)
