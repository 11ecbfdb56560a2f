"""What an answer makes of a delivery: sent, given up, or tried again later. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from sophia_metrics.alerts.episode import Delivery, DeliveryStatus
from sophia_metrics.alerts.notifier import Answer, Outcome

__all__ = ["GIVE_UP_AFTER", "after_answer", "backoff", "given_up", "with_fate_of"]

FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=1)
"""However long a receiver asks us to wait."""
GIVE_UP_AFTER = timedelta(days=7)
"""After so long nobody needs the message any more."""
DOUBLINGS = 7
"""30 s doubled seven times is over an hour."""


def after_answer(delivery: Delivery, answer: Answer, now: datetime) -> Delivery:
    """Return the delivery after one more attempt, at `now` (naive UTC)."""
    tried = replace(delivery, attempt_count=delivery.attempt_count + 1, response=answer.response)
    if answer.outcome is Outcome.DELIVERED:
        return replace(tried, status=DeliveryStatus.SENT, next_attempt_at=None, finished_at=now)
    if answer.outcome is Outcome.REFUSED:
        return replace(tried, status=DeliveryStatus.FAILED, next_attempt_at=None, finished_at=now)
    delay = backoff(tried.attempt_count)
    if answer.retry_after_seconds is not None:
        delay = min(timedelta(seconds=answer.retry_after_seconds), LONGEST_WAIT)
    if now + delay - delivery.created_at > GIVE_UP_AFTER:
        return given_up(tried, now)
    return replace(tried, next_attempt_at=now + delay)


def given_up(delivery: Delivery, now: datetime) -> Delivery:
    """Return the delivery as failed; its response stays the last one."""
    return replace(delivery, status=DeliveryStatus.FAILED, next_attempt_at=None, finished_at=now)


def with_fate_of(first: Delivery, delivery: Delivery) -> Delivery:
    """Return a delivery after what became of the first one of its group: they are one message."""
    return replace(
        delivery,
        status=first.status,
        attempt_count=first.attempt_count,
        next_attempt_at=first.next_attempt_at,
        response=first.response,
        finished_at=first.finished_at,
    )


def backoff(attempt_count: int) -> timedelta:
    """Return how long to wait after so many attempts: 30 s, doubled each time, at most an hour."""
    doubled: timedelta = FIRST_DELAY * (1 << min(attempt_count - 1, DOUBLINGS))
    return min(doubled, LONGEST_DELAY)
