"""Events of Prefect, over its HTTP API: automations there can act on alerts. Prefect itself is not imported."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import SecretStr

from sophia_metrics.alerts.episode import Delivery, Episode
from sophia_metrics.alerts.notifier import Answer, Notification
from sophia_metrics.notifiers.posting import DEADLINE_SECONDS, post, probe_host
from sophia_metrics.services import Health, ServiceLifecycle

__all__ = ["PrefectEventsNotifier"]


class PrefectEventsNotifier(ServiceLifecycle):
    """Records events at one Prefect API: sophia.alert.fire, .resolve, …, each with an id that a repeat shares."""

    def __init__(
        self,
        name: str,
        api_url: SecretStr,
        api_key: SecretStr | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.name = name
        self._api_url = api_url
        self._api_key = api_key
        self._deadline_seconds = deadline_seconds
        self._sent_count = 0

    async def health_check(self) -> Health:
        """Say whether the host of the API takes connections; no event is sent."""
        return await probe_host(f"notifier {self.name}", self._api_url.get_secret_value(), self._deadline_seconds)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Return how many messages this object has tried to send."""
        return {"attempt_count": self._sent_count}

    async def send(self, notification: Notification) -> Answer:
        """Send the events of one message."""
        self._sent_count += 1
        url = self._api_url.get_secret_value().rstrip("/") + "/events"
        body = json.dumps([_event(*member, notification.dashboard_url) for member in notification.members]).encode()
        headers = {} if self._api_key is None else {"Authorization": f"Bearer {self._api_key.get_secret_value()}"}
        return await post(url, body, headers, notification.sent_at, self._deadline_seconds)


def _event(episode: Episode, delivery: Delivery, dashboard_url: str | None) -> dict[str, Any]:
    scope = episode.scope_type if episode.scope_value is None else f"{episode.scope_type}/{episode.scope_value}"
    return {
        "id": str(uuid5(NAMESPACE_URL, f"sophia-metrics:{delivery.delivery_id}")),
        "occurred": f"{delivery.created_at.isoformat()}Z",
        "event": f"sophia.alert.{delivery.kind}",
        "resource": {
            "prefect.resource.id": f"sophia.alert.{episode.episode_id}",
            "prefect.resource.name": f"{episode.rule} {episode.subject}",
            "sophia.rule": episode.rule,
            "sophia.severity": episode.severity,
            "sophia.subject": episode.subject,
            "sophia.scope": scope,
        },
        "payload": {
            "delivery_id": delivery.delivery_id,
            "dedup_key": episode.dedup_key,
            "message": delivery.message,
            "observed": delivery.observed,
            "threshold": episode.threshold,
            "dashboard_url": dashboard_url,
        },
    }
