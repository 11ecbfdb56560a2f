"""The state machine of alerts: (rules, observations, what is known, silences, now) to what changes. Pure.

    pending ──held long enough──► firing ──clear for long enough──► resolved
       └────────kept back────────► suppressed ──no longer──► firing

What decides: a fire goes to each channel that takes the severity; a resolve goes to each channel that was told
anything in the episode, whatever became of the rule, of silences and of settings since. What keeps an alert back keeps
back that it begins, and never its end: a silence, a window of maintenance, a failed service that explains it, a graver
alert of the same thing, and the cool-down after its last resolve.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sophia_metrics.alerts.advance import Step, advance, resolve
from sophia_metrics.alerts.channel import Channel
from sophia_metrics.alerts.cool_down import cooling_fingerprints
from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode, EpisodeState
from sophia_metrics.alerts.grouping import Grouping
from sophia_metrics.alerts.inhibition import Inhibition
from sophia_metrics.alerts.known import Known, newest_episodes
from sophia_metrics.alerts.mailbox import Mailbox
from sophia_metrics.alerts.observation import Observations
from sophia_metrics.alerts.policy import USUAL, Policy
from sophia_metrics.alerts.reminders import channels_to_acknowledge, channels_to_remind, is_acknowledged
from sophia_metrics.alerts.rule import Reading, Rule, Severity, Verdict
from sophia_metrics.alerts.silence import Silence

__all__ = ["Channel", "Known", "Transitions", "evaluate"]

COOL_DOWN = "cool-down"


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
class _Look:
    """One evaluation: what it looks at, and what it knows."""

    known: Known
    silences: Sequence[Silence]
    policy: Policy
    mailbox: Mailbox
    inhibition: Inhibition
    cooling: frozenset[str]
    now: datetime

    def quieted_by(self, reading: Reading) -> str | None:
        """Say why nobody wants to hear of it now, whether it begins or goes on. None: somebody does."""
        if reading.suppressed_by is not None:
            return f"service/{reading.suppressed_by}"
        for silence in self.silences:
            if silence.covers(reading, self.now):
                return f"silence/{silence.silence_id}"
        for window in self.policy.maintenance:
            if window.covers(reading, self.now):
                return f"maintenance/{window.name}"
        rule = self.inhibition.graver_rule(reading)
        return None if rule is None else f"alert/{rule}"

    def judge(self, reading: Reading, last: Episode | None) -> Step | None:
        """Return what becomes of the newest episode of a reading. None: nothing."""
        quieted_by = self.quieted_by(reading)
        held_by = quieted_by or (COOL_DOWN if reading.fingerprint in self.cooling else None)
        step = advance(reading, last, self.mailbox.told(last), is_held=held_by is not None, now=self.now)
        if step is None:
            return None
        kept_back_by = {EpisodeState.SUPPRESSED: held_by, EpisodeState.FIRING: quieted_by}.get(step.episode.state)
        step = replace(step, episode=replace(step.episode, kept_back_by=kept_back_by))
        if step.kind is not None or step.episode.state is not EpisodeState.FIRING:
            return step
        return self._remind(step, is_quiet=quieted_by is not None or reading.verdict is not Verdict.MET)

    def acknowledge(self, episode: Episode) -> Step | None:
        """Return what is told of an acknowledged episode that fires. None: nothing."""
        deliveries = self.mailbox.deliveries(episode)
        if not self.known.acknowledgements or not is_acknowledged(episode, deliveries, self.known.acknowledgements):
            return None
        names = tuple(channels_to_acknowledge(deliveries, self.mailbox.channels))
        return Step(episode, DeliveryKind.ACKNOWLEDGE, names) if names else None

    def _remind(self, step: Step, *, is_quiet: bool) -> Step:
        deliveries, every = self.mailbox.deliveries(step.episode), self.policy.remind_every
        if is_quiet or every is None or is_acknowledged(step.episode, deliveries, self.known.acknowledgements):
            return step
        names = tuple(channels_to_remind(step.episode, deliveries, self.mailbox.channels, every, self.now))
        return replace(step, kind=DeliveryKind.REMIND, channels=names) if names else step


def evaluate(
    rules: Sequence[Rule],
    observations: Observations,
    known: Known,
    silences: Sequence[Silence],
    channels: Sequence[Channel],
    now: datetime,
    policy: Policy = USUAL,
) -> Transitions:
    """Return what changes; the same state again changes nothing.

    Args:
        rules: the rules that hold now. An episode of another rule is resolved.
        observations: what is published now.
        known: what is recorded.
        silences: those that may hold now.
        channels: the configured notifiers.
        now: the present (naive UTC).
        policy: how alerts are told.
    """
    last = newest_episodes(known.episodes)
    readings = _readings(rules, observations)
    inhibition = Inhibition(is_wanted=policy.is_inhibiting)
    cooling = cooling_fingerprints(known.episodes, policy.cool_down, now)
    look = _Look(known, silences, policy, Mailbox.of(channels, known.deliveries), inhibition, cooling, now)
    steps = dict(_endings(rules, last, readings, observations, now))
    for fingerprint, episode in last.items():
        if fingerprint not in readings:
            inhibition.note(steps[fingerprint].episode if fingerprint in steps else episode)
    for reading in _gravest_first(readings.values()):
        episode = last.get(reading.fingerprint)
        step = look.judge(reading, episode)
        if step:
            steps[reading.fingerprint] = step
        if after := step.episode if step else episode:
            inhibition.note(after)
    return _transitions(
        look, last, steps, Grouping.of(channels, known.episodes, known.deliveries, policy.group_wait, now)
    )


def _transitions(
    look: _Look, last: Mapping[str, Episode], steps: Mapping[str, Step], grouping: Grouping
) -> Transitions:
    """Return what changes by these steps, and who is told that somebody looks after what still fires."""
    told = dict(steps)
    for fingerprint, before in last.items():
        step = told.get(fingerprint, Step(before))
        if step.kind is None and step.episode.state is EpisodeState.FIRING:
            told[fingerprint] = look.acknowledge(step.episode) or step
    changed = (step for step in told.values() if step.kind or step.episode != last.get(step.episode.fingerprint))
    ordered = sorted(changed, key=lambda step: step.episode.fingerprint)
    written = (each for step in ordered for each in look.mailbox.write(step, look.now))
    return Transitions(
        tuple(step.episode for step in ordered if step.episode != last.get(step.episode.fingerprint)),
        tuple(grouping.gather(written)),
    )


def _readings(rules: Iterable[Rule], observations: Observations) -> dict[str, Reading]:
    """Return what the rules say, by fingerprint; of two that say something of one, the first."""
    readings: dict[str, Reading] = {}
    for rule in rules:
        for reading in rule.readings(observations):
            readings.setdefault(reading.fingerprint, reading)
    return readings


def _gravest_first(readings: Iterable[Reading]) -> list[Reading]:
    """Return the readings, the critical ones first: they keep back others."""
    return sorted(readings, key=lambda each: each.terms.severity is not Severity.CRITICAL)


def _endings(
    rules: Sequence[Rule],
    last: Mapping[str, Episode],
    readings: Mapping[str, Reading],
    observations: Observations,
    now: datetime,
) -> Iterator[tuple[str, Step]]:
    """Yield what resolves because no rule reads it any more."""
    for fingerprint, episode in last.items():
        if episode.is_open and fingerprint not in readings:
            reason = _ending(rules, episode, observations)
            if reason:
                yield fingerprint, resolve(replace(episode, message=reason), now)


def _ending(rules: Iterable[Rule], episode: Episode, observations: Observations) -> str | None:
    """Say why an open episode is over that no rule reads any more. None: it is not."""
    owner = next((rule for rule in rules if rule.owns(episode)), None)
    if owner is None:
        return f"there is no rule {episode.rule} any more"
    return owner.ending(episode, observations)
