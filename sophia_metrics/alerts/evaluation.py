"""The state machine of alerts: (rules, observations, what is known, silences, now) to what changes. Pure.

    pending ──held long enough──► firing ──clear for long enough──► resolved
       └────silenced or explained────► suppressed ──no longer──► firing

What decides: a fire goes to each channel that takes the severity; a resolve goes to each channel that was told
anything in the episode, whatever became of the rule, of silences and of settings since.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode, EpisodeState, episode_id
from sophia_metrics.alerts.observation import Observations
from sophia_metrics.alerts.rule import Reading, Rule, Terms, Verdict
from sophia_metrics.alerts.silence import Silence

__all__ = ["Channel", "Known", "Transitions", "evaluate"]


@dataclass(frozen=True, slots=True)
class Channel:
    """A configured notifier: its name, and which severities it takes."""

    name: str
    severities: frozenset[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is recorded: every open episode, those that ended lately, and their deliveries."""

    episodes: tuple[Episode, ...] = ()
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Transitions:
    """What an evaluation changes: episodes that are new or differ, and new deliveries."""

    episodes: tuple[Episode, ...] = ()
    deliveries: tuple[Delivery, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing changes."""
        return not self.episodes and not self.deliveries


@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of one episode: how it is now, and what is told."""

    episode: Episode
    kind: DeliveryKind | None = None


@dataclass(frozen=True, slots=True)
class _Mailbox:
    """Who was told what, and how much of it: sequence numbers by channel, by episode."""

    channels: Sequence[Channel]
    sent: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])

    def told(self, episode: Episode) -> tuple[str, ...]:
        """Return the channels that were told anything in the episode."""
        return tuple(sorted(self.sent.get(episode.episode_id, {})))

    def write(self, step: _Step, now: datetime) -> Iterator[Delivery]:
        """Yield the deliveries of a step."""
        episode, kind = step.episode, step.kind
        if kind is None:
            return
        takers = (each.name for each in self.channels if episode.severity in each.severities)
        names = sorted(takers) if kind is DeliveryKind.FIRE else self.told(episode)
        for name in names:
            number = self.sent.get(episode.episode_id, {}).get(name, 0) + 1
            yield Delivery(
                episode.episode_id,
                name,
                kind,
                number,
                observed=episode.observed,
                message=episode.message,
                created_at=now,
                next_attempt_at=now,
            )


def evaluate(
    rules: Sequence[Rule],
    observations: Observations,
    known: Known,
    silences: Sequence[Silence],
    channels: Sequence[Channel],
    now: datetime,
) -> Transitions:
    """Return what changes; the same state again changes nothing.

    Args:
        rules: the rules that hold now. An episode of another rule is resolved.
        observations: what is published now.
        known: what is recorded.
        silences: those that may hold now.
        channels: the configured notifiers.
        now: the present (naive UTC).
    """
    last = _newest(known.episodes)
    mailbox = _Mailbox(channels, _numbers(known.deliveries))
    steps: dict[str, _Step] = {}
    seen: set[str] = set()
    for rule in rules:
        for reading in rule.readings(observations):
            if reading.fingerprint in seen:
                continue
            seen.add(reading.fingerprint)
            is_held = reading.suppressed_by is not None or any(
                each.covers(reading.terms.rule, reading.subject, now) for each in silences
            )
            step = _advance(reading, last.get(reading.fingerprint), mailbox, is_held=is_held, now=now)
            if step:
                steps[reading.fingerprint] = step
    for episode in last.values():
        if episode.is_open and episode.fingerprint not in seen:
            reason = _ending(rules, episode, observations)
            if reason:
                steps[episode.fingerprint] = _resolve(replace(episode, message=reason), now)
    changed = (step for step in steps.values() if step.kind or step.episode != last.get(step.episode.fingerprint))
    ordered = sorted(changed, key=lambda step: step.episode.fingerprint)
    return Transitions(
        tuple(step.episode for step in ordered),
        tuple(delivery for step in ordered for delivery in mailbox.write(step, now)),
    )


