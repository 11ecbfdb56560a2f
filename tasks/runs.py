"""The record of a run in core_pipeline_runs: written when it starts, when it ends, and when it fails."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from uuid import uuid4

import polars as pl
from prefect.context import FlowRunContext

from sophia_metrics.connect import connect_warehouse
from sophia_metrics.errors import SophiaError
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.settings import Settings
from sophia_metrics.usage.outcome import Collected
from sophia_metrics.warehouse.protocol import Record
from tasks.clock import utc_now
from tasks.step import step

__all__ = ["Run", "finish_run", "recorded_run", "start_run"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way: its id (Prefect's, or our own for a plain run), its flow, its start (naive UTC)."""

    run_id: str
    flow: str
    started_at: datetime


@step("note the start", deadline_seconds=120)
def start_run(settings: Settings, run: Run) -> None:
    """Record a run as running. One that is killed stays so, without an end."""
    _write(settings, run, "running")


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


class recorded_run(AbstractContextManager[Run]):  # noqa: N801 - reads like the verb that it is: with recorded_run(…) as run
    """Record the start of a run, and its failure; a run that succeeds says so itself, by finish_run.

    The failure goes on to whoever started the run, whether or not it could be recorded.
    """

    def __init__(self, settings: Settings, flow: str, started_at: datetime) -> None:
        self._settings = settings
        context = FlowRunContext.get()
        run_id = str(context.flow_run.id) if context and context.flow_run else uuid4().hex
        self._run = Run(run_id, flow, started_at)

    def __enter__(self) -> Run:
        start_run(self._settings, self._run)
        return self._run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        try:
            _write(self._settings, self._run, "failed", utc_now())
        except SophiaError as second:
            log.warning("the failure of run %s could not be recorded: %s", self._run.run_id, second)


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
    frame = pl.DataFrame([row], schema=polars_schema(state.PIPELINE_RUNS))
    connect_warehouse(settings, ended_at or run.started_at).record(Record({state.PIPELINE_RUNS.name: frame}))
