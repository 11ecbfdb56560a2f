"""Collect usage: from the sources to core. Marts and published versions are left to build_dashboard."""

from prefect import flow

from sophia_metrics.settings import SourceSettings
from sophia_metrics.sources.part import Refusal
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.usage.collect import Findings
from sophia_metrics.usage.outcome import Collected
from tasks.artifacts import show_quality
from tasks.clock import named_by_minute, utc_now
from tasks.plan import plan_usage
from tasks.pulls import Pulls, pulls_of
from tasks.runs import finish_run, recorded_run
from tasks.sample import make_sample
from tasks.settings import read_settings
from tasks.usage import (
    collect_bills,
    commit_landing,
    find_pending,
    find_usage,
    land_batch,
    mend_days,
    note_collected,
    price_again,
)

__all__ = ["collect_source", "collect_usage"]


@flow(flow_run_name=named_by_minute("collect-usage"), persist_result=False)
def collect_usage(
    config: str | None = None, source: str | None = None, paths: list[str] | None = None, sample: bool = False
) -> tuple[Collected, ...]:
    """Land, judge, price and commit what is new at every source; return what was collected.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: what was
    landed and left over is committed first, a file that was read is not read again, two runs lose nothing.
    Held: the gate did not believe a slice. It stays in landing, out of core, and every run judges it again,
    until the format, the mapping or the file is corrected. Other slices are committed.
    A day of which a file was lost or damaged is made anew first, from landing.
    A source that does not answer stops no other: what it lacks is asked for by the next run. Vendors are asked side by
    side, while what others told is committed.
    Readers see what was collected after the next build-dashboard.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
        source: collect this source only.
        paths: files of that source to collect, instead of those that are configured.
        sample: collect made-up usage.
    """
    settings = read_settings(config)
    with recorded_run(settings, "collect-usage", now := utc_now()) as run:
        mend_days(settings, now)
        planned = plan_usage(settings, now, source=source, paths=paths, sample=sample)
        with pulls_of(settings, planned, now) as pulls:
            collected = tuple(collect_source(pulls, each) for each in planned)
        price_again(settings, utc_now())
        finish_run(settings, run, utc_now(), collected)
    show_quality(collected)
    return collected


def collect_source(pulls: Pulls, source: SourceSettings, *, are_finished: bool = False) -> Collected:
    """Commit what an earlier run left over, then land and commit what is new, batch by batch.

    What cannot be pulled is not collected: other sources are, and its days are not settled before it answers.
    Bills are committed file by file. `are_finished`: nobody writes to its files any more, so that a last line without
    an end does not wait.
    """
    settings, now = pulls.settings, pulls.now
    if source.name == SAMPLE_SOURCE:
        make_sample(settings, now.date())
    if source.is_pulled and (pulled := pulls.of(source)).finding is not None:
        return Collected(source.name, Findings((), 0), (), (Refusal(pulled.table, pulled.finding),))
    if source.is_bill:
        bills = collect_bills(settings, source, now)
        return Collected(source.name, Findings((), bills.file_count, bills.new_count), bills.receipts, bills.refused)
    receipts = [commit_landing(settings, source, each, now) for each in find_pending(settings, source, now)]
    findings = find_usage(settings, source, now, are_finished=are_finished)
    refused: list[Refusal] = []
    for batch in findings.batches:
        landed = land_batch(settings, source, batch, now)
        receipts += [commit_landing(settings, source, landing, now) for landing in landed.landings]
        refused += landed.refused
    if not receipts:
        note_collected(settings, source, now)
    return Collected(source.name, findings, tuple(receipts), tuple(refused))
