"""Check the quality of all there is: core and marts, every day, by the compiled SQL and by Great Expectations."""

from prefect import flow

from sophia_metrics.quality.checkpoint import Checkpoint
from sophia_metrics.quality.report import QualityReport
from tasks.artifacts import show_quality
from tasks.checks import check_marts, run_checkpoint
from tasks.clock import named_by_minute, utc_now
from tasks.marts import build_marts, publish_version
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings

__all__ = ["check_quality"]


@flow(flow_run_name=named_by_minute("check-quality"), persist_result=False)
def check_quality(config: str | None = None) -> QualityReport:
    """Judge every day of core and of the marts, write Data Docs, publish; return the verdicts.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill. Its cost grows
    with the history; the other flows judge only the days that changed.
    Held: a day fails an expectation. Readers keep the version that they have, and every run judges the day again.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config)
    with (
        recorded_run(settings, "check-quality", now := utc_now()) as run,
        Checkpoint(now) as great_expectations,
    ):
        build_marts(settings, utc_now())
        quality = check_marts(settings, run, utc_now(), every_day=True)
        quality = run_checkpoint(settings, run, great_expectations, quality, utc_now())
        finish_run(settings, run, utc_now(), quality=quality)
        publish_version(settings, utc_now())
    show_quality((), quality)
    return quality
