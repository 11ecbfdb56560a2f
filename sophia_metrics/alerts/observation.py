"""What a published version says of budgets, services and our own flows: the only thing that rules look at."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

__all__ = ["BudgetObservation", "FlowObservation", "Observations", "ServiceObservation"]


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
    """

    budget: str
    period_start_on: date
    scope: str
    limit_usd: Decimal | None
    spent_usd: Decimal | None
    thresholds: tuple[Decimal, ...] | None = None


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
class Observations:
    """What was published. None: the table is not there, which says nothing; empty: there is nothing to watch."""

    budgets: tuple[BudgetObservation, ...] | None = None
    services: tuple[ServiceObservation, ...] | None = None
    flows: tuple[FlowObservation, ...] | None = None
