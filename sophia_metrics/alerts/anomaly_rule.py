"""The rule of anomalies: a day of a scope was not as expected."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.money_text import plain_or_none
from sophia_metrics.alerts.observation import AnomalyObservation, Observations
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["AnomalyRule"]

KIND = "anomaly"
MOST = Decimal("0.8")
"""From such a share of the impact on a narrower scope explains a wider one."""
UNNAMED = "(none)"
WIDER = ("team", "project", "environment", "model", "provider", "all")
"""Scopes, the narrowest first."""


@dataclass(frozen=True, slots=True)
class AnomalyRule:
    """Fires for an anomaly of the last days, and resolves when it is one no longer, or is some days old.

    One cause is one alert: where a narrower scope has most of the impact of the same kind on the same day, it speaks
    for the wider ones.

    Attributes:
        min_impact_usd: anomalies with less impact alert nobody; those whose impact is unknown do.
    """

    min_impact_usd: Decimal = Decimal(0)

    @property
    def kind(self) -> str:
        """It speaks of anomalies."""
        return KIND

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return one rule for each kind of anomaly that there is."""
        if observations.anomalies is None:
            return None
        return tuple(_terms(kind) for kind in sorted({each.kind for each in observations.anomalies}))

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge each anomaly."""
        grave = [each for each in observations.anomalies or () if self._is_grave(each)]
        return (_read(each) for each in grave if not any(_explains(other, each) for other in grave))

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about an anomaly."""
        return episode.fingerprint.startswith(f"{KIND}/")

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """It is no anomaly any more, or an old one."""
        return (
            None
            if observations.anomalies is None
            else f"no longer unusual, or explained, or some days old: {episode.subject}"
        )

    def _is_grave(self, each: AnomalyObservation) -> bool:
        return each.impact_usd is None or each.impact_usd >= self.min_impact_usd


def _explains(narrow: AnomalyObservation, wide: AnomalyObservation) -> bool:
    """Say whether one anomaly is what another comes from."""
    if (narrow.kind, narrow.usage_on) != (wide.kind, wide.usage_on) or narrow.scope_value == UNNAMED:
        return False
    if narrow.impact_usd is None or wide.impact_usd is None or narrow.impact_usd < wide.impact_usd * MOST:
        return False
    return _width(narrow) < _width(wide)


def _width(each: AnomalyObservation) -> int:
    """Return how wide a scope is: users and keys are the narrowest, and what has no name says less than all."""
    if each.scope_value == UNNAMED:
        return len(WIDER) + 1
    return 1 + WIDER.index(each.scope_type) if each.scope_type in WIDER else 0


def _terms(kind: str) -> Terms:
    return Terms(rule=f"{KIND}-{kind}", kind=KIND, severity=Severity.WARNING, threshold=None, is_once=True)


def _read(each: AnomalyObservation) -> Reading:
    place = f"{each.kind}/{each.scope_type}/{each.scope_value}/{each.usage_on.isoformat()}"
    evidence = {
        "usage_on": each.usage_on.isoformat(),
        "observed_usd": plain_or_none(each.observed_usd),
        "expected_usd": plain_or_none(each.expected_usd),
        "impact_usd": plain_or_none(each.impact_usd),
        "score": each.score,
    }
    scope = each.scope_type if each.scope_type == "all" else f"{each.scope_type}/{each.scope_value}"
    return Reading(
        terms=_terms(each.kind),
        fingerprint=f"{KIND}/{place}",
        subject=f"{scope} {each.usage_on.isoformat()}",
        scope_type=each.scope_type,
        scope_value=None if each.scope_type == "all" else each.scope_value,
        verdict=Verdict.MET,
        observed=None,
        message=f"{scope} on {each.usage_on.isoformat()}: {each.explanation}",
        evidence=json.dumps(evidence),
    )
