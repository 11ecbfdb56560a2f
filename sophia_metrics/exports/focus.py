"""One month of spend as rows of the FinOps Open Cost and Usage Specification (FOCUS) 1.2.

A row is one part of what was bought (a class of tokens, another unit) of one model at one price, for one account,
team, project and environment, on one UTC day. A day, and not an hour, since providers' own sums of a day are usage
too: no part of them has an hour. Sums of BilledCost equal the spend of the month in mart_cost_daily.

What has no known cost has no row, since BilledCost must not be null: it is counted. What a subscription pays is no
spend and has no row either.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

import polars as pl

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.exports.asking import Ask, export_query
from sophia_metrics.exports.focus_columns import FOCUS_COLUMNS
from sophia_metrics.windows import Window

__all__ = ["FocusExport", "export_focus"]


@dataclass(frozen=True, slots=True)
class FocusExport:
    """The rows of one month, and what is in none of them.

    Attributes:
        month: its first UTC day.
        rows: the rows, with the columns and types of FOCUS_COLUMNS.
        unpriced_count: calls whose cost nobody knows.
        subscription_count: calls that a subscription pays, or whose source does not say who pays.
    """

    month: date
    rows: pl.DataFrame
    unpriced_count: int
    subscription_count: int

    @property
    def billed_usd(self) -> Decimal:
        """The sum of BilledCost, in dollars."""
        return cast("Decimal", self.rows["BilledCost"].sum())


def export_focus(ask: Ask, month: date) -> FocusExport:
    """Return the FOCUS rows of the UTC month that holds a day.

    Raises:
        ConfigurationError: nothing is published yet, or not since the names of sellers are a table.
        ServiceUnavailableError: what is published cannot be read.
    """
    window = Window.of_month(month)
    first_on = window.start_at.date()
    days = {"first_on": first_on, "last_on": (window.end_at - timedelta(days=1)).date()}
    if ask(export_query("focus_sellers"), {}).item() == 0:
        raise ConfigurationError("nothing is published since the tables were made: `sophia-metrics run` publishes")
    found = ask(export_query("focus_cost_and_usage"), days)
    ((unpriced_count, subscription_count),) = ask(export_query("focus_left_out"), days).rows()
    return FocusExport(first_on, _focus_rows(found), unpriced_count, subscription_count)


def _focus_rows(found: pl.DataFrame) -> pl.DataFrame:
    """Return the rows by the names of FOCUS, which Snowflake does not keep, and with instants that are told as UTC."""
    named = found.rename(dict(zip(found.columns, FOCUS_COLUMNS, strict=True)))
    return named.with_columns(pl.selectors.datetime().dt.replace_time_zone("UTC"))
