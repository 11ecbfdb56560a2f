"""Grouping: alerts of one kind of message to one channel that are alike come as one message. Pure.

A delivery stays what it was: one row for each episode and channel, in its order. A group is no more than an id that
several rows share; they are sent, marked and given up together.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sophia_metrics.alerts.channel import Channel, GroupKey
from sophia_metrics.alerts.episode import Delivery, DeliveryKind, DeliveryStatus, Episode

__all__ = ["Grouping"]

Likeness = tuple[str, ...]
ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups of one evaluation.

    Attributes:
        channels: the configured notifiers, by name.
        waiting: groups that are not sent yet and take more, by what their members have in common.
        unfinished: episodes and channels with a message that is not finished.
        group_wait: for so long a new group waits for more.
        now: the present (naive UTC).
    """

    channels: Mapping[str, Channel]
    waiting: Mapping[Likeness, Delivery]
    unfinished: frozenset[tuple[str, str]]
    group_wait: timedelta
    now: datetime

    @classmethod
    def of(
        cls,
        channels: Sequence[Channel],
        episodes: Iterable[Episode],
        deliveries: Sequence[Delivery],
        group_wait: timedelta,
        now: datetime,
    ) -> "Grouping":
        """Return the groups after what is recorded."""
        by_name = {each.name: each for each in channels}
        by_id = {each.episode_id: each for each in episodes}
        waiting = {
            _likeness(by_name[each.channel], by_id[each.episode_id], each.kind): each
            for each in sorted(deliveries, key=lambda each: each.created_at)
            if _takes_more(each, now) and each.channel in by_name and each.episode_id in by_id
        }
        pending = (each for each in deliveries if each.status is DeliveryStatus.PENDING)
        unfinished = frozenset((each.episode_id, each.channel) for each in pending)
        return cls(by_name, waiting, unfinished, group_wait, now)

    def gather(self, fresh: Iterable[tuple[Episode, Delivery]]) -> Iterator[Delivery]:
        """Yield new deliveries with the group that each goes in.

        Only a delivery without one before it that still waits joins a group that is there: so no two groups ever
        wait for each other.
        """
        for episode, delivery in fresh:
            channel = self.channels.get(delivery.channel)
            if channel is None or not channel.group_by or delivery.kind is DeliveryKind.ACKNOWLEDGE:
                yield delivery
                continue
            likeness = _likeness(channel, episode, delivery.kind)
            open_group = self.waiting.get(likeness)
            if open_group is not None and (delivery.episode_id, delivery.channel) not in self.unfinished:
                yield replace(delivery, group_id=open_group.group_id, next_attempt_at=open_group.next_attempt_at)
                continue
            yield replace(delivery, group_id=_group_id(likeness, self.now), next_attempt_at=self.now + self.group_wait)


def _takes_more(delivery: Delivery, now: datetime) -> bool:
    """Say whether a delivery is in a group that was not sent and still waits."""
    return (
        delivery.group_id is not None
        and delivery.status is DeliveryStatus.PENDING
        and delivery.attempt_count == 0
        and delivery.next_attempt_at is not None
        and delivery.next_attempt_at > now
    )


def _likeness(channel: Channel, episode: Episode, kind: DeliveryKind) -> Likeness:
    values = {
        GroupKey.KIND: episode.fingerprint.partition("/")[0],
        GroupKey.RULE: episode.rule,
        GroupKey.SEVERITY: episode.severity,
        GroupKey.SUBJECT: episode.subject,
        GroupKey.SCOPE_TYPE: episode.scope_type,
        GroupKey.SCOPE_VALUE: episode.scope_value or "",
    }
    return (channel.name, kind, *(values[each] for each in sorted(channel.group_by)))


def _group_id(likeness: Likeness, now: datetime) -> str:
    text = "\n".join((*likeness, now.isoformat()))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
