"""Close the day: what is settled by now tells what the next days will cost, and which day was not as expected."""

from prefect import flow

from sophia_metrics.costs.closing import DayClosed
from sophia_metrics.settings import Settings
from tasks.checks import check_marts
from tasks.clock import named_by_minute, utc_now
from tasks.findings import find_anomalies, is_day_to_close, make_forecasts
from tasks.marts import build_marts, publish_version
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings

__all__ = ["close_day", "note_findings"]


@flow(flow_run_name=named_by_minute("close-day"), persist_result=False)
def close_day(config: str | None = None) -> DayClosed:
    """Build what changed, make forecasts, find anomalies, publish; return what was made and found.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: a forecast that was
    made stays as it is, and an anomaly is found once. Only settled days are looked at.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config)
    with recorded_run(settings, "close-day", utc_now()) as run:
        build_marts(settings, utc_now())
        quality = check_marts(settings, run, utc_now())
        forecasts = make_forecasts(settings, utc_now())
        anomalies = find_anomalies(settings, utc_now())
        finish_run(settings, run, utc_now(), quality=quality)
        publication = publish_version(settings, utc_now())
    return DayClosed(forecasts, anomalies, publication)


def note_findings(settings: Settings) -> None:
    """Make forecasts and find anomalies where a day was settled since that was last done; the marts are built."""
    if is_day_to_close(settings, utc_now()):
        make_forecasts(settings, utc_now())
        find_anomalies(settings, utc_now())
