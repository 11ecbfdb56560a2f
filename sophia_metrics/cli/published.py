"""What the published version says of itself: its number, how fresh its data are, what is held back, what answers."""

from dataclasses import dataclass
from datetime import datetime

from sophia_metrics.costs.reports import published_reports
from sophia_metrics.health.late_flows import LateFlow
from sophia_metrics.serving import Serving

__all__ = [
    "Freshness",
    "HeldSlice",
    "OpenAlert",
    "Published",
    "QuarantineRule",
    "ServiceHealth",
    "load_late_flows",
    "load_published",
]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a source, or the table that sources feed, is. `newest_at` (naive UTC) None: never collected."""

    subject: str
    newest_at: datetime | None
    expected_within_seconds: int
    is_stale: bool


@dataclass(frozen=True, slots=True)
class HeldSlice:
    """A slice that the gate holds back, as of `finished_at` (naive UTC)."""

    source: str
    attempt_id: str
    file_count: int
    row_count: int
    quarantined_count: int
    reason: str | None
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class QuarantineRule:
    """Rows of a source that break a rule and wait for a verdict; `last_found_at` is naive UTC."""

    source: str
    rule: str
    reason: str
    row_count: int
    last_found_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """How a service is; instants are naive UTC. `latency_ms` None: it did not answer. `message` None: all is well."""

    service: str
    status: str
    since_at: datetime
    last_probed_at: datetime
    latency_ms: float | None
    message: str | None
    is_stale: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that has not resolved; `opened_at` is naive UTC. `state` suppressed: nobody is told."""

    rule: str
    severity: str
    state: str
    opened_at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Published:
    """The version that readers see now.

    Attributes:
        version: its number.
        published_at: when it was published (naive UTC).
        is_sample: its figures are made up.
        freshness: by source, and of the table of events.
        held: what is not in it.
        quarantine: rows that are not in it, by rule.
        services: how the services are that are watched.
        alerts: what is open, the gravest first.
    """

    version: int
    published_at: datetime
    is_sample: bool
    freshness: tuple[Freshness, ...]
    held: tuple[HeldSlice, ...]
    quarantine: tuple[QuarantineRule, ...]
    services: tuple[ServiceHealth, ...]
    alerts: tuple[OpenAlert, ...]


def load_published(serving: Serving) -> Published:
    """Read the current version.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with published_reports(serving) as reports:
        return Published(
            *reports.row("published_version"),
            freshness=tuple(Freshness(*row) for row in reports.rows("data_freshness")),
            held=tuple(HeldSlice(*row) for row in reports.rows("held_slices")),
            quarantine=tuple(QuarantineRule(*row) for row in reports.rows("quarantine_by_rule")),
            services=tuple(ServiceHealth(*row) for row in reports.rows("service_health")),
            alerts=tuple(OpenAlert(*row) for row in reports.rows("open_alerts")),
        )


def load_late_flows(serving: Serving) -> tuple[LateFlow, ...]:
    """Return our own flows that have not run when they were expected; a version from before they were kept has none."""
    if not serving.has_table("core_heartbeats"):
        return ()
    with published_reports(serving) as reports:
        return tuple(LateFlow(*row) for row in reports.rows("late_flows"))
