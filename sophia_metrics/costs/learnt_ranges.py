"""What earlier forecasts of scopes teach of how wide the ranges of the next ones must be, now that their days came."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from sophia_metrics.costs.histories import SCOPE_KEY, Histories
from sophia_metrics.forecasting.forecast import HORIZON
from sophia_metrics.forecasting.inflation import NOTHING_LEARNT, PARTS, next_inflation, of_days_ahead, part_of
from sophia_metrics.forecasting.numbers import Columns, Numbers
from sophia_metrics.forecasting.weeks import WEEK

__all__ = ["PLACES", "LearntRanges", "learn_ranges"]

PLACES = 9
"""Amounts are rounded to so many decimals: what is further behind is noise."""
SCORED_DAYS = 14
"""The coverage is that of so many days ahead."""
NOTHING_KNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class LearntRanges:
    """What earlier forecasts teach: a row for each scope.

    Attributes:
        inflation: by how much to widen the range of each day ahead: 1 is not at all.
        through_inflation: the same of the ranges of sums.
        coverage: the share of earlier forecasts, up to 14 days ahead, whose range held what came. NaN: none is scored.
    """

    inflation: Numbers
    through_inflation: Numbers
    coverage: Numbers


def learn_ranges(earlier: pl.DataFrame, histories: Histories, values: Numbers) -> LearntRanges:
    """Learn from the days that came to be known since the newest forecast of each scope.

    Args:
        earlier: the answer of scored_forecasts.sql.
        histories: the scopes.
        values: what was spent, see `Histories.values`.
    """
    scopes = histories.scopes.select(*SCOPE_KEY, "last_on").with_row_index("scope_row")
    said = earlier.join(scopes, on=SCOPE_KEY).with_columns(
        (histories.length - 1 - (pl.col("last_on") - pl.col("day_on")).dt.total_days()).alias("day_column"),
    )
    said = said.with_columns(pl.Series("part", part_of(said["horizon_days"].to_numpy())))
    scored = _scored(said, histories.length, values)
    coverage = np.full(scopes.height, NOTHING_KNOWN)
    near = scored.filter(pl.col("horizon_days") <= SCORED_DAYS).group_by("scope_row").agg(pl.col("is_held").mean())
    coverage[near["scope_row"].to_numpy()] = near["is_held"].cast(pl.Float64).fill_null(NOTHING_KNOWN).to_numpy()
    newest = said.filter(pl.col("data_through_on") == pl.col("newest_on"))
    newly = scored.filter(pl.col("day_on") > pl.col("newest_on"))
    return LearntRanges(
        _next(newest, newly, scopes.height, "inflation_ratio", "is_held"),
        _next(newest, newly, scopes.height, "through_inflation_ratio", "is_through_held"),
        coverage,
    )


def _scored(said: pl.DataFrame, length: int, values: Numbers) -> pl.DataFrame:
    """Add whether the range of a day, and that of all days up to it, held what came; null: that is not known."""
    scored = said.filter(pl.col("day_column") < length, pl.col("day_column") >= pl.col("horizon_days"))
    rows, last = scored["scope_row"].to_numpy(), scored["day_column"].to_numpy()
    before = last - scored["horizon_days"].to_numpy()
    spent, unknown = np.cumsum(np.nan_to_num(values), axis=1), np.cumsum(np.isnan(values), axis=1)
    is_whole = unknown[rows, last] == unknown[rows, before]
    sums = np.where(is_whole, spent[rows, last] - spent[rows, before], NOTHING_KNOWN)
    came = (("", values[rows, last], "is_held"), ("through_", sums, "is_through_held"))
    return scored.with_columns(
        pl.Series(amounts.round(PLACES), nan_to_null=True)
        .is_between(scored[f"{prefix}p10_usd"], scored[f"{prefix}p90_usd"])
        .alias(name)
        for prefix, amounts, name in came
    )


def _next(newest: pl.DataFrame, newly: pl.DataFrame, scope_count: int, ratio: str, is_held: str) -> Numbers:
    """Return the inflation of each day ahead, by scope."""
    before = np.full((scope_count, PARTS), NOTHING_LEARNT)
    first = newest.filter(pl.col("horizon_days") == pl.col("part") * WEEK + 1)
    before[first["scope_row"].to_numpy(), first["part"].to_numpy()] = first[ratio].to_numpy()
    days = newly.group_by("scope_row", "part", "day_column").agg(pl.col(is_held).mean()).drop_nulls(is_held)
    columns: Columns = days["day_column"].unique().sort().to_numpy()
    held = np.full((scope_count, PARTS, len(columns)), NOTHING_KNOWN)
    places = np.searchsorted(columns, days["day_column"].to_numpy())
    held[days["scope_row"].to_numpy(), days["part"].to_numpy(), places] = days[is_held].to_numpy()
    learnt = next_inflation(before.reshape(-1), held.reshape(scope_count * PARTS, len(columns)))
    return of_days_ahead(learnt.reshape(scope_count, PARTS), HORIZON)
