"""Service rules: a service is down, or degraded, for some time."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.observation import Observations, ServiceObservation
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["ServiceRule", "service_rules"]

KIND = "service"
DOWN, DEGRADED, HEALTHY = "down", "degraded", "healthy"
CLEARING = {DOWN: frozenset({HEALTHY, DEGRADED}), DEGRADED: frozenset({HEALTHY})}
"""Which statuses end an alert. A degraded service that goes down is not well again."""
MESSAGE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """Fires when a service has had a status for some time.

    Unknown, maintenance and a stale status say nothing: they neither fire nor resolve. While a service that
    it needs is down, an alert of a service is suppressed; one that was sent still resolves.

    Attributes:
        status: down or degraded.
        severity: how bad that is.
        fire_after: for so long the service must have had the status.
        resolve_after: for so long it must have had a better one.
    """

    status: str
    severity: Severity
    fire_after: timedelta = timedelta()
    resolve_after: timedelta = timedelta()

    @property
    def kind(self) -> str:
        """It speaks of services."""
        return KIND

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return the one rule, for every service; it fires again each time that a service fails again."""
        return None if observations.services is None else (self._terms,)

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge each service."""
        services = observations.services or ()
        failed = {each.service: each for each in services if each.status == DOWN and not each.is_stale}
        return (self._read(each, failed) for each in services)

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about a service with this status."""
        return episode.rule == self._terms.rule

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """The service is gone."""
        return None if observations.services is None else f"service {episode.subject} is no longer watched"

    @property
    def _terms(self) -> Terms:
        return Terms(
            rule=f"{KIND}-{self.status}",
            kind=KIND,
            severity=self.severity,
            threshold=None,
            fire_after=self.fire_after,
            resolve_after=self.resolve_after,
        )

    def _read(self, each: ServiceObservation, failed: Mapping[str, ServiceObservation]) -> Reading:
        said = f": {each.message[:MESSAGE_LENGTH]}" if each.message else ""
        since = f" since {each.since_at:%Y-%m-%d %H:%M} UTC" if each.since_at else ""
        return Reading(
            terms=self._terms,
            fingerprint=f"{KIND}/{each.service}/{self.status}",
            subject=each.service,
            scope_type=KIND,
            scope_value=each.service,
            verdict=self._judge(each),
            observed=None,
            message=f"service {each.service} is {each.status}{since}{said}",
            evidence=json.dumps({"status": each.status, "since_at": each.since_at and f"{each.since_at.isoformat()}Z"}),
            since_at=each.since_at,
            suppressed_by=_cause(each.service, failed),
        )

    def _judge(self, each: ServiceObservation) -> Verdict:
        if each.is_stale:
            return Verdict.UNKNOWN
        if each.status == self.status:
            return Verdict.MET
        return Verdict.CLEAR if each.status in CLEARING[self.status] else Verdict.UNKNOWN


def service_rules(
    down_after: timedelta, degraded_after: timedelta, resolve_after: timedelta
) -> tuple[ServiceRule, ServiceRule]:
    """Return the rules for every service: down is critical, degraded is a warning."""
    return (
        ServiceRule(DOWN, Severity.CRITICAL, down_after, resolve_after),
        ServiceRule(DEGRADED, Severity.WARNING, degraded_after, resolve_after),
    )


def _cause(service: str, failed: Mapping[str, ServiceObservation]) -> str | None:
    """Return a failed service that this one needs, itself or through others, and that needs no failed one.

    Services that need each other in a circle have no such cause: all of them alert.
    """
    seen, waiting = {service}, [service]
    while waiting:
        name = waiting.pop()
        needed = sorted(other for other, each in failed.items() if name in each.required_by and other != name)
        if not needed and name != service:
            return name
        waiting += [other for other in needed if other not in seen]
        seen.update(needed)
    return None
