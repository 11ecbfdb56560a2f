"""Steps once a day is settled: what the next ones will cost, and which were not as expected."""

from datetime import datetime

from sophia_metrics.connect import connect_warehouse, price_book
from sophia_metrics.costs import anomalies, forecasts, kpi
from sophia_metrics.costs.anomalies import AnomaliesFound
from sophia_metrics.costs.forecasts import ForecastsMade
from sophia_metrics.settings import Settings
from sophia_metrics.suggestions import find
from tasks.step import step

__all__ = ["find_anomalies", "find_suggestions", "is_day_to_close", "make_forecasts", "note_baselines"]


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


@step("find suggestions", deadline_seconds=1800)
def find_suggestions(settings: Settings, now: datetime) -> int:
    """Find what could be done to spend less, and end what no longer holds; return how much there is."""
    warehouse = connect_warehouse(settings, now)
    found = find.find_suggestions(warehouse, now, book=price_book(settings), settings=settings.suggestions)
    return len(found)


@step("note the baselines", deadline_seconds=600)
def note_baselines(settings: Settings, now: datetime) -> int:
    """Note what a KPI was in its first full window, where that is settled by now; return of how many."""
    return len(kpi.note_baselines(connect_warehouse(settings, now), now))
