"""Budgets of the configuration."""

from sophia_metrics.costs.budgets import Budget
from sophia_metrics.scopes import Scope
from sophia_metrics.settings import Settings

__all__ = ["configured_budgets"]


def configured_budgets(settings: Settings) -> tuple[Budget, ...]:
    """Return the budgets of the configuration; those without a time zone of their own have that of the settings."""
    return tuple(
        Budget(
            name=each.name,
            scope=Scope.parse(each.scope),
            period=each.period,
            limit_usd=each.limit_usd,
            time_zone=each.time_zone or settings.time_zone,
            thresholds=each.thresholds,
            start_day=each.start_day,
            forecast_thresholds=each.forecast_thresholds,
        )
        for each in settings.budgets
    )
