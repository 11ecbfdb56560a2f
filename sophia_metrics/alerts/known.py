"""What is recorded of alerts, and what of it an evaluation asks for. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sophia_metrics.alerts.episode import Delivery, Episode

__all__ = ["Acknowledgement", "Known", "newest_episodes", "sequence_numbers"]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One row of core_alert_acknowledgements: somebody looks after an episode.

    Attributes:
        episode_id: the episode.
        acknowledged_at: since when (naive UTC). It holds until the episode is over.
        acknowledged_by: who. None: nobody said.
        note: what they say. None: nothing.
    """

    episode_id: str
    acknowledged_at: datetime
    acknowledged_by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is recorded: every open episode, those that ended lately, their deliveries and acknowledgements."""

    episodes: tuple[Episode, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()


def newest_episodes(episodes: Iterable[Episode]) -> dict[str, Episode]:
    """Return the newest episode of each fingerprint."""
    ordered = sorted(episodes, key=lambda each: (each.episode_number, each.opened_at))
    return {each.fingerprint: each for each in ordered}


def sequence_numbers(deliveries: Iterable[Delivery]) -> Mapping[str, Mapping[str, int]]:
    """Return the last sequence number by channel, by episode."""
    numbers: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for each in deliveries:
        known = numbers[each.episode_id]
        known[each.channel] = max(each.sequence_number, known.get(each.channel, 0))
    return numbers
