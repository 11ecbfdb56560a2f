"""Steps of alerts: the rules are judged and committed, and what waits is sent."""

import logging
from collections.abc import Iterator

from sophia_metrics.alerts.check import check_rules
from sophia_metrics.alerts.dispatch import Dispatched, dispatch
from sophia_metrics.alerts.evaluation import Transitions
from sophia_metrics.alerts.notifier import Notifier
from sophia_metrics.alerts.published import read_observations
from sophia_metrics.connect import alert_channels, alert_policy, alert_rules, connect_notifier, connect_warehouse
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings
from sophia_metrics.turns import one_at_a_time
from tasks.clock import utc_now
from tasks.step import step

__all__ = ["evaluate_rules", "send_alerts"]

log = logging.getLogger("sophia_metrics.alerts")


@step("judge the rules", deadline_seconds=120)
def evaluate_rules(settings: Settings) -> Transitions:
    """Judge every rule on the published version, and commit what changes in one step.

    The clock is read when it is this check's turn: one that waited for another does not judge by an instant before it.
    """
    warehouse = connect_warehouse(settings, utc_now())
    with one_at_a_time(settings.home / "alerts.lock"):
        now = utc_now()
        observations = read_observations(Serving(settings.home))
        rules, channels = alert_rules(settings), alert_channels(settings)
        return check_rules(warehouse, rules, observations, channels, now, alert_policy(settings))


@step("send alerts", deadline_seconds=900)
def send_alerts(settings: Settings) -> Dispatched:
    """Send what waits in the outbox; what cannot be sent now waits for a later run."""
    warehouse = connect_warehouse(settings, utc_now())
    with one_at_a_time(settings.home / "deliveries.lock"):
        return dispatch(warehouse, dict(_notifiers(settings)), utc_now, settings.alerts.dashboard_url)


def _notifiers(settings: Settings) -> Iterator[tuple[str, Notifier]]:
    """Yield the notifiers that can be used; the messages of another wait until it can."""
    for each in settings.notifiers:
        try:
            yield each.name, connect_notifier(each)
        except ConfigurationError as error:
            log.warning("%s", error)
