"""`sophia-metrics budgets`: how they stand; setting one, and taking that back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from rich.console import Console

from sophia_metrics.cli.budget_page import budget_section
from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.published import load_published
from sophia_metrics.cli.run_page import sample_banner
from sophia_metrics.connect import configured_budgets, connect_warehouse
from sophia_metrics.costs.budget_report import load_budget_status
from sophia_metrics.costs.budgets import Budget, apply_budgets, set_budget, unset_budget
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.periods import Period
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["BudgetOrder", "print_budgets", "set_and_print", "unset_and_print"]


@dataclass(frozen=True, slots=True)
class BudgetOrder:
    """A budget as a person gives it: texts, of which any may be wrong. `time_zone` None: that of the settings."""

    name: str
    limit: str
    period: Period
    scope: str
    time_zone: str | None
    thresholds: str
    start_day: int = 1
    forecast_thresholds: str = "1"


def print_budgets(*, is_json: bool) -> None:
    """Print the budgets of the published version.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    _print(load_settings(), is_json=is_json)


def set_and_print(order: BudgetOrder, *, is_json: bool) -> None:
    """Set a budget, publish it, and print how all of them stand.

    Raises:
        ConfigurationError: a part of it is not as it must be.
    """
    settings = load_settings()
    budget = _budget(order, settings)
    now = naive_utc(datetime.now(UTC))
    warehouse = connect_warehouse(settings, now)
    apply_budgets(warehouse, configured_budgets(settings), now)
    set_budget(warehouse, budget, now)
    publish_judged(warehouse, now)
    _print(settings, is_json=is_json)


def unset_and_print(name: str, *, is_json: bool) -> None:
    """End a budget that was set, publish, and print how all of them stand.

    Raises:
        ConfigurationError: no budget of that name was set.
    """
    settings = load_settings()
    now = naive_utc(datetime.now(UTC))
    warehouse = connect_warehouse(settings, now)
    unset_budget(warehouse, name, now)
    apply_budgets(warehouse, configured_budgets(settings), now)
    publish_judged(warehouse, now)
    _print(settings, is_json=is_json)


def _print(settings: Settings, *, is_json: bool) -> None:
    serving = Serving(settings.home)
    budgets, published = load_budget_status(serving), load_published(serving)
    if is_json:
        print_facts({"is_sample": published.is_sample, "budgets": budgets})
        return
    console = Console(highlight=False)
    if published.is_sample:
        console.print(sample_banner())
    console.print(budget_section(budgets))


def _budget(order: BudgetOrder, settings: Settings) -> Budget:
    try:
        scope = Scope.parse(order.scope)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return Budget(
        name=order.name,
        scope=scope,
        period=order.period,
        limit_usd=_number("--limit", order.limit),
        time_zone=order.time_zone or settings.time_zone,
        thresholds=_numbers("--thresholds", order.thresholds),
        start_day=order.start_day,
        forecast_thresholds=_numbers("--forecast-thresholds", order.forecast_thresholds),
    )


def _numbers(option: str, text: str) -> tuple[Decimal, ...]:
    return tuple(_number(option, each.strip()) for each in text.split(","))


def _number(option: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ConfigurationError(f"{option} takes a number, as in 100 or 0.8, and not {text!r}") from None
