"""Backfill usage: make named days anew from landing, by the rules of today."""

from datetime import date

from prefect import flow

from sophia_metrics.warehouse.protocol import BuildReport, Changed, Publication
from tasks.artifacts import show_freshness, show_spend
from tasks.checks import check_marts
from tasks.clock import utc_now
from tasks.marts import build_marts, publish_version
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings
from tasks.usage import rebuild_days

__all__ = ["backfill_usage"]


@flow(flow_run_name="backfill-usage {first} to {last}", persist_result=False)
def backfill_usage(first: date, last: date, config: str | None = None) -> tuple[Changed, BuildReport, Publication]:
    """Make the UTC days from `first` to `last`, both included, anew from landing, and publish them.

    Runs on the one host that has the state folder. Safe to run twice, at once with any other flow, and
    after a kill: the days are switched in one step, or not at all. What is priced keeps its price. A day
    whose landing is gone is refused, and nothing is changed. What the gate holds was never committed, and
    is not rebuilt. Where a day fails an expectation, readers keep the version that they have.

    Args:
        first: the first day.
        last: the last day.
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config)
    with recorded_run(settings, "backfill-usage", now := utc_now()) as run:
        changed = rebuild_days(settings, first, last, now)
        build = build_marts(settings, utc_now())
        quality = check_marts(settings, run, utc_now())
        finish_run(settings, run, utc_now(), quality=quality)
        publication = publish_version(settings, utc_now())
    show_spend(settings)
    show_freshness(settings)
    return changed, build, publication
