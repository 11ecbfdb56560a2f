"""The marts: tables for people and dashboards, each the answer to one question; by what they are about."""

from sophia_metrics.schema.marts.budgets import BUDGET_DAYS, BUDGET_STATUS
from sophia_metrics.schema.marts.caches import CACHE_PERFORMANCE
from sophia_metrics.schema.marts.costs import (
    COST_15MIN,
    COST_DAILY,
    COST_HOURLY,
    COST_MEASURES,
    COST_TREND,
    PRICE_ASSUMPTIONS,
    SETTLEMENT,
    SOURCE_DAILY,
    USAGE_15MIN,
)
from sophia_metrics.schema.marts.dimensions import DIMENSION_NAMES, DIMENSIONS
from sophia_metrics.schema.marts.models import LATENCY_HISTOGRAM, MODEL_EFFICIENCY
from sophia_metrics.schema.marts.performance import PERFORMANCE_NOW
from sophia_metrics.schema.marts.pipeline import DATA_QUALITY, FRESHNESS, PIPELINE_RUNS_MART
from sophia_metrics.schema.marts.services import SERVICE_15MIN, SERVICE_AVAILABILITY, SERVICE_HEALTH

__all__ = [
    "BUDGET_DAYS",
    "BUDGET_STATUS",
    "CACHE_PERFORMANCE",
    "COST_15MIN",
    "COST_DAILY",
    "COST_HOURLY",
    "COST_MEASURES",
    "COST_TREND",
    "DATA_QUALITY",
    "DIMENSIONS",
    "DIMENSION_NAMES",
    "FRESHNESS",
    "LATENCY_HISTOGRAM",
    "MODEL_EFFICIENCY",
    "PERFORMANCE_NOW",
    "PIPELINE_RUNS_MART",
    "PRICE_ASSUMPTIONS",
    "SERVICE_15MIN",
    "SERVICE_AVAILABILITY",
    "SERVICE_HEALTH",
    "SETTLEMENT",
    "SOURCE_DAILY",
    "USAGE_15MIN",
]
