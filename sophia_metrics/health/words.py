"""The words by which services, and the platform's plan, say how something is."""

from collections.abc import Mapping

from sophia_metrics.health.answer import Outcome
from sophia_metrics.health.status import ServiceStatus

__all__ = ["OUTCOME_BY_WORD", "PLAN_WORDS"]

OUTCOME_BY_WORD: Mapping[str, Outcome] = {
    **dict.fromkeys(("ok", "healthy", "operational", "up"), Outcome.OK),
    **dict.fromkeys(("degraded", "warning"), Outcome.DEGRADED),
    **dict.fromkeys(("unhealthy", "critical", "down"), Outcome.FAILED),
}
"""The words of a health answer, in lower case. Any other word says nothing, and is never healthy."""

PLAN_WORDS: Mapping[ServiceStatus, str] = {
    ServiceStatus.HEALTHY: "healthy",
    ServiceStatus.DEGRADED: "degraded",
    ServiceStatus.DOWN: "degraded",
    ServiceStatus.UNKNOWN: "warning",
    ServiceStatus.MAINTENANCE: "warning",
}
"""The platform's plan has three words for the whole: its worst is degraded, and what is not known is a warning."""
