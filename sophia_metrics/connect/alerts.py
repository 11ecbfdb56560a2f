"""When something is an alert, and who hears of it."""

from datetime import time, timedelta

from sophia_metrics.alerts.anomaly_rule import AnomalyRule
from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.channel import Channel
from sophia_metrics.alerts.flow_rule import FlowRule
from sophia_metrics.alerts.forecast_rule import ForecastRule
from sophia_metrics.alerts.maintenance_settings import WEEKDAYS, AlertMaintenanceSettings
from sophia_metrics.alerts.maintenance_windows import MaintenanceWindow, WeeklyTimes
from sophia_metrics.alerts.policy import Policy
from sophia_metrics.alerts.price_rule import PriceRule
from sophia_metrics.alerts.reconciliation_rule import ReconciliationRule
from sophia_metrics.alerts.rule import Rule
from sophia_metrics.alerts.service_rule import service_rules
from sophia_metrics.settings import Settings
from sophia_metrics.windows import Window, naive_utc

__all__ = ["alert_channels", "alert_policy", "alert_rules"]


def alert_rules(settings: Settings) -> tuple[Rule, ...]:
    """Return the rules of alerts."""
    held = settings.alerts
    resolve_after = timedelta(seconds=held.resolve_after_seconds)
    services = service_rules(
        down_after=timedelta(seconds=held.down_after_seconds),
        degraded_after=timedelta(seconds=held.degraded_after_seconds),
        resolve_after=resolve_after,
    )
    return (
        BudgetRule(resolve_after=resolve_after),
        ForecastRule(hysteresis=held.forecast_hysteresis_ratio, resolve_after=resolve_after),
        AnomalyRule(min_impact_usd=held.min_anomaly_usd),
        PriceRule(min_change_ratio=held.min_price_change_ratio),
        ReconciliationRule(min_gap_usd=held.min_gap_usd, min_gap_ratio=held.min_gap_ratio),
        *services,
        FlowRule(resolve_after=resolve_after),
    )


def alert_policy(settings: Settings) -> Policy:
    """Return how alerts are told."""
    held = settings.alerts
    every = held.remind_every_seconds
    return Policy(
        maintenance=tuple(_maintenance_window(each, settings.time_zone) for each in settings.maintenance),
        cool_down=timedelta(seconds=held.cool_down_seconds),
        remind_every=None if every is None else timedelta(seconds=every),
        is_inhibiting=held.is_inhibiting,
        group_wait=timedelta(seconds=held.group_wait_seconds),
    )


def _maintenance_window(each: AlertMaintenanceSettings, time_zone: str) -> MaintenanceWindow:
    times: Window | WeeklyTimes
    if each.start_at is not None and each.end_at is not None:
        times = Window(naive_utc(each.start_at), naive_utc(each.end_at))
    else:
        times = WeeklyTimes(
            frozenset(WEEKDAYS.index(day) for day in each.weekdays),
            each.start_time or time.min,
            each.end_time or time.min,
            each.time_zone or time_zone,
        )
    return MaintenanceWindow(each.name, times, frozenset(each.services), frozenset(each.scopes))


def alert_channels(settings: Settings) -> tuple[Channel, ...]:
    """Return who takes which alerts, usable now or not."""
    return tuple(
        Channel(each.name, frozenset(each.severities), each.groups, is_acknowledging=each.kind == "pagerduty")
        for each in settings.notifiers
    )
