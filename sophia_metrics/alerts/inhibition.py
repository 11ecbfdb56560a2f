"""Inhibition: while a critical alert of a thing fires, no warning of the same thing begins. Pure."""

from dataclasses import dataclass, field

from sophia_metrics.alerts.episode import Episode, EpisodeState
from sophia_metrics.alerts.rule import Reading, Severity

__all__ = ["Inhibition"]

Thing = tuple[str, str | None, str]


@dataclass(slots=True)
class Inhibition:
    """Of which things a critical alert fires, as far as an evaluation knows by now."""

    is_wanted: bool
    things: set[Thing] = field(default_factory=set[Thing])

    def note(self, episode: Episode) -> None:
        """Take an episode into account as it is after this evaluation."""
        if episode.severity == Severity.CRITICAL and episode.state is EpisodeState.FIRING:
            self.things.add(_thing(episode))

    def covers(self, reading: Reading) -> bool:
        """Say whether a warning is kept back."""
        return self.is_wanted and reading.terms.severity is Severity.WARNING and _thing(reading) in self.things


def _thing(about: Episode | Reading) -> Thing:
    return about.scope_type, about.scope_value, about.subject
