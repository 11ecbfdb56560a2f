"""What of the outbox goes in one message, and when. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sophia_metrics.alerts.episode import Delivery
from sophia_metrics.alerts.records import Waiting

__all__ = ["is_due", "messages_of"]


def messages_of(outbox: Iterable[Waiting]) -> Iterator[tuple[Waiting, ...]]:
    """Yield the messages of an outbox, in its order; a group stands where its first delivery does."""
    messages: dict[tuple[str, str], list[Waiting]] = {}
    for each in outbox:
        key = (each.delivery.channel, each.delivery.group_id or each.delivery.delivery_id)
        messages.setdefault(key, []).append(each)
    yield from map(tuple, messages.values())


def is_due(delivery: Delivery, now: datetime) -> bool:
    """Say whether it may go now (naive UTC).

    The first attempt is made at once, even where the clock has gone back since it was decided, or when its group waits
    no longer.
    """
    if delivery.next_attempt_at is None or delivery.next_attempt_at <= now:
        return True
    is_waiting = delivery.created_at < delivery.next_attempt_at and delivery.created_at <= now
    return delivery.attempt_count == 0 and not is_waiting
