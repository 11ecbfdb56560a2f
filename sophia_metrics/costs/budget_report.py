"""How the budgets stand in the periods that hold now, as a published version says."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sophia_metrics.costs.reports import published_reports
from sophia_metrics.serving import Serving

__all__ = ["BudgetStatus", "load_budget_status"]


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """One budget in its current period; a row of mart_budget_status.

    Attributes:
        budget: its name.
        scope: all, or as team/search.
        period: day, week, month or quarter.
        period_start_on: first day of the period, in `time_zone`.
        time_zone: IANA name of the zone of the period.
        limit_usd: what may be spent.
        spent_usd: what is spent. None: nothing was collected since the period began, or no cost is known.
        spent_ratio: the same as a share of the limit.
        unpriced_count: calls that should have a cost and have none; they are not in the spend.
        projected_p10_usd: the spend at the end of the period is less in one of ten cases. None: unknown.
        projected_p50_usd: the middle. None: fewer than 3 settled days.
        projected_p90_usd: it is more in one of ten cases. None: unknown.
        breach_probability: how likely the limit is reached. None: unknown.
        projection_state: forecast, projected, rough, final, insufficient_history or no_data.
        budget_state: ok, warning, over or no_data.
        data_through_at: the spend is known up to here (naive UTC). None: nothing was collected.
    """

    budget: str
    scope: str
    period: str
    period_start_on: date
    time_zone: str
    limit_usd: Decimal
    spent_usd: Decimal | None
    spent_ratio: float | None
    unpriced_count: int
    projected_p10_usd: Decimal | None
    projected_p50_usd: Decimal | None
    projected_p90_usd: Decimal | None
    breach_probability: float | None
    projection_state: str
    budget_state: str
    data_through_at: datetime | None


def load_budget_status(serving: Serving) -> tuple[BudgetStatus, ...]:
    """Read the budgets of the version that is published now.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with published_reports(serving) as reports:
        return tuple(BudgetStatus(*row) for row in reports.rows("budget_status"))
