"""What a person reads about expectations: what failed, what is held back by that, where the Data Docs are."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from sophia_metrics.cli.figures import instant, plural
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.quality.suites import QUARANTINED_SHARE, STAGED
from sophia_metrics.serving import Held
from sophia_metrics.warehouse.protocol import Publication

__all__ = ["held_lines", "quality_facts", "quality_sections"]

SHOWN_COUNT = 10


def quality_sections(quality: QualityReport, publication: Publication) -> Iterator[RenderableType]:
    """Return the parts of a page: why nothing was published, and which expectations failed otherwise."""
    if publication.held_because is not None:
        lines = [
            f"  {publication.held_because}",
            f"  {_still_served(publication)}; repair the cause, then run again",
        ]
        yield Group(Text("Not published: STALE", style="bold red"), *map(Text, lines), Text())
    failed = [
        each for each in quality.failed if each.suite != STAGED.name or each.expectation != QUARANTINED_SHARE.name
    ]
    if failed:
        lines = [f"  {each.severity}: {each.sentence}" for each in failed[:SHOWN_COUNT]]
        if len(failed) > SHOWN_COUNT:
            lines.append(f"  and {len(failed) - SHOWN_COUNT} more; all of them with --json")
        title = f"Expectations: {plural(len(failed), 'failure')} of {len(quality.verdicts)}"
        yield Group(Text(title, style="bold yellow"), *map(Text, lines), Text())


def held_lines(held: Held | None) -> Iterator[str]:
    """Return what holds a newer version back; nothing where nothing does."""
    if held is not None:
        yield f"STALE since {instant(held.since_at)}: a newer version is held back"
        yield held.reason


def quality_facts(quality: QualityReport) -> Mapping[str, Any]:
    """Return the verdicts as JSON holds them."""
    return {
        "held_because": quality.held_because,
        "verdict_count": len(quality.verdicts),
        "failed": quality.failed,
        "data_docs": quality.data_docs,
    }


def _still_served(publication: Publication) -> str:
    if publication.published_at is None:
        return "nothing was published before, so there is nothing to read yet"
    return f"readers still see version {publication.version} of {instant(publication.published_at)}"
