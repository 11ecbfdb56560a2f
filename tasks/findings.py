"""Steps once a day is settled: what the next ones will cost, and which were not as expected."""

from datetime import datetime

from sophia_metrics.connect import connect_warehouse
from sophia_metrics.costs import anomalies, forecasts
from sophia_metrics.costs.anomalies import AnomaliesFound
from sophia_metrics.costs.forecasts import ForecastsMade
from sophia_metrics.settings import Settings
from tasks.step import step

__all__ = ["find_anomalies", "is_day_to_close", "make_forecasts"]


@step("look whether a day was settled", deadline_seconds=120)
def is_day_to_close(settings: Settings, now: datetime) -> bool:
    """Say whether a day was settled since forecasts were last made."""
    return forecasts.is_day_to_close(connect_warehouse(settings, now))


@step("make forecasts", deadline_seconds=1800)
def make_forecasts(settings: Settings, now: datetime) -> ForecastsMade:
    """Make and keep a forecast for each scope that has new settled days."""
    return forecasts.make_forecasts(connect_warehouse(settings, now), now)


@step("find anomalies", deadline_seconds=1800)
def find_anomalies(settings: Settings, now: datetime) -> AnomaliesFound:
    """Find the settled days that are not as expected, and end those that are so no longer."""
    return anomalies.find_anomalies(connect_warehouse(settings, now), now, settings.anomalies.limits)
