"""Close the day: what is settled by now tells what the next days will cost, and which day was not as expected."""

from prefect import flow

from sophia_metrics.costs.closing import DayClosed, Findings
from sophia_metrics.settings import Settings
from tasks.artifacts import show_forecast
from tasks.checks import check_marts
from tasks.clock import named_by_minute, utc_now
from tasks.findings import find_anomalies, find_suggestions, is_day_to_close, make_forecasts, note_baselines
from tasks.marts import build_marts, publish_version
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings
from tasks.usage import note_drift

__all__ = ["close_day", "note_findings"]


@flow(flow_run_name=named_by_minute("close-day"), persist_result=False)
def close_day(config: str | None = None) -> DayClosed:
    """Build what changed, make forecasts, find anomalies, suggestions and prices that moved, publish; return all that.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: a forecast that was
    made stays as it is, and an anomaly is found once. Only settled days are looked at.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config)
    with recorded_run(settings, "close-day", utc_now()) as run:
        build_marts(settings, utc_now())
        quality = check_marts(settings, run, utc_now())
        findings = find(settings)
        finish_run(settings, run, utc_now(), quality=quality)
        publication = publish_version(settings, utc_now())
    show_forecast(settings)
    return DayClosed(findings, publication)


def note_findings(settings: Settings) -> None:
    """Find what there is to find where a day was settled since that was last done; the marts are built."""
    if is_day_to_close(settings, utc_now()):
        find(settings)


def find(settings: Settings) -> Findings:
    """Make forecasts, and find what is unusual, what could be cheaper, which prices moved, and where KPI began."""
    return Findings(
        forecasts=make_forecasts(settings, utc_now()),
        anomalies=find_anomalies(settings, utc_now()),
        suggestion_count=find_suggestions(settings, utc_now()),
        drift_count=note_drift(settings, utc_now()),
        baseline_count=note_baselines(settings, utc_now()),
    )
