"""A webhook of anybody: JSON, signed with HMAC-SHA256. docs/alerts.md describes it for receivers.

The signature is over the timestamp, a point and the body, so that neither can be changed and a message cannot
be played again later than a receiver allows. The body is the same in each attempt; the timestamp is not.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from sophia_metrics.alerts.episode import Delivery, Episode
from sophia_metrics.alerts.notifier import Answer, Notification
from sophia_metrics.notifiers.posting import DEADLINE_SECONDS, post, probe_host
from sophia_metrics.services import Health, ServiceLifecycle

__all__ = ["SIGNATURE_HEADER", "TIMESTAMP_HEADER", "WebhookNotifier", "signature"]

TIMESTAMP_HEADER = "X-Sophia-Timestamp"
SIGNATURE_HEADER = "X-Sophia-Signature"
DELIVERY_HEADER = "X-Sophia-Delivery"
FORMAT = 1
GROUP_FORMAT = 2


class WebhookNotifier(ServiceLifecycle):
    """Posts signed JSON to one URL."""

    def __init__(
        self, name: str, url: SecretStr, secret: SecretStr, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self.name = name
        self._url = url
        self._secret = secret
        self._deadline_seconds = deadline_seconds
        self._sent_count = 0

    async def health_check(self) -> Health:
        """Say whether the host of the URL takes connections; no message is sent."""
        return await probe_host(f"notifier {self.name}", self._url.get_secret_value(), self._deadline_seconds)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Return how many messages this object has tried to send."""
        return {"attempt_count": self._sent_count}

    async def send(self, notification: Notification) -> Answer:
        """Post one message."""
        self._sent_count += 1
        body = json.dumps(_content(notification), ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = str(int(notification.sent_at.replace(tzinfo=UTC).timestamp()))
        headers = {
            DELIVERY_HEADER: notification.message_id,
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: signature(self._secret.get_secret_value(), timestamp, body),
        }
        url = self._url.get_secret_value()
        return await post(url, body, headers, notification.sent_at, self._deadline_seconds)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return sha256= and the HMAC-SHA256, in hex, of timestamp, point and body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _content(notification: Notification) -> dict[str, Any]:
    """Return the body: of one alert, or of several that are told in one message."""
    dashboard = notification.dashboard_url
    alerts = [_alert(*member, dashboard) for member in notification.members]
    if not notification.alongside:
        return alerts[0]
    return {
        "format": GROUP_FORMAT,
        "group_id": notification.message_id,
        "kind": notification.delivery.kind,
        "alerts": alerts,
    }


def _alert(episode: Episode, delivery: Delivery, dashboard: str | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "delivery_id": delivery.delivery_id,
        "episode_id": episode.episode_id,
        "dedup_key": episode.dedup_key,
        "kind": delivery.kind,
        "sequence_number": delivery.sequence_number,
        "rule": episode.rule,
        "severity": episode.severity,
        "subject": episode.subject,
        "scope": {"type": episode.scope_type, "value": episode.scope_value},
        "observed": delivery.observed,
        "threshold": episode.threshold,
        "message": delivery.message,
        "opened_at": _instant(episode.opened_at),
        "decided_at": _instant(delivery.created_at),
        "links": {} if dashboard is None else {"dashboard": dashboard},
    }


def _instant(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"
