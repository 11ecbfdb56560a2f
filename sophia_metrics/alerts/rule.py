"""What a rule is: it reads observations, and says of each thing that it watches whether its condition is met."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.observation import Observations

__all__ = ["Reading", "Rule", "Severity", "Terms", "Verdict"]


class Severity(StrEnum):
    """How bad it is; a notifier takes the severities that it is configured for."""

    WARNING = "warning"
    CRITICAL = "critical"


class Verdict(StrEnum):
    """Whether a condition is met. Unknown changes nothing: it neither fires nor resolves."""

    MET = "met"
    CLEAR = "clear"
    BETWEEN = "between"
    """Not met, and not so far from it that what was told is over."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Terms:
    """What one rule is: one row of core_alert_rules, and when it fires and resolves.

    Attributes:
        rule: the name, as people silence it.
        kind: budget, forecast, anomaly, price, reconciliation, service or flow.
        severity: how bad it is when the condition is met.
        threshold: at what it fires: a share of the limit. None: at a status, which its name tells.
        subject: the one thing that it watches. None: every one of its kind.
        fire_after: for so long the condition must be met before it fires.
        resolve_after: for so long it must be clear before it resolves, so that flapping is one alert.
        is_once: a fingerprint fires once; when its condition is met again, what was said is corrected.
        fire_after_count: in so many states of the data, one after the other, the condition must be met before it fires.
    """

    rule: str
    kind: str
    severity: Severity
    threshold: float | None
    subject: str | None = None
    fire_after: timedelta = timedelta()
    resolve_after: timedelta = timedelta()
    is_once: bool = False
    fire_after_count: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """What one rule says of one thing now.

    Attributes:
        terms: the rule.
        fingerprint: which alert it is: the same text means the same alert.
        subject: name of the budget, service or flow.
        scope_type: what is watched: all, team, …, service or flow.
        scope_value: which of them. None: there is only one, as in all.
        verdict: see Verdict.
        observed: the share of the limit that is spent. None: unknown, or there is no limit.
        message: one sentence for a person.
        evidence: the figures behind it, as JSON.
        since_at: since when the verdict holds (naive UTC). None: only this look at it is known.
        suppressed_by: the service whose failure explains this one. None: nothing does.
        basis: the state of the data that was looked at, for rules that must hold in several. None: it does not matter.
    """

    terms: Terms
    fingerprint: str
    subject: str
    scope_type: str
    scope_value: str | None
    verdict: Verdict
    observed: float | None
    message: str
    evidence: str
    since_at: datetime | None = None
    suppressed_by: str | None = None
    basis: str | None = None


class Rule(Protocol):
    """A rule, or several of one kind. Which there are: see budget_rule, service_rule and flow_rule."""

    @property
    def kind(self) -> str:
        """Of what kind of things the rule speaks; see Terms."""
        ...

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return the rules that hold for what is observed. None: what they would watch is not published."""
        ...

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge each thing that is observed now."""
        ...

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is one of its own."""
        ...

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """Say why an open episode of its own has no reading any more. None: that is not known, and it stays."""
        ...
