"""What a published version says of budgets, findings, bills, services and our own flows: all that rules look at."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

__all__ = [
    "AnomalyObservation",
    "BudgetObservation",
    "Contributor",
    "FlowObservation",
    "GapObservation",
    "Observations",
    "PriceObservation",
    "ServiceObservation",
]


@dataclass(frozen=True, slots=True)
class Contributor:
    """Who spends how much of a budget.

    Attributes:
        team: the team; (none) where the source does not tell.
        model: the model.
        amount_usd: what it spent in the period.
    """

    team: str
    model: str
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class BudgetObservation:
    """One row of mart_budget_status.

    Attributes:
        budget: name of the budget.
        period_start_on: first day of the period, in the budget's own time zone.
        scope: the slice that it limits: all, team/search, tag:feature/chat.
        limit_usd: the limit of the period.
        spent_usd: what is spent so far. None: unknown.
        thresholds: at which shares of the limit people are told. None: it does not say.
        forecast_thresholds: at which shares people are told of the forecast. None: it does not say.
        projected_p50_usd: the spend at the end of the period, as likely more as less. None: unknown.
        projected_p90_usd: the same: more than this in one of ten cases. None: unknown.
        breach_probability: how likely the spend reaches the limit. None: unknown.
        projection_state: see mart_budget_status. None: it does not say.
        data_through_at: the spend is known up to here (naive UTC). None: unknown.
        contributors: who spent the most, the most first. None: not looked up.
        other_usd: what all others spent. None: not looked up.
        is_current: the period held when the version was published.
    """

    budget: str
    period_start_on: date
    scope: str
    limit_usd: Decimal | None
    spent_usd: Decimal | None
    thresholds: tuple[Decimal, ...] | None = None
    forecast_thresholds: tuple[Decimal, ...] | None = None
    projected_p50_usd: Decimal | None = None
    projected_p90_usd: Decimal | None = None
    breach_probability: float | None = None
    projection_state: str | None = None
    data_through_at: datetime | None = None
    contributors: tuple[Contributor, ...] | None = None
    other_usd: Decimal | None = None
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class ServiceObservation:
    """One row of mart_service_health.

    Attributes:
        service: name of the service.
        status: healthy, degraded, down, unknown or maintenance.
        since_at: since when it has that status (naive UTC). None: not known.
        message: what the last probe said.
        is_stale: the last probe is too old to say anything.
        required_by: names of the services that need this one.
    """

    service: str
    status: str
    since_at: datetime | None = None
    message: str | None = None
    is_stale: bool = False
    required_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FlowObservation:
    """One flow on a schedule, as in mart_freshness and core_heartbeats.

    Attributes:
        flow: its name.
        is_late: it has not done its work when it was expected.
        succeeded_at: its last success (naive UTC). None: none is known.
        is_failing: it has failed since.
        interval_seconds: how often its schedule lets it run. None: not known.
    """

    flow: str
    is_late: bool
    succeeded_at: datetime | None = None
    is_failing: bool = False
    interval_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class AnomalyObservation:
    """One row of core_anomalies that is still so, of late."""

    scope_type: str
    scope_value: str
    usage_on: date
    kind: str
    explanation: str
    observed_usd: Decimal | None = None
    expected_usd: Decimal | None = None
    impact_usd: Decimal | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PriceObservation:
    """One row of core_price_drifts of late."""

    provider: str
    model: str
    service_tier: str
    price_kind: str
    found_at: datetime
    rate_before_usd: Decimal | None = None
    rate_after_usd: Decimal | None = None
    change_ratio: float | None = None
    spend_28d_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GapObservation:
    """One row of mart_reconciliation, of a settled day of late, whose gap has no reason that we know.

    Attributes:
        provider: who sends the bill.
        account_id: the account, (none) or (all).
        model: the model, (all) or (other).
        usage_on: the UTC day.
        invoiced_usd: what is billed.
        gap_usd: that less what we computed.
        computed_usd: what we computed. None: nothing.
    """

    provider: str
    account_id: str
    model: str
    usage_on: date
    invoiced_usd: Decimal
    gap_usd: Decimal
    computed_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Observations:
    """What was published. None: the table is not there, which says nothing; empty: there is nothing to watch."""

    budgets: tuple[BudgetObservation, ...] | None = None
    services: tuple[ServiceObservation, ...] | None = None
    flows: tuple[FlowObservation, ...] | None = None
    anomalies: tuple[AnomalyObservation, ...] | None = None
    prices: tuple[PriceObservation, ...] | None = None
    gaps: tuple[GapObservation, ...] | None = None
