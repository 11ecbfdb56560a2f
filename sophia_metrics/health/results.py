"""Results of a round of probes, and the judgement that makes them of answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.status import Earlier, ServiceStatus, fresh_for, next_status
from sophia_metrics.health.watch import Maintenance, Watch

__all__ = ["History", "ProbeResult", "judge_round"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One row of core_probe_results, and since when the status holds.

    Instants are naive UTC; for the rest see the columns of the table.
    """

    service: str
    kind: str
    probed_at: datetime
    outcome: Outcome
    status: ServiceStatus
    since_at: datetime
    latency_ms: float | None
    message: str | None
    attempt_count: int
    is_vantage_ok: bool
    interval_seconds: int
    is_required: bool


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a service before a round.

    Attributes:
        earlier: results that told something, the newest first.
        status: how it was after its last result of any kind. None: it was never asked.
        since_at: since when. None with status.
        probed_at: when it was asked last. None with status.
    """

    earlier: Sequence[Earlier] = field(default_factory=tuple[Earlier, ...])
    status: ServiceStatus | None = None
    since_at: datetime | None = None
    probed_at: datetime | None = None


def judge_round(
    asked: Iterable[tuple[Watch, Answer]],
    histories: Mapping[str, History],
    probed_at: datetime,
    *,
    vantage: str | None = None,
    maintenance: Sequence[Maintenance] = (),
) -> tuple[ProbeResult, ...]:
    """Return one result for each service that was asked.

    Args:
        asked: the services with their answers.
        histories: what is known of them, by service; nothing where one is missing.
        probed_at: when the round began (naive UTC).
        vantage: the service that shows whether the place that asks reaches anything. Where it fails, nothing
            is known of any remote service of this round, itself included. None: there is none.
        maintenance: the windows that are configured.
    """
    answers = list(asked)
    is_vantage_ok = all(answer.outcome is not Outcome.FAILED for watch, answer in answers if watch.service == vantage)
    return tuple(
        _judge(
            watch,
            answer,
            histories.get(watch.service, History()),
            probed_at,
            is_vantage_ok=is_vantage_ok or not watch.is_remote,
            is_maintained=_is_maintained(watch.service, probed_at, maintenance),
        )
        for watch, answer in answers
    )


def _is_maintained(service: str, at: datetime, maintenance: Sequence[Maintenance]) -> bool:
    return any(at in each.window and (not each.services or service in each.services) for each in maintenance)


def _judge(
    watch: Watch, answer: Answer, history: History, probed_at: datetime, *, is_vantage_ok: bool, is_maintained: bool
) -> ProbeResult:
    status = next_status(
        answer.outcome,
        history.earlier,
        watch.thresholds,
        probed_at=probed_at,
        holds_for=fresh_for(watch.interval_seconds),
        is_vantage_ok=is_vantage_ok,
        is_maintained=is_maintained,
    )
    is_same = status is history.status and history.since_at is not None
    message = answer.message
    if not is_vantage_ok:
        message = "the vantage service does not answer either: this says nothing about the service"
    return ProbeResult(
        service=watch.service,
        kind=watch.kind,
        probed_at=probed_at,
        outcome=answer.outcome,
        status=status,
        since_at=history.since_at if is_same and history.since_at else probed_at,
        latency_ms=answer.latency_ms,
        message=message,
        attempt_count=answer.attempt_count,
        is_vantage_ok=is_vantage_ok,
        interval_seconds=watch.interval_seconds,
        is_required=watch.is_required,
    )
