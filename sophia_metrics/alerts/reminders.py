"""Reminders and acknowledgements: who is told again of what still fires, and who is told that somebody looks after it.

Pure.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sophia_metrics.alerts.channel import Channel
from sophia_metrics.alerts.episode import Delivery, DeliveryKind, DeliveryStatus, Episode
from sophia_metrics.alerts.known import Acknowledgement

__all__ = ["channels_to_acknowledge", "channels_to_remind", "is_acknowledged"]

OPENING = frozenset({DeliveryKind.FIRE, DeliveryKind.CORRECT})
TELLING = OPENING | {DeliveryKind.REMIND}


def is_acknowledged(
    episode: Episode, deliveries: Iterable[Delivery], acknowledgements: Iterable[Acknowledgement]
) -> bool:
    """Say whether somebody looks after an open episode; what was said before it was opened again no longer holds."""
    opened = [each.created_at for each in deliveries if each.kind in OPENING]
    since = max(opened) if opened else episode.fired_at
    return since is not None and any(
        each.episode_id == episode.episode_id and each.acknowledged_at >= since for each in acknowledgements
    )


def channels_to_remind(
    episode: Episode, deliveries: Iterable[Delivery], channels: Iterable[Channel], every: timedelta, now: datetime
) -> Iterator[str]:
    """Yield the channels that are told again: they were told so long before now that it is time.

    While an earlier message of the episode still waits there, no other joins it.

    Args:
        episode: fires, and nobody has acknowledged it.
        deliveries: those of the episode.
        channels: the configured notifiers.
        every: after so long it is time.
        now: the present (naive UTC).
    """
    known = tuple(deliveries)
    for channel in channels:
        own = [each for each in known if each.channel == channel.name]
        told = [each.created_at for each in own if each.kind in TELLING]
        is_waiting = any(each.status is DeliveryStatus.PENDING for each in own)
        if told and not is_waiting and episode.severity in channel.severities and now - max(told) >= every:
            yield channel.name


def channels_to_acknowledge(deliveries: Iterable[Delivery], channels: Iterable[Channel]) -> Iterator[str]:
    """Yield the channels that were told of an episode, and not yet that somebody looks after it."""
    known = sorted(deliveries, key=lambda each: each.sequence_number)
    for channel in channels:
        kinds = [each.kind for each in known if each.channel == channel.name and each.kind is not DeliveryKind.REMIND]
        if channel.is_acknowledging and kinds and kinds[-1] in OPENING:
            yield channel.name