def _advance(
    reading: Reading, last: Episode | None, mailbox: _Mailbox, *, is_held: bool, now: datetime
) -> _Step | None:
    """Return what becomes of the newest episode of a reading's fingerprint. None: nothing."""
    if reading.verdict is Verdict.UNKNOWN:
        return None
    if reading.verdict is Verdict.CLEAR:
        return _clear(reading, last, now) if last and last.is_open else None
    if last is not None and not last.is_open and last.fired_at is not None and reading.terms.is_once:
        return None if is_held else _reopen(reading, last, mailbox)
    episode = _open_episode(reading, last, now)
    if episode.state is EpisodeState.FIRING:
        return _Step(episode)
    return _climb(reading.terms, episode, is_held=is_held, now=now)


def _open_episode(reading: Reading, last: Episode | None, now: datetime) -> Episode:
    """Return the episode that a met condition belongs to, with what is seen now."""
    if last is None:
        return _begin(reading, 1, now)
    if last.is_open:
        is_told = last.fired_at is not None
        return replace(
            _seen(last, reading), opened_at=last.opened_at if is_told else reading.since_at or last.opened_at
        )
    if last.fired_at is not None:
        return _begin(reading, last.episode_number + 1, now)
    # Nobody ever heard of it: the row is used again, so that flapping below the hold leaves one row.
    opened_at = reading.since_at or now
    return replace(_seen(last, reading), opened_at=opened_at, resolved_at=None, state=EpisodeState.PENDING)


def _reopen(reading: Reading, last: Episode, mailbox: _Mailbox) -> _Step:
    """Open an episode again that fires once: who was told that it is over is corrected."""
    again = replace(_seen(last, reading), state=EpisodeState.FIRING, resolved_at=None)
    return _Step(again, DeliveryKind.CORRECT if mailbox.told(last) else DeliveryKind.FIRE)


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
    )


def _climb(terms: Terms, episode: Episode, *, is_held: bool, now: datetime) -> _Step:
    """Let an episode that has not fired fire, unless it is too early, or it is silenced or explained."""
    if now - episode.opened_at < terms.fire_after:
        return _Step(replace(episode, state=EpisodeState.PENDING))
    if is_held:
        return _Step(replace(episode, state=EpisodeState.SUPPRESSED))
    return _Step(replace(episode, state=EpisodeState.FIRING, fired_at=now), DeliveryKind.FIRE)


def _clear(reading: Reading, last: Episode, now: datetime) -> _Step:
    """Resolve what is clear for long enough; what never fired is over at once."""
    since = reading.since_at or last.clear_since_at or now
    if last.fired_at is not None and now - since < reading.terms.resolve_after:
        return _Step(replace(last, clear_since_at=since))
    cleared = replace(last, observed=reading.observed, message=reading.message, evidence=reading.evidence)
    return _resolve(cleared, now)


def _resolve(episode: Episode, now: datetime) -> _Step:
    over = replace(episode, state=EpisodeState.RESOLVED, clear_since_at=None, resolved_at=now)
    return _Step(over, None if episode.fired_at is None else DeliveryKind.RESOLVE)


def _seen(episode: Episode, reading: Reading) -> Episode:
    """Return the episode with what is seen now: the condition is met."""
    return replace(
        episode,
        observed=reading.observed,
        message=reading.message,
        evidence=reading.evidence,
        clear_since_at=None,
    )


def _ending(rules: Iterable[Rule], episode: Episode, observations: Observations) -> str | None:
    """Say why an open episode is over that no rule reads any more. None: it is not."""
    owner = next((rule for rule in rules if rule.owns(episode)), None)
    if owner is None:
        return f"there is no rule {episode.rule} any more"
    return owner.ending(episode, observations)


def _newest(episodes: Iterable[Episode]) -> dict[str, Episode]:
    """Return the newest episode of each fingerprint."""
    ordered = sorted(episodes, key=lambda each: (each.episode_number, each.opened_at))
    return {each.fingerprint: each for each in ordered}


def _numbers(deliveries: Iterable[Delivery]) -> Mapping[str, Mapping[str, int]]:
    """Return the last sequence number by channel, by episode."""
    numbers: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for each in deliveries:
        known = numbers[each.episode_id]
        known[each.channel] = max(each.sequence_number, known.get(each.channel, 0))
    return numbers
