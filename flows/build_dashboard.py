"""Build the dashboard tables: from core to a version that readers see."""

from prefect import flow

from sophia_metrics.warehouse.protocol import BuildReport, Publication
from tasks.artifacts import show_budgets, show_freshness, show_spend
from tasks.budgets import note_budgets
from tasks.checks import check_marts
from tasks.clock import named_by_minute, utc_now
from tasks.marts import build_marts, publish_version, write_analytics
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings
from tasks.usage import audit_days

__all__ = ["build_dashboard"]


@flow(flow_run_name=named_by_minute("build-dashboard"), persist_result=False)
def build_dashboard(config: str | None = None) -> tuple[BuildReport, Publication]:
    """Make events one that stand on several days, build the mart days whose inputs changed, publish; return both.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: a day is
    made anew from its inputs, never added to; readers see the old version or the new one, and never wait.
    Where nothing changed it builds and publishes nothing. What the gate held is not in core, nor here. Held:
    a day fails an expectation. Readers keep the version that they have, and every run judges the day again.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config)
    with recorded_run(settings, "build-dashboard", utc_now()) as run:
        audit_days(settings, utc_now())
        note_budgets(settings, utc_now())
        build = build_marts(settings, utc_now())
        quality = check_marts(settings, run, utc_now())
        finish_run(settings, run, utc_now(), quality=quality)
        publication = publish_version(settings, utc_now())
        if settings.snowflake is not None and settings.snowflake.analytics_sink is not None:
            write_analytics(settings, utc_now())
    show_spend(settings)
    show_budgets(settings)
    show_freshness(settings)
    return build, publication
