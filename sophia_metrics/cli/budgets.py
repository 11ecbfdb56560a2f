"""`sophia-metrics budgets`: how they stand; setting one, and taking that back."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from rich.console import Console

from sophia_metrics.cli.budget_page import budget_section, planned_line
from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.published import load_published
from sophia_metrics.cli.run_page import sample_banner
from sophia_metrics.connect import configured_budgets, connect_warehouse
from sophia_metrics.costs.budget_order import BudgetOrder, place_order, take_back
from sophia_metrics.costs.budget_report import load_budget_status
from sophia_metrics.costs.budgets import HeldBudget, published_budgets
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["number", "numbers", "print_budgets", "set_and_print", "unset_and_print"]


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
    now = naive_utc(datetime.now(UTC))
    wanted = order.checked(settings.time_zone, now)
    place_order(connect_warehouse(settings, now), wanted, configured_budgets(settings), now)
    _print(settings, is_json=is_json)


def unset_and_print(name: str, *, is_json: bool) -> None:
    """End a budget that was set, publish, and print how all of them stand.

    Raises:
        ConfigurationError: no budget of that name was set.
    """
    settings = load_settings()
    now = naive_utc(datetime.now(UTC))
    take_back(connect_warehouse(settings, now), name, configured_budgets(settings), now)
    _print(settings, is_json=is_json)


def numbers(option: str, text: str) -> tuple[Decimal, ...]:
    """Return numbers that stand in one text, with commas between them.

    Raises:
        ConfigurationError: one is none.
    """
    return tuple(number(option, each.strip()) for each in text.split(","))


def number(option: str, text: str) -> Decimal:
    """Return the number that a text holds.

    Raises:
        ConfigurationError: it holds none.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ConfigurationError(f"{option} takes a number, as in 100 or 0.8, and not {text!r}") from None


def _print(settings: Settings, *, is_json: bool) -> None:
    serving = Serving(settings.home)
    budgets, published = load_budget_status(serving), load_published(serving)
    now = naive_utc(datetime.now(UTC))
    planned = [each for each in published_budgets(serving, now) if each.valid_from_at > now]
    if is_json:
        print_facts({"is_sample": published.is_sample, "budgets": budgets, "planned": list(map(_planned, planned))})
        return
    console = Console(highlight=False)
    if published.is_sample:
        console.print(sample_banner())
    console.print(budget_section(budgets))
    for each in planned:
        console.print(planned_line(each))


def _planned(held: HeldBudget) -> dict[str, Any]:
    budget = held.budget
    return {
        "budget": budget.name,
        "scope": str(budget.scope),
        "period": budget.period,
        "time_zone": budget.time_zone,
        "limit_usd": budget.limit_usd,
        "valid_from_at": held.valid_from_at,
    }
