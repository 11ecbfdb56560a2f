"""Slack, by an incoming webhook: one message, which can mention nobody and format nothing."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from sophia_metrics.alerts.episode import DeliveryKind
from sophia_metrics.alerts.notifier import Answer, Notification
from sophia_metrics.notifiers.posting import DEADLINE_SECONDS, post, probe_host
from sophia_metrics.services import Health, ServiceLifecycle

__all__ = ["SlackNotifier"]

TITLES = {
    DeliveryKind.FIRE: "Firing",
    DeliveryKind.REMIND: "Still firing",
    DeliveryKind.CORRECT: "Firing again",
    DeliveryKind.RESOLVE: "Resolved",
}
LONGEST_TEXT = 600
"""Slack takes 3,000 characters in a text, and escaping makes five of one."""
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""Slack's three control characters: without them there are no mentions and no links."""


class SlackNotifier(ServiceLifecycle):
    """Posts to one incoming webhook."""

    def __init__(self, name: str, url: SecretStr, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.name = name
        self._url = url
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
        body = json.dumps(_content(notification)).encode()
        return await post(self._url.get_secret_value(), body, {}, notification.sent_at, self._deadline_seconds)


def _content(notification: Notification) -> dict[str, Any]:
    """Return text for notifications on a phone, and blocks for the channel."""
    episode, delivery = notification.episode, notification.delivery
    title = f"{TITLES[delivery.kind]}: {episode.rule} ({episode.severity})"
    context = f"{episode.subject}, since {episode.opened_at:%Y-%m-%d %H:%M} UTC, {episode.dedup_key}"
    blocks = [_section(_escaped(title)), _section(_escaped(delivery.message)), _section(_escaped(context))]
    if notification.dashboard_url:
        blocks.append(_section(f"<{_escaped(notification.dashboard_url)}|Dashboard>"))
    return {"text": f"{_escaped(title)}: {_escaped(delivery.message)}", "link_names": False, "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    """Return a block in which Slack makes no links and mentions of plain words."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _escaped(text: str) -> str:
    return text[:LONGEST_TEXT].translate(ESCAPES)
