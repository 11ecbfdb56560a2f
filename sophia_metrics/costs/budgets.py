"""Budgets: what may be spent in a scope, since when, and who said so.

Budgets are decisions, effective-dated in core_budgets. What was set through the API or the command line wins over
what is configured, until it is unset; the configured one goes on below it and holds again then. How much of a
budget is spent is never kept: mart_budget_status computes it from the usage of the period.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

import polars as pl

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.periods import LAST_START_DAYS, PERIODS, Period
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import Serving
from sophia_metrics.time_zones import is_time_zone
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = [
    "DEFAULT_FORECAST_THRESHOLDS",
    "DEFAULT_THRESHOLDS",
    "Budget",
    "HeldBudget",
    "NotSetError",
    "Period",
    "apply_budgets",
    "budgets_at",
    "configured_changes",
    "load_budgets",
    "published_budgets",
    "set_budget",
    "unset_budget",
]

Origin = Literal["configured", "set"]

DEFAULT_THRESHOLDS = (Decimal("0.8"), Decimal(1))
DEFAULT_FORECAST_THRESHOLDS = (Decimal(1),)
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
PLACES = 6
MOST_DOLLARS = Decimal(10) ** 14
MOST_THRESHOLD = Decimal(100)

SELECT_BUDGETS = f"SELECT {', '.join(state.BUDGETS.names)} FROM core_budgets ORDER BY budget, valid_from_at, origin"


class NotSetError(ConfigurationError):
    """No budget of that name was set through the API or the command line."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent in a scope, in each day, week, month or quarter of a time zone.

    Attributes:
        name: its name.
        scope: what it is about.
        period: day, week, month or quarter.
        limit_usd: what may be spent in a period, in dollars; above 0, with at most 6 decimals.
        time_zone: IANA name of the zone whose days are meant.
        thresholds: shares of the limit at which a person is told, ascending; reaching one is enough.
        start_day: on which day a period begins: of a week 1 is Monday, 7 Sunday; of a month, and of the first month of
            a quarter, the day of the month, or its last day where it is shorter.
        forecast_thresholds: shares of the limit at which a person is told when the forecast for the end of the period
            reaches one, ascending.

    Raises:
        ConfigurationError: a part of it is not as it must be.
    """

    name: str
    scope: Scope
    period: Period
    limit_usd: Decimal
    time_zone: str = "UTC"
    thresholds: tuple[Decimal, ...] = DEFAULT_THRESHOLDS
    start_day: int = 1
    forecast_thresholds: tuple[Decimal, ...] = DEFAULT_FORECAST_THRESHOLDS

    def __post_init__(self) -> None:
        problem = next((text for is_wrong, text in self._problems() if is_wrong), None)
        if problem is not None:
            raise ConfigurationError(f"the budget {self.name!r}: {problem}")

    def _problems(self) -> Iterable[tuple[bool, str]]:
        yield NAME.fullmatch(self.name) is None, "a name is a small letter, then letters, digits, - or _, as in daily"
        yield self.period not in PERIODS, f"the period is day, week, month or quarter, not {self.period!r}"
        yield self.start_day not in range(1, LAST_START_DAYS.get(self.period, 1) + 1), _wrong_start_day(self.period)
        yield (
            not _is_number(self.limit_usd, MOST_DOLLARS),
            f"the limit must be a number of dollars above 0 with at most {PLACES} decimals, as in 100",
        )
        yield (
            not is_time_zone(self.time_zone),
            f"{self.time_zone!r} is no time zone of the IANA database; one is Europe/Berlin",
        )
        for name, shares in (("thresholds", self.thresholds), ("forecast_thresholds", self.forecast_thresholds)):
            yield (
                not shares or not all(_is_number(each, MOST_THRESHOLD) for each in shares),
                f"{name} are shares of the limit above 0, as in 0.8 and 1",
            )
            yield list(shares) != sorted(set(shares)), f"{name} must ascend, each once"


@dataclass(frozen=True, slots=True)
class HeldBudget:
    """A budget, by whom it was given, and from when to when it holds (naive UTC; None: until further notice)."""

    budget: Budget
    origin: Origin
    valid_from_at: datetime
    valid_to_at: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        """Say whether it holds at a naive UTC moment, if nothing wins over it."""
        return self.valid_from_at <= moment and not self.is_over_at(moment)

    def is_over_at(self, moment: datetime) -> bool:
        """Say whether it has ended at a naive UTC moment; what was taken back before it began is over then."""
        return self.valid_to_at is not None and self.valid_to_at <= moment


def budgets_at(held: Iterable[HeldBudget], moment: datetime) -> tuple[HeldBudget, ...]:
    """Return the budgets that hold at a naive UTC moment, by name: one that was set wins over a configured one."""
    winners: dict[str, HeldBudget] = {}
    for each in sorted(held, key=lambda each: (each.origin == "set", each.valid_from_at)):
        if each.holds_at(moment):
            winners[each.budget.name] = each
    return tuple(winners[name] for name in sorted(winners))


def configured_changes(
    held: Iterable[HeldBudget], configured: Iterable[Budget], now: datetime
) -> tuple[HeldBudget, ...]:
    """Return what must be recorded so that the configured budgets are these from `now` on (naive UTC)."""
    wanted = {budget.name: budget for budget in configured}
    known = [each for each in held if each.origin == "configured" and each.holds_at(now)]
    ended = [replace(each, valid_to_at=now) for each in known if wanted.get(each.budget.name) != each.budget]
    kept = {each.budget.name for each in known if wanted.get(each.budget.name) == each.budget}
    begun = [HeldBudget(budget, "configured", now) for name, budget in wanted.items() if name not in kept]
    return (*ended, *begun)


def load_budgets(warehouse: Warehouse) -> tuple[HeldBudget, ...]:
    """Return every budget that holds or ever held."""
    return tuple(_read(*row) for row in warehouse.read(Query(SELECT_BUDGETS)).iter_rows())


def apply_budgets(warehouse: Warehouse, configured: Iterable[Budget], now: datetime) -> tuple[HeldBudget, ...]:
    """Record the configured budgets where they differ from those that held, and return what holds now."""
    held = load_budgets(warehouse)
    changes = configured_changes(held, configured, now)
    if changes:
        _record(warehouse, changes)
        held = load_budgets(warehouse)
    return budgets_at(held, now)


def set_budget(warehouse: Warehouse, budget: Budget, from_at: datetime) -> HeldBudget:
    """Let a budget hold from `from_at` on (naive UTC), whatever is configured under its name, until it is unset.

    Where a later one of its name is planned already, it holds until that begins. The next publish shows it.
    """
    own = [each for each in load_budgets(warehouse) if each.origin == "set" and each.budget.name == budget.name]
    ended = [replace(each, valid_to_at=from_at) for each in own if each.holds_at(from_at)]
    planned = (each.valid_from_at for each in own if each.valid_from_at > from_at and not each.is_over_at(from_at))
    held = HeldBudget(budget, "set", from_at, min(planned, default=None))
    _record(warehouse, (*ended, held))
    return held


def unset_budget(warehouse: Warehouse, name: str, now: datetime) -> None:
    """End a budget that was set, and those planned under its name; what is configured under it holds again.

    Raises:
        NotSetError: no budget of that name was set.
    """
    held = load_budgets(warehouse)
    own = [each for each in held if each.origin == "set" and not each.is_over_at(now)]
    ended = [replace(each, valid_to_at=max(now, each.valid_from_at)) for each in own if each.budget.name == name]
    if not ended:
        names = sorted({each.budget.name for each in own})
        raise NotSetError(
            f"no budget {name!r} was set through the API or the command line (set are: {', '.join(names) or 'none'}); "
            "one that is configured is changed in sophia.toml"
        )
    _record(warehouse, ended)


def published_budgets(serving: Serving, now: datetime) -> tuple[HeldBudget, ...]:
    """Return the budgets of the published version that hold at a naive UTC moment, then those that are to hold later.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with serving.answers() as ask:
        columns = ask("SELECT column_name FROM information_schema.columns WHERE table_name = 'core_budgets'", None)
        if not set(state.BUDGETS.names) <= set(columns["column_name"]):
            return ()  # of an older program, which publishes anew when it runs
        held = [_read(*row) for row in ask(SELECT_BUDGETS, None).iter_rows()]
    planned = [each for each in held if each.valid_from_at > now and not each.is_over_at(each.valid_from_at)]
    return (*budgets_at(held, now), *sorted(planned, key=lambda each: (each.valid_from_at, each.budget.name)))


