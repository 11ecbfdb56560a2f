"""The dispatcher: sends what waits in the outbox, in order for each episode and channel, at least once.

A delivery is marked after the receiver has answered. A crash in between leads to one repeat, with the same
dedup key and delivery id.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sophia_metrics.alerts.episode import Delivery, DeliveryStatus
from sophia_metrics.alerts.messages import is_due, messages_of
from sophia_metrics.alerts.notifier import Answer, Notification, Notifier, Outcome
from sophia_metrics.alerts.records import Waiting, read_outbox, record_of
from sophia_metrics.alerts.retrying import GIVE_UP_AFTER, after_answer, given_up, with_fate_of
from sophia_metrics.services import run_sync
from sophia_metrics.warehouse.protocol import Warehouse

__all__ = ["Dispatched", "dispatch"]

log = logging.getLogger(__name__)

TOO_MANY = "429"
NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one pass over the outbox did: deliveries sent, given up, and still waiting, also those of one message."""

    sent_count: int = 0
    failed_count: int = 0
    waiting_count: int = 0

    @property
    def is_changed(self) -> bool:
        """A message was sent or given up."""
        return bool(self.sent_count or self.failed_count)


@dataclass(slots=True)
class _Pass:
    """One pass over the outbox.

    Attributes:
        notifiers: the usable notifiers, by channel.
        clock: returns the present (naive UTC).
        away: channels that did not take a message in this pass, and are left alone for the rest of it.
        behind: episodes and channels with a message that must go first and does not go now.
    """

    notifiers: Mapping[str, Notifier]
    clock: Callable[[], datetime]
    dashboard_url: str | None
    away: set[str] = field(default_factory=set[str])
    behind: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def attempts(self, outbox: tuple[Waiting, ...]) -> Iterator[tuple[Delivery, ...]]:
        """Send what is due; yield the deliveries of each message as they are after its attempt."""
        now = self.clock()
        self.away |= {
            each.delivery.channel
            for each in outbox
            if (each.delivery.response or "").startswith(TOO_MANY) and not is_due(each.delivery, now)
        }
        for message in messages_of(outbox):
            places = {(each.delivery.episode_id, each.delivery.channel) for each in message}
            after = () if places & self.behind else self._attempt(message)
            if after:
                yield after
            if not after or after[0].status is DeliveryStatus.PENDING:
                self.behind |= places

    def _attempt(self, message: tuple[Waiting, ...]) -> tuple[Delivery, ...]:
        """Return the deliveries of a message after an attempt. Empty: there was none."""
        (first, *others), now = message, self.clock()
        delivery = first.delivery
        notifier = self.notifiers.get(delivery.channel)
        if notifier is None:
            given = self._without_notifier(delivery, now)
            return () if given is None else self._shared(given, others)
        if delivery.channel in self.away or not is_due(delivery, now):
            return ()
        alongside = tuple((each.episode, each.delivery) for each in others)
        notification = Notification(first.episode, delivery, now, self.dashboard_url, alongside)
        answer = run_sync(notifier.send(notification))
        after = after_answer(delivery, answer, self.clock())
        if answer.outcome is Outcome.TRY_AGAIN:
            self.away.add(delivery.channel)
        _log(after, answer)
        return self._shared(after, others)

    @staticmethod
    def _shared(after: Delivery, others: Sequence[Waiting]) -> tuple[Delivery, ...]:
        """Return all deliveries of a message, which have one fate."""
        return (after, *(with_fate_of(after, each.delivery) for each in others))

    def _without_notifier(self, delivery: Delivery, now: datetime) -> Delivery | None:
        if now - delivery.created_at <= GIVE_UP_AFTER:
            if delivery.channel not in self.away:
                log.warning("messages wait for notifier %s: see `sophia-metrics notifiers`", delivery.channel)
            self.away.add(delivery.channel)
            return None
        return given_up(replace(delivery, response=NOT_CONFIGURED), now)


def dispatch(
    warehouse: Warehouse,
    notifiers: Mapping[str, Notifier],
    clock: Callable[[], datetime],
    dashboard_url: str | None = None,
) -> Dispatched:
    """Send what is due, once each, and note every answer before the next message.

    The caller sees to it that no other dispatcher works on the same state.

    Args:
        warehouse: holds the outbox.
        notifiers: the usable notifiers, by channel. A delivery to another channel waits.
        clock: returns the present (naive UTC): a pass may take longer than a receiver believes a signature.
        dashboard_url: goes into the messages. None: no link.
    """
    outbox = read_outbox(warehouse)
    counts = {DeliveryStatus.SENT: 0, DeliveryStatus.FAILED: 0, DeliveryStatus.PENDING: 0}
    for after in _Pass(notifiers, clock, dashboard_url).attempts(outbox):
        warehouse.record(record_of(deliveries=after))
        counts[after[0].status] += len(after)
    finished = counts[DeliveryStatus.SENT] + counts[DeliveryStatus.FAILED]
    return Dispatched(counts[DeliveryStatus.SENT], counts[DeliveryStatus.FAILED], len(outbox) - finished)


def _log(after: Delivery, answer: Answer) -> None:
    if after.status is DeliveryStatus.SENT:
        log.info("sent a %s to %s", after.kind, after.channel)
    elif after.status is DeliveryStatus.FAILED:
        log.warning(
            "a %s to %s is given up (%s): correct the URL of that notifier, or what receives it",
            after.kind,
            after.channel,
            answer.response,
        )
    else:
        log.warning("a %s to %s is tried again later (%s)", after.kind, after.channel, answer.response)
