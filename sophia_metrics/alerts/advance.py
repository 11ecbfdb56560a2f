"""What becomes of the newest episode of an alert, given what its rule says now. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sophia_metrics.alerts.episode import DeliveryKind, Episode, EpisodeState, episode_id
from sophia_metrics.alerts.rule import Reading, Terms, Verdict

__all__ = ["Step", "advance", "resolve"]


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one episode: how it is now, and what is told.

    Attributes:
        episode: as it is now.
        kind: what is told. None: nothing.
        channels: who is told. None: whom the kind concerns.
    """

    episode: Episode
    kind: DeliveryKind | None = None
    channels: tuple[str, ...] | None = None


def advance(
    reading: Reading, last: Episode | None, told: Collection[str], *, is_held: bool, now: datetime
) -> Step | None:
    """Return what becomes of the newest episode of a reading's fingerprint. None: nothing.

    Args:
        reading: what the rule says.
        last: the newest episode. None: there was none.
        told: the channels that were told anything of it.
        is_held: something keeps the alert from being sent for the first time, or again after its resolve.
        now: the present (naive UTC).
    """
    if reading.verdict is Verdict.UNKNOWN:
        return None
    if reading.verdict is not Verdict.MET:
        return _unmet(reading, last, now) if last and last.is_open else None
    if last is not None and not last.is_open and last.fired_at is not None and reading.terms.is_once:
        return None if is_held else _reopen(reading, last, told)
    episode = _open_episode(reading, last, now)
    if episode.state is EpisodeState.FIRING:
        return Step(episode)
    return _climb(reading.terms, episode, is_held=is_held, now=now)


def _open_episode(reading: Reading, last: Episode | None, now: datetime) -> Episode:
    """Return the episode that a met condition belongs to, with what is seen now."""
    if last is None:
        return _begin(reading, 1, now)
    if last.is_open:
        seen = _seen(last, reading)
        if last.fired_at is not None:
            return seen
        return replace(_counted(seen, reading), opened_at=reading.since_at or last.opened_at)
    if last.fired_at is not None:
        return _begin(reading, last.episode_number + 1, now)
    # Nobody ever heard of it: the row is used again, so that flapping below the hold leaves one row.
    opened_at = reading.since_at or now
    again = replace(_seen(last, reading), opened_at=opened_at, resolved_at=None, state=EpisodeState.PENDING)
    return replace(again, held_count=1, held_basis=reading.basis)


def _counted(episode: Episode, reading: Reading) -> Episode:
    """Return an episode that nobody heard of with the states of the data counted in which its condition held."""
    if reading.basis == episode.held_basis or episode.held_count >= reading.terms.fire_after_count:
        return episode
    return replace(episode, held_count=episode.held_count + 1, held_basis=reading.basis)


def _reopen(reading: Reading, last: Episode, told: Collection[str]) -> Step:
    """Open an episode again that fires once: who was told that it is over is corrected."""
    again = replace(_seen(last, reading), state=EpisodeState.FIRING, resolved_at=None)
    return Step(again, DeliveryKind.CORRECT if told else DeliveryKind.FIRE)


def _begin(reading: Reading, number: int, now: datetime) -> Episode:
    """Return a new episode; it has another id, and so another dedup key, than the ones before it."""
    return Episode(
        episode_id=episode_id(reading.fingerprint, number, None if reading.terms.is_once else reading.since_at or now),
        fingerprint=reading.fingerprint,
        episode_number=number,
        rule=reading.terms.rule,
        severity=reading.terms.severity,
        scope_type=reading.scope_type,
        scope_value=reading.scope_value,
        subject=reading.subject,
        state=EpisodeState.PENDING,
        opened_at=reading.since_at or now,
        threshold=reading.terms.threshold,
        observed=reading.observed,
        message=reading.message,
        evidence=reading.evidence,
        held_basis=reading.basis,
    )


def _climb(terms: Terms, episode: Episode, *, is_held: bool, now: datetime) -> Step:
    """Let an episode that has not fired fire, unless it is too early, or something keeps it back."""
    held_for = max(now - episode.opened_at, timedelta())  # not less than none, also where the clock was set back
    if held_for < terms.fire_after or episode.held_count < terms.fire_after_count:
        return Step(replace(episode, state=EpisodeState.PENDING))
    if is_held:
        return Step(replace(episode, state=EpisodeState.SUPPRESSED))
    return Step(replace(episode, state=EpisodeState.FIRING, fired_at=now), DeliveryKind.FIRE)


def _unmet(reading: Reading, last: Episode, now: datetime) -> Step:
    """Return what becomes of an open episode whose condition is not met."""
    if reading.verdict is Verdict.BETWEEN and last.fired_at is not None:
        return Step(_seen(last, reading))
    return _clear(reading, last, now)


def _clear(reading: Reading, last: Episode, now: datetime) -> Step:
    """Resolve what is clear for long enough; what never fired is over at once."""
    since = reading.since_at or last.clear_since_at or now
    if last.fired_at is not None and now - since < reading.terms.resolve_after:
        return Step(replace(last, clear_since_at=since))
    cleared = replace(last, observed=reading.observed, message=reading.message, evidence=reading.evidence)
    return resolve(cleared, now)


def resolve(episode: Episode, now: datetime) -> Step:
    """Return an episode that is over: who was told of it is told that."""
    over = replace(episode, state=EpisodeState.RESOLVED, clear_since_at=None, resolved_at=now, kept_back_by=None)
    return Step(over, None if episode.fired_at is None else DeliveryKind.RESOLVE)


def _seen(episode: Episode, reading: Reading) -> Episode:
    """Return the episode with what is seen now: the condition is not clear."""
    return replace(
        episode,
        observed=reading.observed,
        message=reading.message,
        evidence=reading.evidence,
        clear_since_at=None,
    )
