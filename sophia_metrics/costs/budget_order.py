"""Budgets as people ask for them, on the command line and through the API: the rules are the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

from sophia_metrics.costs.budgets import (
    DEFAULT_FORECAST_THRESHOLDS,
    DEFAULT_THRESHOLDS,
    Budget,
    HeldBudget,
    Period,
    apply_budgets,
    set_budget,
    unset_budget,
)
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.scopes import ALL, Scope
from sophia_metrics.warehouse.protocol import Warehouse
from sophia_metrics.windows import Window

__all__ = ["BudgetOrder", "place_order", "take_back"]

LONGEST_AHEAD = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class BudgetOrder:
    """A budget as somebody asks for it: any part may be wrong.

    Attributes:
        name: its name.
        limit_usd: what may be spent in a period, in dollars.
        period: day, week, month or quarter.
        scope: what it is about, as in team/search.
        time_zone: IANA name of the zone whose days are meant. None: that of the settings.
        start_day: on which day a period begins, as in `Budget`.
        thresholds: shares of the limit at which a person is told.
        forecast_thresholds: the same for the forecast of the end of the period.
        from_on: the day of the time zone from whose beginning on it holds. None: from now on.
    """

    name: str
    limit_usd: Decimal
    period: str = "month"
    scope: str = ALL
    time_zone: str | None = None
    start_day: int = 1
    thresholds: tuple[Decimal, ...] = DEFAULT_THRESHOLDS
    forecast_thresholds: tuple[Decimal, ...] = DEFAULT_FORECAST_THRESHOLDS
    from_on: date | None = None

    def checked(self, time_zone: str, now: datetime) -> HeldBudget:
        """Return the budget that is asked for, as one that was set, and from when on it holds.

        Args:
            time_zone: IANA name of the zone of a budget that names none.
            now: the present (naive UTC).

        Raises:
            ConfigurationError: a part of it is not as it must be.
        """
        try:
            scope = Scope.parse(self.scope)
        except ValueError as error:
            raise ConfigurationError(f"the budget {self.name!r}: {error}") from None
        budget = Budget(
            name=self.name,
            scope=scope,
            period=cast("Period", self.period),  # a budget refuses another
            limit_usd=self.limit_usd,
            time_zone=self.time_zone or time_zone,
            thresholds=self.thresholds,
            start_day=self.start_day,
            forecast_thresholds=self.forecast_thresholds,
        )
        return HeldBudget(budget, "set", self._begins_at(budget.time_zone, now))

    def _begins_at(self, time_zone: str, now: datetime) -> datetime:
        if self.from_on is None:
            return now
        today = now.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)).date()
        if not today <= self.from_on <= today + LONGEST_AHEAD:
            raise ConfigurationError(
                f"the budget {self.name!r}: it cannot hold from {self.from_on} on: what held before today stays, and "
                f"nobody plans ten years ahead. Give {today} or a later day of {time_zone}, or none for now"
            )
        return max(now, Window.of_day(self.from_on, time_zone).start_at)


def place_order(warehouse: Warehouse, wanted: HeldBudget, configured: Iterable[Budget], now: datetime) -> HeldBudget:
    """Set a budget, publish, and return it with the end that a later one of its name puts to it.

    Raises:
        ServiceUnavailableError: the warehouse is held by another program.
    """
    apply_budgets(warehouse, configured, now)
    held = set_budget(warehouse, wanted.budget, wanted.valid_from_at)
    publish_judged(warehouse, now)
    return held


def take_back(warehouse: Warehouse, name: str, configured: Iterable[Budget], now: datetime) -> None:
    """End a budget that was set, planned ones of its name included, and publish.

    Raises:
        NotSetError: no budget of that name was set.
        ServiceUnavailableError: the warehouse is held by another program.
    """
    unset_budget(warehouse, name, now)
    apply_budgets(warehouse, configured, now)
    publish_judged(warehouse, now)
