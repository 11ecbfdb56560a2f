"""PagerDuty, by its Events API v2: one incident for each episode, known by its dedup key."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode
from sophia_metrics.alerts.notifier import Answer, Notification
from sophia_metrics.notifiers.posting import DEADLINE_SECONDS, post, probe_host
from sophia_metrics.services import Health, ServiceLifecycle

__all__ = ["ENQUEUE_URL", "PagerDutyNotifier"]

ENQUEUE_URL = "https://events.pagerduty.com/v2/enqueue"
ACTIONS = {
    DeliveryKind.FIRE: "trigger",
    DeliveryKind.REMIND: "trigger",
    DeliveryKind.CORRECT: "trigger",
    DeliveryKind.ACKNOWLEDGE: "acknowledge",
    DeliveryKind.RESOLVE: "resolve",
}
SEVERITIES = {"critical": "critical", "warning": "warning"}
LONGEST_SUMMARY = 1024
LONGEST_DEDUP_KEY = 255


class PagerDutyNotifier(ServiceLifecycle):
    """Sends events to one integration of a PagerDuty service."""

    def __init__(
        self, name: str, routing_key: SecretStr, url: str = ENQUEUE_URL, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self.name = name
        self._routing_key = routing_key
        self._url = url
        self._deadline_seconds = deadline_seconds
        self._sent_count = 0

    async def health_check(self) -> Health:
        """Say whether the host of the API takes connections; no event is sent."""
        return await probe_host(f"notifier {self.name}", self._url, self._deadline_seconds)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Return how many events this object has tried to send."""
        return {"attempt_count": self._sent_count}

    async def send(self, notification: Notification) -> Answer:
        """Send one event. An incident is of one episode: what else is said in the message is not for PagerDuty."""
        self._sent_count += 1
        body = json.dumps(self._content(notification)).encode()
        return await post(self._url, body, {}, notification.sent_at, self._deadline_seconds)

    def _content(self, notification: Notification) -> dict[str, Any]:
        episode, delivery = notification.episode, notification.delivery
        action = ACTIONS[delivery.kind]
        content: dict[str, Any] = {
            "routing_key": self._routing_key.get_secret_value(),
            "event_action": action,
            "dedup_key": episode.dedup_key[:LONGEST_DEDUP_KEY],
        }
        if action == "trigger":
            content |= {"client": "sophia-metrics", "payload": _payload(episode, delivery)}
            if notification.dashboard_url:
                content |= {
                    "client_url": notification.dashboard_url,
                    "links": [{"href": notification.dashboard_url, "text": "Dashboard"}],
                }
        return content


def _payload(episode: Episode, delivery: Delivery) -> dict[str, Any]:
    """Return what PagerDuty shows; the evidence is figures and names, never a text of a prompt."""
    scope = episode.scope_type if episode.scope_value is None else f"{episode.scope_type}/{episode.scope_value}"
    return {
        "summary": f"{episode.rule}: {delivery.message}"[:LONGEST_SUMMARY],
        "source": episode.subject,
        "severity": SEVERITIES.get(episode.severity, "error"),
        "timestamp": f"{delivery.created_at.isoformat()}Z",
        "component": scope,
        "class": episode.rule,
        "custom_details": {
            "episode_id": episode.episode_id,
            "delivery_id": delivery.delivery_id,
            "observed": delivery.observed,
            "threshold": episode.threshold,
            "evidence": json.loads(episode.evidence),
        },
    }
