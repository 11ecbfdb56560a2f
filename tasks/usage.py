"""Steps from a source to core, one batch at a time; values cross between them, never connections."""

from collections.abc import Sequence
from datetime import date, datetime
from threading import Event

from sophia_metrics.connect import (
    connect_bill_collector,
    connect_bills,
    connect_collector,
    connect_puller,
    connect_source,
    connect_warehouse,
    every_source,
)
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.invoices.collect import BillsCollected
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.usage.collect import Batch, Collector, Findings
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.landing_writer import Landed
from sophia_metrics.usage.price_drift import note_price_drift
from sophia_metrics.usage.pulling import Pulled
from sophia_metrics.warehouse.protocol import Changed, Receipt
from sophia_metrics.windows import Window
from tasks.step import step

__all__ = [
    "audit_days",
    "collect_bills",
    "commit_landing",
    "find_pending",
    "find_usage",
    "land_batch",
    "mend_days",
    "note_collected",
    "note_drift",
    "price_again",
    "pull_usage",
    "rebuild_days",
]

HOUR = 3600.0
"""A batch is at most one large file: an hour is far more than it takes, and far less than a day."""


@step("look for damage, and make damaged days anew", deadline_seconds=4 * HOUR)
def mend_days(settings: Settings, now: datetime, *, is_deep: bool = False) -> tuple[date, ...]:
    """Make the days whole whose files were lost or damaged; `is_deep`: read every file to find them.

    Raises:
        ProcessingError: of some days nothing holds all rows any more; it says what remains. The next run goes on.
    """
    return _collector(settings, now).mend(every_source(settings), now, is_deep=is_deep)


@step("{source.name}: look for landings left over", deadline_seconds=300)
def find_pending(settings: Settings, source: SourceSettings, now: datetime) -> Sequence[Landing]:
    """Return what was landed and never committed: a run was killed, or the gate held it."""
    return _collector(settings, now).pending(connect_source(source))


@step("{source.name}: pull", deadline_seconds=HOUR)
def pull_usage(settings: Settings, source: SourceSettings, now: datetime, stop: Event | None = None) -> Pulled:
    """Bring what is new in a table of Snowflake, or at a vendor, into files of the state folder.

    Args:
        settings: where and how.
        source: what is read.
        now: the present (naive UTC).
        stop: ends the reading of a vendor when it is set. None: nothing does.
    """
    clock = Clock.starting(now)
    puller = connect_puller(
        settings, source, connect_warehouse(settings, now), clock if stop is None else clock.until(stop)
    )
    try:
        return puller.pull(now)
    finally:
        puller.close()


@step("{source.name}: collect bills", deadline_seconds=HOUR)
def collect_bills(settings: Settings, source: SourceSettings, now: datetime) -> BillsCollected:
    """Commit the lines of the bills that are new or have changed."""
    return connect_bill_collector(settings, connect_warehouse(settings, now)).collect(connect_bills(source), now)


@step("{source.name}: look for new files", deadline_seconds=900)
def find_usage(settings: Settings, source: SourceSettings, now: datetime, *, are_finished: bool = False) -> Findings:
    """Look for files that are new or have changed; `are_finished`: nobody writes to them any more."""
    return _collector(settings, now).find(connect_source(source), now, are_finished=are_finished)


@step("{source.name}: land", deadline_seconds=HOUR)
def land_batch(settings: Settings, source: SourceSettings, batch: Batch, now: datetime) -> Landed:
    """Write one batch of files to landing, as landed files to be committed in their order."""
    return _collector(settings, now).land(connect_source(source), batch, now)


@step("{source.name}: judge and commit {landing.attempt_id}", deadline_seconds=HOUR)
def commit_landing(settings: Settings, source: SourceSettings, landing: Landing, now: datetime) -> Receipt:
    """Judge, price and commit one landed file, or note why the gate holds it."""
    return _collector(settings, now).commit(connect_source(source), landing, now)


@step("{source.name}: nothing new", deadline_seconds=120)
def note_collected(settings: Settings, source: SourceSettings, now: datetime) -> None:
    """Note that a source was looked at and had nothing new: its data are fresh."""
    _collector(settings, now).note_collected(connect_source(source), now)


@step("price what had no price", deadline_seconds=HOUR)
def price_again(settings: Settings, now: datetime) -> int:
    """Price what had no price, if the price book has changed; return how many events have one now."""
    return _collector(settings, now).price_again(now)


@step("look for prices that changed", deadline_seconds=HOUR)
def note_drift(settings: Settings, now: datetime) -> int:
    """Learn what the price source says now of the models in use; return how many of their prices changed."""
    collector = _collector(settings, now)
    return len(note_price_drift(collector.warehouse, collector.book, now))


@step("look for events on several days", deadline_seconds=HOUR)
def audit_days(settings: Settings, now: datetime) -> int:
    """Make one of each event that stands on several days; return how many there were."""
    return _collector(settings, now).audit(now)


@step("rebuild {first} to {last}", deadline_seconds=4 * HOUR)
def rebuild_days(settings: Settings, first: date, last: date, now: datetime) -> Changed:
    """Make the UTC days from `first` to `last`, both included, anew from landing.

    Raises:
        ConfigurationError: the last day is before the first.
    """
    if last < first:
        raise ConfigurationError(f"the days {first} to {last} are none: name the earlier day first")
    return _collector(settings, now).rebuild(every_source(settings), Window.of_days(first, last), now)


def _collector(settings: Settings, now: datetime) -> Collector:
    return connect_collector(settings, connect_warehouse(settings, now))
