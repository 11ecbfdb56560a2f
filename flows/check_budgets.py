"""Check the budgets: what is spent of each, and where its period will end."""

from prefect import flow

from sophia_metrics.costs.budget_report import BudgetStatus
from tasks.artifacts import show_budgets
from tasks.budgets import note_budgets, read_budgets
from tasks.checks import check_marts
from tasks.clock import named_by_minute, utc_now
from tasks.marts import build_marts, publish_version
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings

__all__ = ["check_budgets"]


@flow(flow_run_name=named_by_minute("check-budgets"), persist_result=False)
def check_budgets(config: str | None = None) -> tuple[BudgetStatus, ...]:
    """Note what is configured, build what changed, publish it; return how every budget stands.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: the spend is
    computed from the usage of the period each time, never counted up. It publishes where usage or a budget
    changed, where a day ended in the time zone of a budget, and where a day was settled, and nothing while a day
    fails an expectation.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config)
    with recorded_run(settings, "check-budgets", utc_now()) as run:
        note_budgets(settings, utc_now())
        build_marts(settings, utc_now())
        quality = check_marts(settings, run, utc_now())
        finish_run(settings, run, utc_now(), quality=quality)
        publish_version(settings, utc_now())
    show_budgets(settings)
    return read_budgets(settings)
