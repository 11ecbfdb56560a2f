"""`sophia-metrics backfill`: whole days anew from landing."""

from datetime import date

from rich.console import Console

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import plural
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.settings import load_settings

__all__ = ["backfill_days"]


def backfill_days(first: date, last: date, *, is_plain: bool, is_json: bool) -> bool:
    """Rebuild UTC days, both included, publish them, and say what changed; say whether the publish is held back.

    Raises:
        ConfigurationError: there are no such days, or a source of theirs is not configured any more.
        ProcessingError: the landing of these days is gone.
    """
    settings = load_settings()
    with Progress(f"rebuilding {first} to {last}", shows_warnings=is_plain) as progress:
        changed, build, publication = Pipeline(settings.home, progress, is_plain=is_plain).backfill(first, last)
    facts = {
        "first_on": first,
        "last_on": last,
        "event_count": changed.event_count,
        "days": changed.days,
        "built_day_count": build.day_count,
        "version": publication.version,
        "is_changed": publication.is_new,
        "held_because": publication.held_because,
        "state_folder": settings.home,
    }
    if is_json:
        print_facts(facts)
        return publication.held_because is not None
    state = "published" if publication.is_new else f"stays: {publication.held_because or 'it is as it was'}"
    Console(highlight=False).print(
        f"rebuilt {plural(changed.event_count, 'event')} of {plural(len(changed.days), 'day')} from landing; "
        f"built {plural(build.day_count, 'mart day')}; version {publication.version} {state}",
        soft_wrap=True,
    )
    return publication.held_because is not None
