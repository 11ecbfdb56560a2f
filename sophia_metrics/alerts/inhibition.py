"""Inhibition: while a critical alert of a thing fires, no warning of the same thing begins. Pure."""

from dataclasses import dataclass, field

from sophia_metrics.alerts.episode import Episode, EpisodeState
from sophia_metrics.alerts.rule import Reading, Severity

__all__ = ["Inhibition"]

Thing = tuple[str, str | None, str]


@dataclass(slots=True)
class Inhibition:
    """Of which things a critical alert fires, and by which rule, as far as an evaluation knows by now."""

    is_wanted: bool
    things: dict[Thing, str] = field(default_factory=dict[Thing, str])

    def note(self, episode: Episode) -> None:
        """Take an episode into account as it is after this evaluation."""
        if episode.severity == Severity.CRITICAL and episode.state is EpisodeState.FIRING:
            self.things.setdefault(_thing(episode), episode.rule)

    def graver_rule(self, reading: Reading) -> str | None:
        """Return the rule of the critical alert that keeps a warning back. None: none does."""
        if not self.is_wanted or reading.terms.severity is not Severity.WARNING:
            return None
        return self.things.get(_thing(reading))


def _thing(about: Episode | Reading) -> Thing:
    return about.scope_type, about.scope_value, about.subject
