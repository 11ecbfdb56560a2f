"""Setting budgets, the one thing that the API changes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sophia_metrics.costs.budget_order import BudgetOrder, place_order, take_back
from sophia_metrics.costs.budgets import Budget, HeldBudget, Period, apply_budgets, set_budget
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.scopes import ALL, Scope
from sophia_metrics.warehouse.protocol import Warehouse

__all__ = ["BudgetLimits"]

NAMES: Mapping[Period, str] = {"day": "daily", "month": "monthly"}
"""What a budget of all spend is called where there is none yet."""


class BudgetLimits:
    """Sets what may be spent. What is set wins over sophia.toml until it is unset."""

    def __init__(
        self,
        open_warehouse: Callable[[datetime], Warehouse],
        configured: tuple[Budget, ...],
        time_zone: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._open_warehouse = open_warehouse
        self._configured = configured
        self._time_zone = time_zone
        self._clock = clock

    def set(self, limits: Mapping[Period, Decimal]) -> Mapping[Period, Decimal]:
        """Set these limits in dollars, publish, and return the limits that hold now.

        The budget that exists keeps its name, its time zone and its thresholds.

        Raises:
            ConfigurationError: a limit is no number of dollars above 0.
            ServiceUnavailableError: the state file is held by another program.
        """
        now = self._clock()
        warehouse = self._open_warehouse(now)
        holding = _of_all_spend(apply_budgets(warehouse, self._configured, now))
        wanted: dict[Period, Budget] = {
            period: self._wanted(holding.get(period), period, limit) for period, limit in limits.items()
        }
        for budget in wanted.values():
            set_budget(warehouse, budget, now)
        if wanted:
            publish_judged(warehouse, now)
        holds: dict[Period, Budget] = {**holding, **wanted}
        limits_now: dict[Period, Decimal] = {period: budget.limit_usd for period, budget in holds.items()}
        return limits_now

    def checked(self, order: BudgetOrder) -> HeldBudget:
        """Return the budget that somebody asks for, without setting it.

        Raises:
            ConfigurationError: a part of it is not as it must be.
        """
        return order.checked(self._time_zone, self._clock())

    def place(self, wanted: HeldBudget) -> HeldBudget:
        """Set a budget that was checked, publish, and return it with from when to when it holds.

        Raises:
            ServiceUnavailableError: the state file is held by another program.
        """
        now = self._clock()
        return place_order(self._open_warehouse(now), wanted, self._configured, now)

    def take_back(self, name: str) -> None:
        """End a budget that was set, and publish.

        Raises:
            NotSetError: no budget of that name was set.
            ServiceUnavailableError: the state file is held by another program.
        """
        now = self._clock()
        take_back(self._open_warehouse(now), name, self._configured, now)

    def _wanted(self, known: Budget | None, period: Period, limit: Decimal) -> Budget:
        if known is not None:
            return replace(known, limit_usd=limit)
        return Budget(NAMES[period], Scope(ALL, ALL), period, limit, self._time_zone)


def _of_all_spend(held: Iterable[HeldBudget]) -> dict[Period, Budget]:
    """Return the first budget by name of all spend, for a day and for a month."""
    found: dict[Period, Budget] = {}
    for each in held:
        if each.budget.scope.scope_type == ALL:
            found.setdefault(each.budget.period, each.budget)
    return found
