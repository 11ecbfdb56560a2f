"""What the dispatcher needs of a notifier: one verb, one value across it, and an answer that says what to do next."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sophia_metrics.alerts.episode import Delivery, Episode
from sophia_metrics.services import Service

__all__ = ["Answer", "Notification", "Notifier", "Outcome"]


class Outcome(StrEnum):
    """What a receiver's answer means."""

    DELIVERED = "delivered"
    TRY_AGAIN = "try_again"
    """It may accept the same message later: a timeout, a 5xx, 408, 429."""
    REFUSED = "refused"
    """It will never accept this message: any other 4xx, or a redirect."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one message.

    Attributes:
        outcome: see Outcome.
        response: a status code and a word, such as "503 server_error"; never a body.
        retry_after_seconds: how long the receiver asks us to wait. None: it does not say.
    """

    outcome: Outcome
    response: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """One message: a delivery and the episode that it is about, or several that are alike.

    Attributes:
        episode: the episode.
        delivery: what is said of it; the same in each attempt.
        sent_at: the instant of this attempt (naive UTC).
        dashboard_url: the page with the figures. None: not configured.
        alongside: what else is said in the same message, in its order: deliveries of the same kind, each with its
            episode.
    """

    episode: Episode
    delivery: Delivery
    sent_at: datetime
    dashboard_url: str | None = None
    alongside: tuple[tuple[Episode, Delivery], ...] = ()

    @property
    def members(self) -> tuple[tuple[Episode, Delivery], ...]:
        """Everything that is said, each delivery with its episode."""
        return ((self.episode, self.delivery), *self.alongside)

    @property
    def message_id(self) -> str:
        """By which a receiver knows a repeat of this message."""
        return self.delivery.group_id if self.alongside and self.delivery.group_id else self.delivery.delivery_id


class Notifier(Service, Protocol):
    """One place that is told of alerts."""

    async def send(self, notification: Notification) -> Answer:
        """Send one message once, within a deadline of its own; a failure is an answer, not an exception."""
        ...
