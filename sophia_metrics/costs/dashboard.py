"""The cost dashboard of the plan: what is spent, on what, against which budgets, where it goes, and what to do.

All of it is read from one published version, by the same reports as the page and its API.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sophia_metrics.calendars import local_day
from sophia_metrics.costs.budget_report import BudgetStatus
from sophia_metrics.costs.reports import Reports, published_reports
from sophia_metrics.costs.suggestion_report import PublishedSuggestion, read_suggestions
from sophia_metrics.serving import Serving
from sophia_metrics.windows import Window

__all__ = ["CostDashboard", "ModelCost", "PeriodChange", "PeriodCost", "Trend", "get_cost_dashboard", "read_changes"]


@dataclass(frozen=True, slots=True)
class PeriodCost:
    """What a period cost so far.

    Attributes:
        start_at: its first instant (naive UTC).
        request_count: the calls.
        unpriced_count: calls that should have a cost and have none; they are not in the sum.
        cost_usd: the sum of the known costs. None: there were no calls, or no cost is known.
    """

    start_at: datetime
    request_count: int
    unpriced_count: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What one model cost in the month to date; as in PeriodCost."""

    provider: str
    model: str
    request_count: int
    unpriced_count: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Trend:
    """Where all spend goes, on its newest settled day; a row of mart_cost_trend."""

    usage_on: date
    cost_usd: Decimal | None
    mean_7d_usd: Decimal | None
    mean_28d_usd: Decimal | None
    change_1d_ratio: float | None
    change_7d_ratio: float | None
    change_28d_ratio: float | None
    slope_usd_per_day: float | None
    direction: str


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """By how much all spend changed between two periods of settled days, and why.

    Attributes:
        period_pair: day, week, four_weeks or month_to_date.
        change_usd: the change of the known spend: the sum of the effects.
        effects: (effect, dollars): price, volume, mix, new, gone; those that are nothing are missing.
        unpriced_count: calls of both periods whose cost nobody knows; they are in no sum.
        before_start_on: first UTC day of the period before.
        before_end_on: last UTC day of it.
        start_on: first UTC day of the later period.
        end_on: last UTC day of it.
    """

    period_pair: str
    change_usd: Decimal
    effects: tuple[tuple[str, Decimal], ...]
    unpriced_count: int
    before_start_on: date
    before_end_on: date
    start_on: date
    end_on: date


@dataclass(frozen=True, slots=True)
class CostDashboard:
    """The cost dashboard of one published version.

    Attributes:
        version: its number.
        published_at: when it was published (naive UTC).
        is_sample: its figures are made up.
        time_zone: IANA name of the zone that rules today and the month.
        daily_cost: today so far.
        monthly_cost: the month to date.
        cost_by_model: the month to date by model, the dearest first.
        budgets: every budget in the period that holds now.
        trend: where spend goes. None: no day is settled.
        changes: why it changed, by pair of periods; pairs that the history does not cover are missing.
        suggestions: what could be done, the largest saving first.
        potential_saving_usd: the known savings of the suggestions together, in 30 days; no call is in two of them.
            None: none is known.
    """

    version: int
    published_at: datetime
    is_sample: bool
    time_zone: str
    daily_cost: PeriodCost
    monthly_cost: PeriodCost
    cost_by_model: tuple[ModelCost, ...]
    budgets: tuple[BudgetStatus, ...]
    trend: Trend | None
    changes: tuple[PeriodChange, ...]
    suggestions: tuple[PublishedSuggestion, ...]
    potential_saving_usd: Decimal | None


def get_cost_dashboard(serving: Serving, now: datetime, time_zone: str = "UTC") -> CostDashboard:
    """Read the cost dashboard from the version that is published now.

    Args:
        serving: the published versions.
        now: the present (naive UTC); it says which day and month this is.
        time_zone: IANA name of the zone that rules them.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    today_on = local_day(now, time_zone)
    month = Window.of_month(today_on, time_zone)
    with published_reports(serving) as reports:
        version, published_at, is_sample = reports.row("published_version")
        suggestions = read_suggestions(reports)
        trends = reports.rows("cost_trend_now")
        saved = [each.saving_usd for each in suggestions if each.saving_usd is not None]
        return CostDashboard(
            version=version,
            published_at=published_at,
            is_sample=is_sample,
            time_zone=time_zone,
            daily_cost=_period(reports, Window.of_day(today_on, time_zone)),
            monthly_cost=_period(reports, month),
            cost_by_model=tuple(ModelCost(*row[:5]) for row in reports.rows("models_in_window", **_bounds(month))),
            budgets=tuple(BudgetStatus(*row) for row in reports.rows("budget_status")),
            trend=Trend(*trends[0]) if trends else None,
            changes=read_changes(reports),
            suggestions=suggestions,
            potential_saving_usd=sum(saved, Decimal(0)) if saved else None,
        )


def read_changes(reports: Reports) -> tuple[PeriodChange, ...]:
    """Read why all spend changed, from a version that is open already."""
    pairs: dict[str, list[tuple[Any, ...]]] = {}
    for pair, *row in reports.rows("cost_changes"):
        pairs.setdefault(pair, []).append(tuple(row))
    return tuple(
        PeriodChange(
            pair,
            rows[0][2],
            tuple((effect, amount) for effect, amount, *_ in rows if amount is not None),
            sum(row[-1] for row in rows),
            *rows[0][3:7],
        )
        for pair, rows in pairs.items()
    )


def _period(reports: Reports, window: Window) -> PeriodCost:
    request_count, _, unpriced_count, cost_usd, *_ = reports.row("calls_in_window", **_bounds(window))
    return PeriodCost(window.start_at, request_count, unpriced_count, cost_usd)


def _bounds(window: Window) -> dict[str, date | datetime]:
    return {
        "first_on": window.start_at.date(),
        "last_on": (window.end_at - timedelta.resolution).date(),
        "start_at": window.start_at,
        "end_at": window.end_at,
    }
