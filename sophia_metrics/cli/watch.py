"""`sophia-metrics ingest --watch`: files as usage of one source, again and again, as they grow."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import plural
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.cli.stopping import until_signalled
from sophia_metrics.connect import connect_collector, connect_source, connect_warehouse, source_for_paths
from sophia_metrics.settings import Settings, SourceSettings, load_settings
from sophia_metrics.usage.outcome import Collected
from sophia_metrics.warehouse.protocol import Publication
from sophia_metrics.windows import naive_utc

__all__ = ["stop_on_signals", "watch_files"]

COLLECT_AT_LEAST = timedelta(minutes=15)
"""A source that is quiet is collected all the same: its idle hours are zeros, and it is not stale."""


def watch_files(
    paths: Sequence[Path],
    source: str,
    *,
    wait: Callable[[], bool],
    is_plain: bool,
    is_json: bool,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Collect, build and publish what is new, and print a line, whenever there is something, until told to stop.

    Args:
        paths: files, or folders of files.
        source: a configured source, or the name of a format.
        wait: waits until it is time to look again; False: stop.
        is_plain: without Prefect.
        is_json: print a JSON object a line.
        clock: the present.

    Raises:
        ConfigurationError: a path or the source does not exist.
    """
    settings = load_settings()
    absolute = [str(path.expanduser().absolute()) for path in paths]
    planned = source_for_paths(settings, source, [Path(path) for path in absolute])
    last = None
    with Progress(f"watching {', '.join(absolute)}", shows_warnings=is_plain) as progress:
        pipeline = Pipeline(settings.home, progress, is_plain=is_plain)
        while True:
            now = naive_utc(clock())
            if last is None or now - last >= COLLECT_AT_LEAST or _has_news(settings, planned, now):
                (collected,), publication = pipeline.collect(source=source, paths=absolute)
                _report(now, collected, publication, is_json=is_json)
                last = now
            progress.show("waiting for more")
            if not wait():
                return


def stop_on_signals(every_seconds: float) -> Callable[[], bool]:
    """Return a wait of so many seconds that an interrupt (Ctrl-C) or SIGTERM ends; a round under way is finished."""
    wait = until_signalled()
    return lambda: wait(every_seconds)


def _has_news(settings: Settings, planned: SourceSettings, now: datetime) -> bool:
    """Say whether a file is new or has grown; it costs a look at the list of files. Bills can wait."""
    if planned.is_bill:
        return False
    collector = connect_collector(settings, connect_warehouse(settings, now))
    return bool(collector.find(connect_source(planned), now).batches)


def _report(now: datetime, collected: Collected, publication: Publication, *, is_json: bool) -> None:
    counts = collected.counts
    facts = {
        "at": now,
        "rows": asdict(counts),
        "refused": collected.refused,
        "version": publication.version,
        "held_because": publication.held_because,
    }
    if is_json:
        print_facts(facts, indent=None)
        return
    what = f"{plural(counts.read, 'row')} read, {counts.accepted:,} accepted, {counts.quarantined:,} in quarantine"
    refused = f", {plural(len(collected.refused), 'file')} refused" if collected.refused else ""
    stale = f", STALE: {publication.held_because}" if publication.held_because else ""
    print(f"{now:%H:%M:%S} UTC  {what}{refused}; version {publication.version}{stale}", flush=True)  # noqa: T201
