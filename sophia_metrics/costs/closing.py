"""What the close of a day made and found."""

from dataclasses import dataclass

from sophia_metrics.costs.anomalies import AnomaliesFound
from sophia_metrics.costs.forecasts import ForecastsMade
from sophia_metrics.warehouse.protocol import Publication

__all__ = ["DayClosed"]


@dataclass(frozen=True, slots=True)
class DayClosed:
    """What was made of the settled days, what was found on them, and the version that shows it."""

    forecasts: ForecastsMade
    anomalies: AnomaliesFound
    publication: Publication
