"""A test alert and its resolve, by which a person tries a notifier. Nothing of them is recorded."""

from collections.abc import Iterator
from datetime import datetime

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode, EpisodeState, episode_id
from sophia_metrics.alerts.notifier import Notification
from sophia_metrics.alerts.rule import Severity

__all__ = ["trial_messages"]

MESSAGE = "this is a test: nothing is wrong"


def trial_messages(channel: str, now: datetime, dashboard_url: str | None) -> Iterator[Notification]:
    """Yield the two messages; `now` is naive UTC."""
    fingerprint = f"test/{channel}"
    episode = Episode(
        episode_id=episode_id(fingerprint, 1, now),
        fingerprint=fingerprint,
        episode_number=1,
        rule="test",
        severity=Severity.WARNING,
        scope_type="test",
        scope_value=channel,
        subject=channel,
        state=EpisodeState.FIRING,
        opened_at=now,
        threshold=None,
        observed=None,
        message=MESSAGE,
        evidence="{}",
        fired_at=now,
    )
    for number, kind in enumerate((DeliveryKind.FIRE, DeliveryKind.RESOLVE), 1):
        delivery = Delivery(episode.episode_id, channel, kind, number, None, MESSAGE, now)
        yield Notification(episode, delivery, now, dashboard_url)
