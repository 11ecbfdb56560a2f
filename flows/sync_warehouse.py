"""Sync the warehouse: what was observed here goes to Snowflake, is built there, and both sides publish."""

from prefect import flow

from sophia_metrics.warehouse.protocol import Publication
from tasks.checks import check_marts
from tasks.clock import named_by_minute, utc_now
from tasks.forwarding import forward_observations, is_forwarding_due
from tasks.marts import build_marts, publish_version
from tasks.runs import finish_run, recorded_run, unrecorded_run
from tasks.settings import read_settings

__all__ = ["sync_warehouse"]


@flow(flow_run_name=named_by_minute("sync-warehouse"), persist_result=False)
def sync_warehouse(config: str | None = None) -> Publication | None:
    """Forward observations, runs and alerts to Snowflake, build, judge, publish; return the version here.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: rows are merged by
    key. Between two runs Snowflake's warehouse may sleep: it does nothing until [snowflake] commit_every_minutes have
    passed, and on DuckDB never anything; then it returns None.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config)
    if settings.warehouse == "duckdb":
        return None
    if not is_forwarding_due(settings, utc_now()):
        with unrecorded_run(settings, "sync-warehouse", utc_now()):
            return None
    with recorded_run(settings, "sync-warehouse", utc_now()) as run:
        forward_observations(settings, utc_now())
        build_marts(settings, utc_now())
        quality = check_marts(settings, run, utc_now())
        finish_run(settings, run, utc_now(), quality=quality)
        return publish_version(settings, utc_now())
