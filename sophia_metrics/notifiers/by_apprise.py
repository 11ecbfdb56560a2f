"""E-mail and a hundred other services, by Apprise: one URL of theirs, which says what and where.

Apprise tells no more than whether a message went: what did not go is tried again later.
"""

import asyncio
import logging
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from time import perf_counter

import apprise
from pydantic import SecretStr

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode
from sophia_metrics.alerts.notifier import Answer, Notification, Outcome
from sophia_metrics.notifiers.posting import DEADLINE_SECONDS
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle

__all__ = ["AppriseNotifier"]

TITLES = {
    DeliveryKind.FIRE: "Firing",
    DeliveryKind.REMIND: "Still firing",
    DeliveryKind.ACKNOWLEDGE: "Acknowledged",
    DeliveryKind.CORRECT: "Firing again",
    DeliveryKind.RESOLVE: "Resolved",
}


class AppriseNotifier(ServiceLifecycle):
    """Sends to one URL of Apprise."""

    def __init__(self, name: str, url: SecretStr, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.name = name
        self._url = url
        self._deadline_seconds = deadline_seconds
        self._sent_count = 0

    async def health_check(self) -> Health:
        """Say whether Apprise knows such a URL; nothing is sent, and nobody is asked."""
        started = perf_counter()
        is_known = self._target() is not None
        latency_ms = (perf_counter() - started) * 1000
        if not is_known:
            message = "Apprise does not know such a URL: correct the variable of url_env"
            return Health(f"notifier {self.name}", HealthStatus.DOWN, message, latency_ms)
        message = "Apprise knows the URL; no message was sent"
        return Health(f"notifier {self.name}", HealthStatus.HEALTHY, message, latency_ms)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Return how many messages this object has tried to send."""
        return {"attempt_count": self._sent_count}

    async def send(self, notification: Notification) -> Answer:
        """Send one message."""
        self._sent_count += 1
        target = self._target()
        if target is None:
            return Answer(Outcome.REFUSED, "invalid_url")
        sent: Future[bool] = Future()

        def work() -> None:
            is_sent: bool | None = False
            try:
                with _unlogged():  # Apprise catches whatever a plugin raises, and logs it
                    is_sent = target.notify(
                        body=_body(notification), title=_title(notification), notify_type=_type(notification)
                    )
            finally:
                sent.set_result(is_sent is True)

        # A thread that nobody waits for: a plugin that hangs holds up neither this message nor the end of the process.
        threading.Thread(target=work, name=f"notifier {self.name}", daemon=True).start()
        try:
            is_sent = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(sent)), self._deadline_seconds)
        except TimeoutError:
            return Answer(Outcome.TRY_AGAIN, "timeout")
        return Answer(Outcome.DELIVERED, "sent") if is_sent else Answer(Outcome.TRY_AGAIN, "not_sent")

    def _target(self) -> apprise.Apprise | None:
        """Return what Apprise makes of the URL. None: nothing."""
        asset = apprise.AppriseAsset(app_id="sophia-metrics", app_desc="Sophia metrics", async_mode=False)
        found = apprise.Apprise(asset=asset)
        with _unlogged():
            is_known = found.add(self._url.get_secret_value())  # pyright: ignore[reportUnknownMemberType] - its hints leave out what its dictionaries hold
        if not is_known:
            return None
        for each in found:
            each.socket_connect_timeout = each.socket_read_timeout = self._deadline_seconds
        return found


def _title(notification: Notification) -> str:
    episode, delivery = notification.episode, notification.delivery
    if notification.alongside:
        return f"{TITLES[delivery.kind]}: {len(notification.members)} alerts, {episode.rule} ({episode.severity})"
    return f"{TITLES[delivery.kind]}: {episode.rule} {episode.subject} ({episode.severity})"


def _body(notification: Notification) -> str:
    lines = [line for member in notification.members for line in _lines(*member)]
    if notification.dashboard_url:
        lines.append(notification.dashboard_url)
    return "\n".join(lines)


def _lines(episode: Episode, delivery: Delivery) -> tuple[str, str, str]:
    return (
        delivery.message,
        f"{episode.rule}, {episode.subject}, since {episode.opened_at:%Y-%m-%d %H:%M} UTC, {episode.dedup_key}",
        "",
    )


def _type(notification: Notification) -> apprise.NotifyType:
    if notification.delivery.kind is DeliveryKind.RESOLVE:
        return apprise.NotifyType.SUCCESS
    is_critical = any(episode.severity == "critical" for episode, _ in notification.members)
    return apprise.NotifyType.FAILURE if is_critical else apprise.NotifyType.WARNING


@contextmanager
def _unlogged() -> Generator[None]:
    """Keep Apprise from logging where it sends: whoever has the URL can send there, too."""

    def nothing(_: logging.LogRecord) -> bool:
        return False

    logger = logging.getLogger("apprise")
    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)
