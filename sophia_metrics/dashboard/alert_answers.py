"""Alerts as the API tells them: those about cost as the Sophia AI dashboard reads them, and all as they are handled."""

from collections.abc import Iterable
from typing import cast

from sophia_metrics.dashboard.handling import Handling
from sophia_metrics.dashboard.overview import Alert, Overview
from sophia_metrics.dashboard.shapes import (
    AlertAcknowledgement,
    AlertGroup,
    AlertSilence,
    AlertType,
    CostAlert,
    HandledAlert,
    Severity,
)

__all__ = ["cost_alerts", "handled_alerts"]

BUDGET, FORECAST, ANOMALY = "budget", "forecast", "anomaly"


def cost_alerts(overview: Overview, alerts: Iterable[Alert]) -> tuple[CostAlert, ...]:
    """Return the alerts that are about cost; the dashboard knows no others."""
    periods = {each.budget: each.period for each in overview.budgets}
    return tuple(
        CostAlert(
            title=_title(each),
            message=each.message,
            severity=cast("Severity", each.severity),
            timestamp=each.opened_at,
            alert_type=_type(each, periods.get(each.subject)),
        )
        for each in alerts
        if each.kind in {BUDGET, FORECAST, ANOMALY}
    )


def handled_alerts(alerts: Iterable[Alert]) -> tuple[HandledAlert, ...]:
    """Return all alerts, with who looks after each, what keeps it back, and with which others it was told."""
    return tuple(map(_handled, alerts))


def _title(alert: Alert) -> str:
    if alert.kind == ANOMALY:
        return f"Unusual: {alert.subject}"
    if alert.kind == FORECAST:
        return f"Budget {alert.subject}: expected to reach its limit"
    return f"Budget {alert.subject}: {'over' if alert.severity == 'critical' else 'close to'} its limit"


def _type(alert: Alert, period: str | None) -> AlertType:
    if alert.kind == ANOMALY:
        return "spike"
    if alert.kind == FORECAST:
        return "projection"
    return "daily_budget" if period == "day" else "monthly_budget"


def _handled(alert: Alert) -> HandledAlert:
    handling = alert.handling
    return HandledAlert(
        episode_id=alert.episode_id,
        rule=alert.rule,
        kind=alert.kind,
        severity=cast("Severity", alert.severity),
        subject=alert.subject,
        state=alert.state,
        message=alert.message,
        opened_at=alert.opened_at,
        resolved_at=alert.resolved_at,
        acknowledgement=_acknowledgement(handling),
        kept_back_by=handling.kept_back_by,
        silence=_silence(handling),
        group=_group(handling),
    )


def _acknowledgement(handling: Handling) -> AlertAcknowledgement | None:
    if handling.acknowledged_at is None:
        return None
    return AlertAcknowledgement(
        acknowledged_at=handling.acknowledged_at,
        acknowledged_by=handling.acknowledged_by,
        note=handling.acknowledgement_note,
    )


def _silence(handling: Handling) -> AlertSilence | None:
    if not handling.is_silenced:
        return None
    return AlertSilence(
        reason=handling.silence_reason, created_by=handling.silence_created_by, ends_at=handling.silence_ends_at
    )


def _group(handling: Handling) -> AlertGroup | None:
    if handling.group_id is None or handling.group_size is None:
        return None
    return AlertGroup(group_id=handling.group_id, alert_count=handling.group_size)
