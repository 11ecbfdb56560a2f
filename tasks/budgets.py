"""Steps about budgets: what is configured is recorded before a version is published that shows it."""

from datetime import datetime

from sophia_metrics.connect import configured_budgets, connect_warehouse
from sophia_metrics.costs.budget_report import BudgetStatus, load_budget_status
from sophia_metrics.costs.budgets import HeldBudget, apply_budgets
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings
from tasks.step import step

__all__ = ["note_budgets", "read_budgets"]


@step("note the budgets", deadline_seconds=120)
def note_budgets(settings: Settings, now: datetime) -> tuple[HeldBudget, ...]:
    """Record the configured budgets where they differ from those that held; return what holds now."""
    return apply_budgets(connect_warehouse(settings, now), configured_budgets(settings), now)


@step("read the budgets", deadline_seconds=120)
def read_budgets(settings: Settings) -> tuple[BudgetStatus, ...]:
    """Return how the budgets stand, as the published version says."""
    return load_budget_status(Serving(settings.home))
