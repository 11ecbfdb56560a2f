"""The status of a service: from one probe and those before it, by thresholds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sophia_metrics.health.answer import Outcome

__all__ = ["Earlier", "ServiceStatus", "Thresholds", "fresh_for", "next_status"]

STALE_INTERVALS = 2.5


class ServiceStatus(StrEnum):
    """How a service is. Unknown is never healthy."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many results in a row it takes: `failures` to be down, `successes` to be up again; at least 1 each."""

    failures: int = 3
    successes: int = 2


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier result that told something: not skipped, not in maintenance, from a vantage that was fine.

    `probed_at` is naive UTC; `status` is the status of the service after it.
    """

    probed_at: datetime
    outcome: Outcome
    status: ServiceStatus


def fresh_for(interval_seconds: float) -> timedelta:
    """Return how long a result holds: two and a half intervals. After that, nothing is known."""
    return timedelta(seconds=STALE_INTERVALS * interval_seconds)


def next_status(
    outcome: Outcome,
    earlier: Sequence[Earlier],
    thresholds: Thresholds,
    *,
    probed_at: datetime,
    holds_for: timedelta,
    is_vantage_ok: bool = True,
    is_maintained: bool = False,
) -> ServiceStatus:
    """Return the status of a service after one more probe.

    Down needs `failures` failed probes in a row, and recovery from it `successes` that did not fail; a few
    failures less leave the status as it was. A result that is older than `holds_for` counts for nothing but
    this: what was down has to recover. What was never known is healthy after one good answer. Results in
    maintenance, from a bad vantage, or skipped are no evidence either way.

    Args:
        outcome: what the probe found.
        earlier: results before it that told something, the newest first: as many as the greater threshold.
        thresholds: of this service.
        probed_at: when the probe began (naive UTC).
        holds_for: how long a result holds; see fresh_for.
        is_vantage_ok: the place that asks reached something else at the same time.
        is_maintained: a maintenance window is open for the service.
    """
    if is_maintained:
        return ServiceStatus.MAINTENANCE
    if outcome is Outcome.SKIPPED or not is_vantage_ok:
        return ServiceStatus.UNKNOWN
    recent = list(_unbroken(earlier, probed_at, holds_for))
    before = earlier[0].status if earlier else ServiceStatus.UNKNOWN
    if not recent and before is not ServiceStatus.DOWN:
        before = ServiceStatus.UNKNOWN
    is_failure = outcome is Outcome.FAILED
    in_a_row = 1 + _length_of_run(recent, is_failure=is_failure)
    if is_failure:
        return ServiceStatus.DOWN if in_a_row >= thresholds.failures else before
    if before is ServiceStatus.DOWN and in_a_row < thresholds.successes:
        return ServiceStatus.DOWN
    return ServiceStatus.DEGRADED if outcome is Outcome.DEGRADED else ServiceStatus.HEALTHY


def _unbroken(earlier: Sequence[Earlier], probed_at: datetime, holds_for: timedelta) -> Iterator[Earlier]:
    """Yield the results that reach back from the probe without a gap that is longer than a result holds."""
    after = probed_at
    for each in earlier:
        if after - each.probed_at > holds_for:
            return
        yield each
        after = each.probed_at


def _length_of_run(recent: Sequence[Earlier], *, is_failure: bool) -> int:
    differing = (place for place, each in enumerate(recent) if (each.outcome is Outcome.FAILED) != is_failure)
    return next(differing, len(recent))
