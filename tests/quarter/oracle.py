"""What is to be said of the budgets' spend, worked out from the calls that were heard, without any of our code."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tests.quarter.usage import Call, calls_heard_on

__all__ = ["BUDGETS", "REMOVED_ON", "Said", "budget_messages"]


@dataclass(frozen=True)
class Budget:
    """A budget with one threshold; `team` None: all spend."""

    name: str
    team: str | None
    period: str
    limit_usd: int
    threshold: Decimal

    def period_of(self, day: date) -> date:
        return day if self.period == "day" else day.replace(day=1)


BUDGETS = (
    Budget("everything", None, "month", 3000, Decimal("0.8")),
    Budget("search", "search", "month", 1700, Decimal("0.8")),
    Budget("chat", "chat", "month", 600, Decimal("0.5")),
    Budget("research", "research", "day", 100, Decimal(1)),
)
REMOVED_ON = {"chat": date(2026, 9, 15)}
"""From that evening on the budget is not in sophia.toml any more."""


@dataclass(frozen=True)
class Said:
    """One message: on which evening, by which rule, of which budget, and what kind of message."""

    day_on: date
    rule: str
    subject: str
    kind: str


@dataclass
class _State:
    """A budget on its way through the quarter."""

    period: date | None = None
    is_open: bool = False
    has_fired: bool = False
    calls: dict[str, Call] = field(default_factory=dict[str, Call])

    def spent(self, budget: Budget) -> Decimal:
        own = (each for each in self.calls.values() if budget.team in {None, each.team})
        return sum((each.cost_usd for each in own if budget.period_of(each.day_on) == self.period), Decimal(0))


def budget_messages(lived: Iterable[date]) -> Iterator[Said]:
    """Yield every message about a budget's spend in days of which nothing before is known."""
    states = {budget: _State() for budget in BUDGETS}
    for day in lived:
        for budget, state in states.items():
            yield from _evening(budget, state, day)


def _evening(budget: Budget, state: _State, day: date) -> Iterator[Said]:
    rule = f"budget-{budget.threshold * 100:f}".removesuffix(".00").removesuffix(".0")
    state.calls |= {call.ident: call for call in calls_heard_on(day)}
    is_gone = budget.name in REMOVED_ON and day >= REMOVED_ON[budget.name]
    if state.is_open and (is_gone or budget.period_of(day) != state.period):
        yield Said(day, rule, budget.name, "resolve")
        state.is_open = False
    if is_gone:
        return
    if budget.period_of(day) != state.period:
        state.period, state.has_fired = budget.period_of(day), False
    is_reached = state.spent(budget) >= budget.limit_usd * budget.threshold
    if is_reached != state.is_open:
        kind = "resolve" if state.is_open else "correct" if state.has_fired else "fire"
        yield Said(day, rule, budget.name, kind)
        state.is_open, state.has_fired = is_reached, True
