"""Steps that judge: the compiled SQL in every flow that publishes, Great Expectations where a flow asks for it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime

import polars as pl

from sophia_metrics.connect import connect_warehouse, every_source
from sophia_metrics.quality.batch import Batch, warehouse_batches
from sophia_metrics.quality.checkpoint import Checkpoint
from sophia_metrics.quality.judging import hold_days, judge_marts
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.quality.suites import DAILY, PRESENT
from sophia_metrics.quality.verdict import Verdict, held_because, merged
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.usage.outcome import Collected
from sophia_metrics.usage.restaging import staged_batches
from sophia_metrics.warehouse.protocol import Record
from sophia_metrics.working import spill_folder, working_connection
from tasks.runs import Run
from tasks.step import step

__all__ = ["check_marts", "run_checkpoint", "started_checkpoint"]


def started_checkpoint(
    settings: Settings, planned: Sequence[SourceSettings], now: datetime, *, is_wanted: bool | None
) -> AbstractContextManager[Checkpoint | None]:
    """Start the process of Great Expectations, which imports while the run collects. None: it is not wanted.

    Args:
        settings: say whether it is wanted where `is_wanted` does not.
        planned: the sources of the run. A first look at made-up usage does not wait for it unless it is asked for.
        now: the present (naive UTC).
        is_wanted: whether whoever started the run wants it. None: as the settings say.
    """
    is_real = any(source.name != SAMPLE_SOURCE for source in planned)
    if is_wanted is None:
        is_wanted = settings.quality.checkpoint and is_real
    return Checkpoint(now) if is_wanted else nullcontext()


@step("judge core and marts", deadline_seconds=3600)
def check_marts(
    settings: Settings, run: Run, now: datetime, collected: Sequence[Collected] = (), *, every_day: bool = False
) -> QualityReport:
    """Judge the days that changed by the compiled SQL, and keep the verdicts, those of the staged slices too.

    While an error stands, publishing leaves readers with the version that they have.
    """
    judged = judge_marts(connect_warehouse(settings, now), now, every_day=every_day)
    staged = [each for found in collected for receipt in found.receipts for each in receipt.judged]
    report = QualityReport((*merged(staged), *judged.verdicts), judged.runs)
    _record(settings, run, report.verdicts, now)
    return report


@step("Great Expectations", deadline_seconds=3600)
def run_checkpoint(
    settings: Settings,
    run: Run,
    checkpoint: Checkpoint,
    report: QualityReport,
    now: datetime,
    collected: Sequence[Collected] = (),
) -> QualityReport:
    """Let Great Expectations judge what the compiled SQL has judged, and write Data Docs; return both verdicts as one.

    A commit meanwhile puts core ahead of its marts: they are built, and judged once more.
    """
    warehouse = connect_warehouse(settings, now)
    if not report.runs and not any(found.receipts for found in collected):
        return report
    with working_connection(settings.home, settings.memory_limit) as connection:
        scratch = spill_folder(connection)
        found = checkpoint.judge(_batches(settings, report, now, collected), scratch)
        if held_because(found) is not None and warehouse.build().day_count:
            found = checkpoint.judge(_batches(settings, report, now, collected), scratch)
    docs = settings.home / "quality" / "data_docs"
    shutil.rmtree(docs, ignore_errors=True)
    page = checkpoint.build_docs(docs)
    verdicts = merged((*report.verdicts, *found))
    reason = held_because(verdicts)
    if reason is not None and report.held_because is None:
        hold_days(warehouse, [day for days in report.runs for day in days.days], reason, now)
    _record(settings, run, verdicts, now)
    return replace(report, verdicts=verdicts, data_docs=page)


def _batches(
    settings: Settings, report: QualityReport, now: datetime, collected: Sequence[Collected]
) -> Iterator[Batch]:
    """Yield the staged slices of the run, the days that were judged, and what is computed for the present."""
    sources = {source.name: source for source in every_source(settings)}
    for found in collected:
        if (source := sources.get(found.source)) is None:
            continue
        for receipt in found.receipts:
            yield from staged_batches(
                settings.home, source, receipt.attempt_id, now, memory_limit=settings.memory_limit
            )
    warehouse = connect_warehouse(settings, now)
    for days in report.runs:
        yield from warehouse_batches(warehouse, DAILY, now, days.days, days.row_count)
    yield from warehouse_batches(warehouse, PRESENT, now, None, 0)


def _record(settings: Settings, run: Run, verdicts: Sequence[Verdict], now: datetime) -> None:
    rows = [
        {
            "run_id": run.run_id,
            "suite": each.suite,
            "expectation": each.expectation,
            "judged_at": now,
            "is_passed": each.is_passed,
            "severity": each.severity.value,
            "dimension": each.dimension.value,
            "observed": each.observed,
            "failed_count": each.failed_count,
            "checked_count": each.checked_count,
            "checked_by": each.checked_by,
        }
        for each in verdicts
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(state.QUALITY_VERDICTS))
    connect_warehouse(settings, now).record(Record({state.QUALITY_VERDICTS.name: frame}))