def _wrong_start_day(period: str) -> str:
    match period:
        case "day":
            return "a day has no start_day: leave it out"
        case "week":
            return "start_day of a week is 1 (Monday) to 7 (Sunday)"
        case _:
            return "start_day is a day of the month, 1 to 31"


def _is_number(value: Decimal, most: Decimal) -> bool:
    """Say whether a value is above 0, not absurd, and has no more decimals than tables keep."""
    if not value.is_finite() or not 0 < value <= most:
        return False
    exponent = value.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -PLACES


def _record(warehouse: Warehouse, rows: Sequence[HeldBudget]) -> None:
    by_key = {(each.budget.name, each.origin, each.valid_from_at): _row(each) for each in rows}
    frame = pl.DataFrame(list(by_key.values()), schema=polars_schema(state.BUDGETS))
    warehouse.record(Record({state.BUDGETS.name: frame}))


def _row(held: HeldBudget) -> dict[str, object]:
    budget = held.budget
    return {
        "budget": budget.name,
        "origin": held.origin,
        "scope_type": budget.scope.scope_type,
        "scope_value": budget.scope.scope_value,
        "period": budget.period,
        "limit_usd": budget.limit_usd,
        "time_zone": budget.time_zone,
        "thresholds": _json(budget.thresholds),
        "warning_ratio": float(budget.thresholds[0]),
        "valid_from_at": held.valid_from_at,
        "valid_to_at": held.valid_to_at,
        "start_day": budget.start_day,
        "forecast_thresholds": _json(budget.forecast_thresholds),
    }


def _json(shares: Sequence[Decimal]) -> str:
    return f"[{', '.join(f'{each.normalize():f}' for each in shares)}]"


def _shares(text: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(each) for each in json.loads(text, parse_float=Decimal))


def _read(
    name: str,
    origin: Origin,
    scope_type: str,
    scope_value: str,
    period: Period,
    limit_usd: Decimal,
    time_zone: str,
    thresholds: str,
    _warning_ratio: float,
    valid_from_at: datetime,
    valid_to_at: datetime | None,
    start_day: int | None,
    forecast_thresholds: str | None,
) -> HeldBudget:
    budget = Budget(
        name,
        Scope(scope_type, scope_value),
        period,
        limit_usd,
        time_zone,
        _shares(thresholds),
        start_day or 1,
        _shares(forecast_thresholds) if forecast_thresholds else DEFAULT_FORECAST_THRESHOLDS,
    )
    return HeldBudget(budget, origin, valid_from_at, valid_to_at)
