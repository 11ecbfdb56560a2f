"""From the services to the whole. mart_performance_now says the same in SQL; one table of truth tests both."""

from collections.abc import Iterable
from dataclasses import dataclass

from sophia_metrics.health.status import ServiceStatus

__all__ = ["Part", "overall_status"]


@dataclass(frozen=True, slots=True)
class Part:
    """A service in the whole: how it is, and whether the whole needs it."""

    status: ServiceStatus
    is_required: bool = True


def overall_status(parts: Iterable[Part]) -> ServiceStatus:
    """Return the worst of the required services; if only optional ones fail, the whole is degraded.

    Trouble that is known outranks what is not known: down, degraded, unknown, healthy. Services in
    maintenance are left out; where all are, so is the whole. An empty list is unknown, never healthy.
    Optional services of which nothing is known count only where there are no required ones.
    """
    every = list(parts)
    judged = [each for each in every if each.status is not ServiceStatus.MAINTENANCE]
    required = {each.status for each in judged if each.is_required}
    optional = {each.status for each in judged if not each.is_required}
    if not judged:
        return ServiceStatus.MAINTENANCE if every else ServiceStatus.UNKNOWN
    if ServiceStatus.DOWN in required:
        return ServiceStatus.DOWN
    if ServiceStatus.DEGRADED in required or {ServiceStatus.DOWN, ServiceStatus.DEGRADED} & optional:
        return ServiceStatus.DEGRADED
    return ServiceStatus.UNKNOWN if ServiceStatus.UNKNOWN in (required or optional) else ServiceStatus.HEALTHY
