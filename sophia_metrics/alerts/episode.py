"""An alert episode: from when a condition is met to when it is over, and everything that was said of it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["Delivery", "DeliveryKind", "DeliveryStatus", "Episode", "EpisodeState", "episode_id"]


class EpisodeState(StrEnum):
    """Where an episode is."""

    PENDING = "pending"
    """The condition is met, not yet for long enough."""
    FIRING = "firing"
    """It has fired, and is not over."""
    SUPPRESSED = "suppressed"
    """It would fire, but something keeps it back, such as a silence or a failed service; nobody was told."""
    RESOLVED = "resolved"
    """It is over."""


class DeliveryKind(StrEnum):
    """What a delivery says."""

    FIRE = "fire"
    REMIND = "remind"
    """It still fires."""
    ACKNOWLEDGE = "acknowledge"
    """Somebody looks after it; only for channels that know that."""
    CORRECT = "correct"
    """The resolve before it no longer holds: the same alert is open again."""
    RESOLVE = "resolve"


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Episode:
    """One row of core_alert_episodes; instants are naive UTC.

    Attributes:
        episode_id: which one.
        fingerprint: which alert: the same text for every episode of it.
        episode_number: the how-manieth of its fingerprint, from 1.
        rule: name of the rule.
        severity: of the rule when the episode began.
        scope_type: what is watched.
        scope_value: which of them. None: there is only one.
        subject: name of the budget or service.
        state: see EpisodeState.
        opened_at: since when the condition is met.
        threshold: the share of a limit at which it fires. None: it fires at a status.
        observed: the share that was seen last. None: unknown, or there is no limit.
        message: the last sentence about it.
        evidence: the figures behind it, as JSON.
        fired_at: when it fired. None: it never did.
        clear_since_at: since when the condition is clear while the episode is still open. None: it is not.
        resolved_at: when it was over. None: it is open.
        held_count: in how many states of the data, one after the other, the condition was met before it fired.
        held_basis: the last of these states. None: the rule does not tell them apart.
        kept_back_by: what keeps its beginning back, or its reminders once it fires, such as silence/<id>. None: nothing
            does, or it is not known.
    """

    episode_id: str
    fingerprint: str
    episode_number: int
    rule: str
    severity: str
    scope_type: str
    scope_value: str | None
    subject: str
    state: EpisodeState
    opened_at: datetime
    threshold: float | None
    observed: float | None
    message: str
    evidence: str
    fired_at: datetime | None = None
    clear_since_at: datetime | None = None
    resolved_at: datetime | None = None
    held_count: int = 1
    held_basis: str | None = None
    kept_back_by: str | None = None

    @property
    def dedup_key(self) -> str:
        """By which a receiver knows messages of one episode; another for each episode, the same in each retry."""
        return f"sophia-{self.episode_id}"

    @property
    def is_open(self) -> bool:
        """It is not over."""
        return self.state is not EpisodeState.RESOLVED


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of core_alert_deliveries: one message to one channel; instants are naive UTC.

    Attributes:
        episode_id: the episode.
        channel: name of the notifier.
        kind: see DeliveryKind.
        sequence_number: place among the messages of this episode to this channel, from 1.
        observed: the share of a limit that the message speaks of. None: as in Episode.
        message: the sentence that is sent.
        created_at: when it was decided.
        status: see DeliveryStatus.
        attempt_count: how often it was sent.
        next_attempt_at: not before then. None: it is finished.
        response: the last answer: a status code and a word. None: none yet.
        finished_at: when it was sent or given up. None: neither.
        group_id: what goes in one message with it has the same. None: it goes alone.
    """

    episode_id: str
    channel: str
    kind: DeliveryKind
    sequence_number: int
    observed: float | None
    message: str
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempt_count: int = 0
    next_attempt_at: datetime | None = None
    response: str | None = None
    finished_at: datetime | None = None
    group_id: str | None = None

    @property
    def delivery_id(self) -> str:
        """By which a receiver knows a repeat of this message."""
        return f"{self.episode_id}-{self.sequence_number}-{self.kind}"


def episode_id(fingerprint: str, number: int, began_at: datetime | None) -> str:
    """Return the id of an episode: 128 bits, in hex.

    Args:
        fingerprint: which alert.
        number: the how-manieth episode of it.
        began_at: when it began (naive UTC), by which it differs from every other, also where the state was lost and
            numbers begin again. None: the fingerprint has one episode ever; then a receiver knows its messages again,
            also where the state was lost since they were sent.
    """
    began = "" if began_at is None else began_at.isoformat()
    return hashlib.sha256(f"{fingerprint}\n{number}\n{began}".encode()).hexdigest()[:32]
