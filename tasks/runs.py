"""The record of a run in core_pipeline_runs: written when it starts, when it ends, and when it fails.

Beside it stands the heartbeat of its flow. Both are kept on this machine: on Snowflake in its mirror, so that a run can
be recorded whatever becomes of the connection. While it runs, its process holds a trace in the state folder: a run
without one is lost, and the next run notes that.
"""

import logging
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from uuid import uuid4

import polars as pl
from prefect.context import FlowRunContext
from prefect.runtime import deployment

from sophia_metrics.connect import connect_warehouse
from sophia_metrics.errors import SophiaError
from sophia_metrics.health.heartbeats import beaten, heartbeat_frame, read_heartbeats
from sophia_metrics.health.lost_runs import LOST, note_lost_runs
from sophia_metrics.presence import forget_trace, present, read_traces
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.settings import Settings
from sophia_metrics.usage.outcome import Collected
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse
from tasks.clock import utc_now
from tasks.schedule import scheduled_intervals
from tasks.step import step

__all__ = [
    "Evidence",
    "Run",
    "evidence_of_runs",
    "finish_run",
    "forget_runs",
    "note_lost",
    "recorded_run",
    "start_run",
    "unrecorded_run",
]

log = logging.getLogger("sophia_metrics.runs")

TRACES = "runs"
"""The folder of the traces, in the state folder."""
KEEP_TRACES = timedelta(days=7)
"""So long the trace of a lost run is kept for whoever looks after the runs of Prefect."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a state folder knows of runs.

    Attributes:
        held: ids of the runs whose process is there.
        killed: ids of the runs whose process went without a word.
        ended: ids of the runs whose end is recorded.
        scheduled_here: the flows whose schedules run on this state folder.
    """

    held: frozenset[str]
    killed: frozenset[str]
    ended: frozenset[str]
    scheduled_here: frozenset[str]

    def is_present(self, run_id: str) -> bool:
        """Say whether the process of a run is there: then it is left alone, whatever else is known."""
        return run_id in self.held


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way: its id (Prefect's, or our own for a plain run), its flow, its start (naive UTC)."""

    run_id: str
    flow: str
    started_at: datetime


@step("note the start", deadline_seconds=120)
def start_run(settings: Settings, run: Run) -> None:
    """Record a run as running, and note which earlier ones were killed: they are lost."""
    note_lost(settings, run.started_at)
    _write(settings, run, "running")


def note_lost(settings: Settings, now: datetime) -> tuple[str, ...]:
    """Note which runs were killed; return their ids. `now` is naive UTC."""
    folder = settings.home / TRACES
    lost = note_lost_runs(connect_warehouse(settings.local, now), lambda: read_traces(folder), now)
    if lost:
        log.warning("%d earlier runs were killed and are noted as lost: this run goes on where they stopped", len(lost))
    for trace in read_traces(folder):
        if not trace.is_present and now - trace.started_at > KEEP_TRACES:
            forget_trace(folder, trace.run_id)
    return lost


@step("note the end", deadline_seconds=120)
def finish_run(
    settings: Settings,
    run: Run,
    ended_at: datetime,
    collected: Sequence[Collected] | None = None,
    quality: QualityReport | None = None,
) -> None:
    """Record how a run ended: completed, or held where the gate or a failed expectation keeps something back.

    Args:
        settings: name the warehouse.
        run: the run.
        ended_at: the end (naive UTC). Publishing follows it, so that the published version shows the end.
        collected: what the run read. None: it is not a run that reads.
        quality: what the run judged. None: it is not a run that judges.
    """
    is_held = any(each.held for each in collected or ()) or (quality is not None and quality.held_because is not None)
    row_count = None if collected is None else sum(each.counts.read for each in collected)
    _write(settings, run, "held" if is_held else "completed", ended_at, row_count)


def evidence_of_runs(settings: Settings, now: datetime) -> Evidence:
    """Note which runs were killed, and return what is known of all runs. `now` is naive UTC."""
    note_lost(settings, now)
    warehouse = connect_warehouse(settings.local, now)
    rows = warehouse.read(Query("SELECT run_id, run_status FROM core_pipeline_runs")).rows()
    heartbeats = read_heartbeats(warehouse).values()
    traces = read_traces(settings.home / TRACES)  # last: a run that has begun since holds a trace
    gone = frozenset(trace.run_id for trace in traces if not trace.is_present)
    return Evidence(
        held=frozenset(trace.run_id for trace in traces if trace.is_present),
        killed=gone | {run_id for run_id, status in rows if status == LOST},
        ended=frozenset(run_id for run_id, status in rows if status not in ("running", LOST)) - gone,
        scheduled_here=frozenset(each.flow for each in heartbeats if each.scheduled_since_at is not None),
    )


def forget_runs(settings: Settings, run_ids: Iterable[str]) -> None:
    """Remove the traces of runs that were looked after."""
    for run_id in run_ids:
        forget_trace(settings.home / TRACES, run_id)


class recorded_run(AbstractContextManager[Run]):  # noqa: N801 - reads like the verb that it is: with recorded_run(…) as run
    """Record the start of a run, and its failure; a run that succeeds says so itself, by finish_run.

    The failure goes on to whoever started the run, whether or not it could be recorded.
    """

    def __init__(self, settings: Settings, flow: str, started_at: datetime) -> None:
        self._settings = settings
        self._run = Run(_run_id(), flow, started_at)
        self._held = ExitStack()

    def __enter__(self) -> Run:
        with ExitStack() as entered:
            entered.enter_context(_present(self._settings, self._run))
            start_run(self._settings, self._run)
            self._held = entered.pop_all()
        return self._run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            if error is None:
                return
            try:
                _write(self._settings, self._run, "failed", utc_now())
            except SophiaError as second:
                log.warning("the failure of run %s could not be recorded: %s", self._run.run_id, second)


@contextmanager
def unrecorded_run(settings: Settings, flow: str, started_at: datetime) -> Generator[Run]:
    """Keep the heartbeat of a flow whose runs are too many to be recorded each."""
    run = Run(_run_id(), flow, started_at)
    with _present(settings, run):
        is_success = False
        try:
            yield run
            is_success = True
        finally:
            _beat(settings, run, is_success=is_success)


def _run_id() -> str:
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context and context.flow_run else uuid4().hex


def _present(settings: Settings, run: Run) -> AbstractContextManager[None]:
    return present(settings.home / TRACES, run.run_id, run.flow, run.started_at)


def _beat(settings: Settings, run: Run, *, is_success: bool) -> None:
    now = utc_now()
    try:
        warehouse = connect_warehouse(settings.local, now)
        warehouse.record(Record(_heartbeats(warehouse, run, now, is_success=is_success)))
    except SophiaError as error:
        log.warning("the heartbeat of %s could not be recorded: %s", run.flow, error)


def _heartbeats(warehouse: Warehouse, run: Run, at: datetime, *, is_success: bool) -> dict[str, pl.DataFrame]:
    """Return the heartbeats that a run changes; what is expected of flows, only a run of a deployment changes."""
    changed = beaten(read_heartbeats(warehouse), run.flow, at, is_success=is_success, intervals=_intervals())
    return {state.HEARTBEATS.name: heartbeat_frame(changed)}


def _intervals() -> Mapping[str, int] | None:
    """Return the schedules where this is a run of a deployment. None: it is started by hand, and nobody expects it."""
    return scheduled_intervals() if deployment.id is not None else None


def _write(
    settings: Settings, run: Run, status: str, ended_at: datetime | None = None, row_count: int | None = None
) -> None:
    row = {
        "run_id": run.run_id,
        "flow": run.flow,
        "started_at": run.started_at,
        "ended_at": ended_at,
        "row_count": row_count,
        "run_status": status,
    }
    rows = {state.PIPELINE_RUNS.name: pl.DataFrame([row], schema=polars_schema(state.PIPELINE_RUNS))}
    warehouse = connect_warehouse(settings.local, ended_at or run.started_at)
    if ended_at is not None:
        rows |= _heartbeats(warehouse, run, ended_at, is_success=status != "failed")
    warehouse.record(Record(rows))
