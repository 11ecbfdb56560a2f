"""What a run reports, to a person or to a machine, and the exit code that it ends with."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from sophia_metrics.cache.reading import CacheReading
from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.prefect_api import prefect_home
from sophia_metrics.cli.published import load_published
from sophia_metrics.cli.quality_page import quality_facts, quality_sections
from sophia_metrics.cli.run_page import RunPage, print_page
from sophia_metrics.cli.spend_page import SHOWN_MODELS
from sophia_metrics.connect import roles_in_force
from sophia_metrics.costs.budget_report import load_budget_status
from sophia_metrics.costs.outdated_roles import load_outdated_roles
from sophia_metrics.costs.reconciliation import load_double_ledgers
from sophia_metrics.costs.spend_report import load_spend
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings
from sophia_metrics.usage.outcome import Collected, RunSummary
from sophia_metrics.windows import naive_utc

__all__ = ["report_run"]


def report_run(settings: Settings, summary: RunSummary, *, is_plain: bool, is_json: bool) -> None:
    """Print what the run did and what is published now."""
    now = naive_utc(datetime.now(UTC))
    serving = Serving(settings.home)
    if serving.version is None:
        _report_unpublished(summary, is_json=is_json)
        return
    page = RunPage(
        summary=summary,
        spend=load_spend(serving, now, settings.time_zone, model_count=None if is_json else SHOWN_MODELS),
        budgets=load_budget_status(serving),
        double_ledgers=load_double_ledgers(serving, now),
        outdated_roles=load_outdated_roles(serving, roles_in_force(settings), now),
        published=load_published(serving),
        home=settings.home,
        prefect_home=None if is_plain else prefect_home(),
        now=now,
    )
    if is_json:
        print_facts(run_facts(page))
    else:
        print_page(page)


def _report_unpublished(summary: RunSummary, *, is_json: bool) -> None:
    """Say why there is nothing to read: the very first publish was held back."""
    if is_json:
        facts = {"run_id": summary.run_id, "is_held": summary.is_held, "quality": quality_facts(summary.quality)}
        print_facts({**facts, "rows": asdict(summary.counts), "published": None})
        return
    console = Console(highlight=False)
    for section in quality_sections(summary.quality, summary.publication):
        console.print(section)


def run_facts(page: RunPage) -> dict[str, Any]:
    """Return the page as JSON holds it."""
    summary = page.summary
    return {
        "run_id": summary.run_id,
        "is_changed": page.is_changed,
        "is_held": summary.is_held,
        "rows": asdict(summary.counts),
        "sources": [_source_facts(each) for each in summary.collected],
        "repriced_count": summary.repriced_count,
        "built_day_count": summary.build.day_count,
        "caches": [_cache_facts(each) for each in summary.caches.readings],
        "cache_problems": summary.caches.problems,
        "state_folder": page.home,
        "quality": quality_facts(summary.quality),
        "published": page.published,
        "spend": page.spend,
        "budgets": page.budgets,
        "double_ledgers": page.double_ledgers,
        "outdated_roles": page.outdated_roles,
    }


def _cache_facts(reading: CacheReading) -> dict[str, Any]:
    return {"cache": reading.cache, "node": reading.node, **asdict(reading.entries)}


def _source_facts(collected: Collected) -> dict[str, Any]:
    return {
        "source": collected.source,
        "file_count": collected.findings.file_count,
        "new_file_count": collected.findings.new_file_count,
        "rows": asdict(collected.counts),
        "days": sorted({day for receipt in collected.receipts for day in receipt.days}),
        "refused": collected.refused,
        "held": [{"attempt_id": each.attempt_id, "reason": each.held_because} for each in collected.held],
    }
