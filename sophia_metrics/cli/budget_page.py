"""Budgets on the terminal: what is spent of each, and where its period will end."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.figures import instant, money, plural
from sophia_metrics.costs.budget_report import BudgetStatus
from sophia_metrics.costs.budgets import HeldBudget

__all__ = ["budget_section", "planned_line"]

STYLES = {"over": "bold red", "warning": "bold yellow"}
STATES = {"no_data": "no data"}
PROJECTIONS = {"insufficient_history": "too few settled days", "no_data": "no data"}


def budget_section(budgets: Iterable[BudgetStatus]) -> RenderableType:
    """Return the budgets with a title; where there are none, how to have one."""
    shown = tuple(budgets)
    title = Text("Budgets, USD", style="bold")
    if not shown:
        return Group(title, Text("none: [[budgets]] in sophia.toml, or `sophia-metrics budgets set`"), Text())
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column("budget", overflow="fold")
    grid.add_column("period", overflow="fold")
    for heading in ("spent", "limit", "", "at its end"):
        grid.add_column(heading, justify="right", no_wrap=True)
    grid.add_column("state", no_wrap=True)
    for each in shown:
        state = Text(STATES.get(each.budget_state, each.budget_state), style=STYLES.get(each.budget_state, ""))
        grid.add_row(_name(each), _period(each), _spent(each), money(each.limit_usd), _share(each), _end(each), state)
    notes = [_unpriced(each) for each in shown if each.unpriced_count]
    return Group(title, grid, *(Text(note, style="dim") for note in notes), Text())


def planned_line(held: HeldBudget) -> str:
    """Return what is planned for later in a line."""
    budget = held.budget
    name = budget.name if str(budget.scope) == "all" else f"{budget.name} ({budget.scope})"
    return f"from {instant(held.valid_from_at)}: {name}, {money(budget.limit_usd)} each {budget.period}"


def _name(budget: BudgetStatus) -> str:
    return budget.budget if budget.scope == "all" else f"{budget.budget} ({budget.scope})"


def _period(budget: BudgetStatus) -> str:
    start = budget.period_start_on
    match budget.period:
        case "day":
            return f"{start:%a %d %b} {budget.time_zone}"
        case "month" if start.day == 1:
            return f"{start:%B %Y} {budget.time_zone}"
        case period:
            return f"{period} from {start:%a %d %b %Y} {budget.time_zone}"


def _spent(budget: BudgetStatus) -> str:
    return "no data" if budget.spent_usd is None else money(budget.spent_usd) + ("*" if budget.unpriced_count else "")


def _share(budget: BudgetStatus) -> str:
    return "" if budget.spent_ratio is None else f"{budget.spent_ratio:.0%}"


def _end(budget: BudgetStatus) -> str:
    if budget.projected_p50_usd is None:
        return PROJECTIONS.get(budget.projection_state, "unknown")
    low, high = budget.projected_p10_usd, budget.projected_p90_usd
    if low is None or high is None or budget.projection_state == "final":
        return f"about {money(budget.projected_p50_usd)}"
    return f"{money(low)} to {money(high)}"


def _unpriced(budget: BudgetStatus) -> str:
    return f"* {plural(budget.unpriced_count, 'call')} of unknown cost left out of {budget.budget}"
