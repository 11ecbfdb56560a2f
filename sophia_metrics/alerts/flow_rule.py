"""The rule of flows: one of our own has not done its work when it was expected."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.observation import FlowObservation, Observations
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["FlowRule"]

KIND = "flow"


@dataclass(frozen=True, slots=True)
class FlowRule:
    """Fires when a flow on a schedule is late, and resolves when it has done its work.

    It is judged by the flow that checks alerts: while that one stands still nobody judges. The page and
    mart_freshness show it all the same.

    Attributes:
        resolve_after: for so long it must be in time again.
    """

    resolve_after: timedelta = timedelta()

    @property
    def kind(self) -> str:
        """It speaks of flows."""
        return KIND

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return the one rule, for every flow on a schedule."""
        return None if observations.flows is None else (self._terms,)

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge each flow."""
        return (self._read(each) for each in observations.flows or ())

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about a late flow."""
        return episode.rule == self._terms.rule

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """The flow has no schedule any more."""
        return None if observations.flows is None else f"flow {episode.subject} is expected no longer"

    @property
    def _terms(self) -> Terms:
        return Terms(
            rule=f"{KIND}-late",
            kind=KIND,
            severity=Severity.WARNING,
            threshold=None,
            resolve_after=self.resolve_after,
        )

    def _read(self, each: FlowObservation) -> Reading:
        return Reading(
            terms=self._terms,
            fingerprint=f"{KIND}/{each.flow}/late",
            subject=each.flow,
            scope_type=KIND,
            scope_value=each.flow,
            verdict=Verdict.MET if each.is_late else Verdict.CLEAR,
            observed=None,
            message=_message(each),
            evidence=json.dumps({"succeeded_at": each.succeeded_at and f"{each.succeeded_at.isoformat()}Z"}),
        )


def _message(each: FlowObservation) -> str:
    """Say how the flow is; the sentence stays the same while nothing happens."""
    since = f"since {each.succeeded_at:%Y-%m-%d %H:%M} UTC" if each.succeeded_at else "since it is on a schedule"
    every = "" if each.interval_seconds is None else f", expected every {each.interval_seconds // 60} min"
    if not each.is_late:
        return f"flow {each.flow} is in time again"
    if each.is_failing:
        return f"flow {each.flow} has not succeeded {since}{every}: its last run failed or was killed"
    return f"flow {each.flow} has not run {since}{every}: is a worker running, is it paused?"
