"""Forecasts of the spend of every scope, as they are made of settled days and kept.

A forecast is kept as it was made, whatever becomes of the data, so that it can be scored; what earlier ones of a scope
teach rules how wide the ranges of the next one are.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from sophia_metrics.calendars import settled_on
from sophia_metrics.costs.histories import SCOPE_KEY, Histories, align_days
from sophia_metrics.costs.learnt_ranges import PLACES, learn_ranges
from sophia_metrics.costs.settled_scopes import (
    UTC,
    findings_query,
    load_budget_days,
    load_scope_days,
    load_settlement,
    settled_days,
)
from sophia_metrics.forecasting.forecast import HORIZON, Forecasts, forecast
from sophia_metrics.forecasting.numbers import Columns
from sophia_metrics.schema.findings import FORECAST_SNAPSHOTS
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = ["ForecastsMade", "is_day_to_close", "make_forecasts"]

HISTORY_DAYS = 400
EARLIER_DAYS = 70
"""Forecasts of so many days are looked at: the newest one says how wide ranges were, the others how much they held."""


@dataclass(frozen=True, slots=True)
class ForecastsMade:
    """What became of the scopes.

    Attributes:
        made_count: scopes of which a forecast was made and kept.
        known_count: scopes whose last settled day had one already: it stays as it is.
        silent_count: scopes of which nothing is said: fewer than 3 days are known, or nothing was spent for 56 days.
        data_through_on: the last settled day of them all. None: no day is settled.
    """

    made_count: int
    known_count: int
    silent_count: int
    data_through_on: date | None


def is_day_to_close(warehouse: Warehouse) -> bool:
    """Say whether a UTC day was settled since forecasts were last made. It reads little."""
    (settled_at, made_on), *_ = warehouse.read(Query(findings_query("newest_forecast"))).iter_rows()
    if settled_at is None:
        return False
    return made_on is None or made_on < settled_on(settled_at, UTC)


def make_forecasts(warehouse: Warehouse, now: datetime) -> ForecastsMade:
    """Make and keep a forecast of the next 35 days for each scope that has new settled days.

    Scopes are everything, each provider, model, team, project and environment by UTC day, and those of budgets in the
    time zone of each. Running it twice changes nothing.

    Args:
        warehouse: is read and written.
        now: the present (naive UTC).
    """
    first_on = now.date() - timedelta(days=EARLIER_DAYS)
    earlier = warehouse.read(Query(findings_query("scored_forecasts"), {"first_on": first_on}))
    days = pl.concat(
        [
            frame.select(*SCOPE_KEY, "day_on", "cost_usd")
            for frame in (
                load_scope_days(warehouse, now, HISTORY_DAYS),
                load_budget_days(warehouse, now, HISTORY_DAYS),
            )
        ]
    )
    settled = settled_days(days, load_settlement(warehouse, now))
    known = settled.join(
        earlier.select(*SCOPE_KEY, pl.col("data_through_on").alias("last_on")).unique(), on=[*SCOPE_KEY, "last_on"]
    )
    wanted = settled.join(known, on=[*SCOPE_KEY, "last_on"], how="anti")
    histories = align_days(days, wanted, HISTORY_DAYS)
    made = _made(histories, earlier, now)
    if not made.is_empty():
        warehouse.record(Record({FORECAST_SNAPSHOTS.name: made}))
    made_count = made.select(SCOPE_KEY).unique().height
    last_on = settled.select(pl.col("last_on").max()).item()
    return ForecastsMade(made_count, known.height, wanted.height - made_count, last_on)


def _made(histories: Histories, earlier: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the rows of the forecasts of these histories."""
    values = histories.values("cost_usd")
    if not values.size:
        return pl.DataFrame(schema=polars_schema(FORECAST_SNAPSHOTS))
    learnt = learn_ranges(earlier, histories, values)
    said = forecast(values, learnt.inflation, learnt.through_inflation)
    rows = np.flatnonzero([method is not None for method in said.methods])
    scopes = histories.scopes[rows].select(
        *SCOPE_KEY,
        pl.col("last_on").alias("data_through_on"),
        pl.Series("method", [said.methods[row] for row in rows], dtype=pl.String),
        pl.Series("day_count", said.day_count[rows]),
        pl.Series("backtest_mase", said.mase[rows], nan_to_null=True),
        pl.Series("coverage_ratio", learnt.coverage[rows], nan_to_null=True),
        pl.lit(now).alias("made_at"),
    )
    ahead = pl.DataFrame({"horizon_days": range(1, HORIZON + 1)})
    frame = scopes.join(ahead, how="cross", maintain_order="left_right").with_columns(
        (pl.col("data_through_on") + pl.duration(days=pl.col("horizon_days"))).alias("target_on"),
        pl.Series("inflation_ratio", learnt.inflation[rows].ravel()),
        pl.Series("through_inflation_ratio", learnt.through_inflation[rows].ravel()),
        *_amounts(said, rows),
    )
    return frame.select(pl.col(name).cast(kind) for name, kind in polars_schema(FORECAST_SNAPSHOTS).items())


def _amounts(said: Forecasts, rows: Columns) -> list[pl.Series]:
    bands = {"": said.days, "through_": said.through}
    return [
        pl.Series(f"{prefix}{name}_usd", getattr(band, name)[rows].ravel()).round(PLACES)
        for prefix, band in bands.items()
        for name in ("p10", "p50", "p90")
    ]
