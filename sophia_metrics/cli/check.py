"""`sophia-metrics check`: every day of core and marts, by the compiled SQL and by Great Expectations."""

from rich.console import Console

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.cli.quality_page import quality_facts
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.settings import load_settings

__all__ = ["check_all"]


def check_all(*, is_plain: bool, is_json: bool) -> bool:
    """Judge, print the verdict, and say whether it holds back the publish."""
    settings = load_settings()
    with Progress("judging core and marts", shows_warnings=is_plain) as progress:
        quality = Pipeline(settings.home, progress, is_plain=is_plain).check()
    if is_json:
        print_facts(quality_facts(quality))
    else:
        _print(quality)
    return quality.held_because is not None


def _print(quality: QualityReport) -> None:
    console = Console(highlight=False)
    console.print(f"{len(quality.verdicts):,} expectations judged, {len(quality.failed):,} failed", soft_wrap=True)
    for each in quality.failed:
        console.print(f"  {each.severity}: {each.sentence}", soft_wrap=True)
    if quality.held_because is not None:
        console.print("nothing is published until this is repaired: readers keep the version that they have")
    if quality.data_docs is not None:
        console.print(f"Data Docs: {quality.data_docs}", soft_wrap=True)
