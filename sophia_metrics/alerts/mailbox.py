"""Who was told what of each episode, and the deliveries of what is told now. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sophia_metrics.alerts.advance import Step
from sophia_metrics.alerts.channel import Channel
from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode
from sophia_metrics.alerts.known import sequence_numbers

__all__ = ["Mailbox"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Who was told what.

    Attributes:
        channels: the configured notifiers.
        sent: the last sequence number by channel, by episode.
        of_episodes: all deliveries, by episode.
    """

    channels: Sequence[Channel]
    sent: Mapping[str, Mapping[str, int]]
    of_episodes: Mapping[str, Sequence[Delivery]]

    @classmethod
    def of(cls, channels: Sequence[Channel], deliveries: Sequence[Delivery]) -> "Mailbox":
        """Return the mailbox after what is recorded."""
        of_episodes: defaultdict[str, list[Delivery]] = defaultdict(list)
        for each in deliveries:
            of_episodes[each.episode_id].append(each)
        return cls(channels, sequence_numbers(deliveries), of_episodes)

    def told(self, episode: Episode | None) -> tuple[str, ...]:
        """Return the channels that were told anything in the episode."""
        return () if episode is None else tuple(sorted(self.sent.get(episode.episode_id, {})))

    def deliveries(self, episode: Episode) -> Sequence[Delivery]:
        """Return what was said of the episode."""
        return self.of_episodes.get(episode.episode_id, ())

    def write(self, step: Step, now: datetime) -> Iterator[tuple[Episode, Delivery]]:
        """Yield the deliveries of a step, each with its episode."""
        episode, kind = step.episode, step.kind
        if kind is None:
            return
        for name in self._receivers(step):
            number = self.sent.get(episode.episode_id, {}).get(name, 0) + 1
            yield (
                episode,
                Delivery(
                    episode.episode_id,
                    name,
                    kind,
                    number,
                    observed=episode.observed,
                    message=episode.message,
                    created_at=now,
                    next_attempt_at=now,
                ),
            )

    def _receivers(self, step: Step) -> tuple[str, ...]:
        if step.channels is not None:
            return tuple(sorted(step.channels))
        if step.kind is DeliveryKind.FIRE:
            return tuple(sorted(each.name for each in self.channels if step.episode.severity in each.severities))
        return self.told(step.episode)
