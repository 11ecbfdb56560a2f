"""What the close of a day made and found."""

from dataclasses import dataclass

from sophia_metrics.costs.anomalies import AnomaliesFound
from sophia_metrics.costs.forecasts import ForecastsMade
from sophia_metrics.warehouse.protocol import Publication

__all__ = ["DayClosed", "Findings"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was made of the settled days, and what was found on them.

    Attributes:
        forecasts: the forecasts that were made.
        anomalies: the days that are not as expected.
        suggestion_count: how many things could be done to spend less.
        drift_count: how many prices of models in use have moved since the last look.
        baseline_count: how many KPI have got a baseline.
    """

    forecasts: ForecastsMade
    anomalies: AnomaliesFound
    suggestion_count: int
    drift_count: int
    baseline_count: int


@dataclass(frozen=True, slots=True)
class DayClosed:
    """What was found, and the version that shows it."""

    findings: Findings
    publication: Publication
