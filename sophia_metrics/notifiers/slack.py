"""Slack, by an incoming webhook: one message, which can mention nobody and format nothing."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode
from sophia_metrics.alerts.notifier import Answer, Notification
from sophia_metrics.notifiers.posting import DEADLINE_SECONDS, post, probe_host
from sophia_metrics.services import Health, ServiceLifecycle

__all__ = ["SlackNotifier"]

TITLES = {
    DeliveryKind.FIRE: "Firing",
    DeliveryKind.REMIND: "Still firing",
    DeliveryKind.ACKNOWLEDGE: "Acknowledged",
    DeliveryKind.CORRECT: "Firing again",
    DeliveryKind.RESOLVE: "Resolved",
}
LONGEST_TEXT = 600
"""Slack takes 3,000 characters in a text, and escaping makes five of one."""
MOST_ALERTS = 15
"""Slack takes 50 blocks in a message, and an alert has three."""
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
    told = [_told(*member) for member in notification.members]
    shown, left_out = told[:MOST_ALERTS], len(told) - MOST_ALERTS
    blocks = [_section(line) for lines in shown for line in lines]
    text = f"{shown[0][0]}: {shown[0][1]}"
    if len(told) > 1:
        text = f"{len(told)} alerts. {text}"
    if left_out > 0:
        blocks.append(_section(f"and {left_out} more"))
    if notification.dashboard_url:
        blocks.append(_section(f"<{_escaped(notification.dashboard_url)}|Dashboard>"))
    return {"text": text, "link_names": False, "blocks": blocks}


def _told(episode: Episode, delivery: Delivery) -> tuple[str, str, str]:
    """Return a title, the sentence, and what an alert is, escaped."""
    title = f"{TITLES[delivery.kind]}: {episode.rule} ({episode.severity})"
    context = f"{episode.subject}, since {episode.opened_at:%Y-%m-%d %H:%M} UTC, {episode.dedup_key}"
    return _escaped(title), _escaped(delivery.message), _escaped(context)


def _section(text: str) -> dict[str, Any]:
    """Return a block in which Slack makes no links and mentions of plain words."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _escaped(text: str) -> str:
    return text[:LONGEST_TEXT].translate(ESCAPES)
