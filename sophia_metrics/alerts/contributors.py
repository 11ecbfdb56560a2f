"""Who spent the most of the budgets that an alert is about, from the published version."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal

import duckdb
import polars as pl

from sophia_metrics.alerts.observation import BudgetObservation, Contributor
from sophia_metrics.alerts.records import alert_query
from sophia_metrics.serving import has_table
from sophia_metrics.windows import Window

__all__ = ["with_contributors"]

SHOWN = 3
TABLES = ("mart_cost_daily", "mart_cost_15min")
USUAL_LOWEST = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class _Slice:
    """Of what budgets speak, and when; several budgets may speak of the same."""

    scope: str
    window: Window

    @property
    def is_of_utc_days(self) -> bool:
        return self.window.start_at.time() == self.window.end_at.time() == time.min


@dataclass(frozen=True, slots=True)
class _Spenders:
    """Who spent the most of a slice, and what all others spent."""

    contributors: tuple[Contributor, ...] = ()
    other_usd: Decimal = Decimal(0)


def with_contributors(
    connection: duckdb.DuckDBPyConnection, budgets: Sequence[tuple[BudgetObservation, Window | None]]
) -> tuple[BudgetObservation, ...]:
    """Return budgets with the three who spent the most in the period of each, and what the others did.

    Only where somebody may be told of it. Days of marts are those of UTC: where the period begins at another hour,
    quarters of an hour are added up. No mart has the tags of calls: of a budget with a tag nobody is named. All budgets
    are looked up together: a thousand take hardly longer than one.

    Args:
        connection: reads the published version.
        budgets: each with the window of its period. None: it does not say, and nobody is named.
    """
    wanted = [_slice(each, window) for each, window in budgets]
    slices = {each for each in wanted if each is not None}
    found = _look_up(connection, slices)
    return tuple(
        _named(each, found.get(part)) if part is not None else each
        for (each, _), part in zip(budgets, wanted, strict=True)
    )


def _slice(each: BudgetObservation, window: Window | None) -> _Slice | None:
    if window is None or each.scope.startswith("tag:") or not _may_alert(each):
        return None
    return _Slice(each.scope, window)


def _look_up(connection: duckdb.DuckDBPyConnection, wanted: Collection[_Slice]) -> Mapping[_Slice, _Spenders]:
    """Return who spent the most of some slices. Nothing, where the version is older than a table."""
    if not wanted or not all(has_table(connection, table) for table in TABLES):
        return {}
    slices = list(wanted)
    kinds, values = zip(*(_scope_parts(each.scope) for each in slices), strict=True)
    frame = pl.DataFrame(
        {
            "place": range(len(slices)),
            "scope_type": kinds,
            "scope_value": values,
            "is_of_utc_days": [each.is_of_utc_days for each in slices],
            "start_at": [each.window.start_at for each in slices],
            "end_at": [each.window.end_at for each in slices],
        }
    )
    days, quarters = frame.filter(pl.col("is_of_utc_days")), frame.filter(~pl.col("is_of_utc_days"))
    bounds = {
        "first_day_at": days["start_at"].min(),
        "last_day_at": days["end_at"].max(),
        "first_quarter_at": quarters["start_at"].min(),
        "last_quarter_at": quarters["end_at"].max(),
    }
    connection.register("wanted_slices", frame)
    rows = connection.execute(alert_query("contributors"), {**bounds, "shown_count": SHOWN}).fetchall()
    connection.unregister("wanted_slices")
    spenders = dict.fromkeys(slices, _Spenders())
    for place, team, model, amount, total in rows:
        before = spenders[slices[place]].contributors
        told = (*before, Contributor(str(team), str(model), Decimal(amount)))
        others = Decimal(total) - sum((each.amount_usd for each in told), Decimal(0))
        spenders[slices[place]] = _Spenders(told, others)
    return spenders


def _scope_parts(scope: str) -> tuple[str, str]:
    scope_type, _, scope_value = scope.partition("/")
    return scope_type, scope_value


def _named(each: BudgetObservation, spenders: _Spenders | None) -> BudgetObservation:
    if spenders is None:
        return each
    return replace(each, contributors=spenders.contributors, other_usd=spenders.other_usd)


def _may_alert(each: BudgetObservation) -> bool:
    """Say whether the spend reaches the lowest threshold, or the forecast the limit."""
    if each.limit_usd is None or each.spent_usd is None or each.spent_usd <= 0:
        return False
    lowest = min(each.thresholds or (USUAL_LOWEST,))
    is_forecast = each.projected_p50_usd is not None and each.projected_p50_usd >= each.limit_usd
    return is_forecast or each.spent_usd >= each.limit_usd * lowest
