"""`sophia-metrics probe`: ask every service now, and keep what it said."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.health_page import probe_section
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.health.answer import Outcome
from sophia_metrics.health.results import ProbeResult
from sophia_metrics.health.rollup import Part, overall_status
from sophia_metrics.health.status import ServiceStatus
from sophia_metrics.health.words import PLAN_WORDS
from sophia_metrics.settings import load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["probe_now"]

ANSWERS = (Outcome.OK, Outcome.DEGRADED)


def probe_now(services: Sequence[str], *, is_plain: bool, is_json: bool) -> bool:
    """Ask the named services, or all, and print what they say; say whether every required one answers.

    Raises:
        ConfigurationError: there is no such service.
    """
    settings = load_settings()
    with Progress("asking the services", shows_warnings=is_plain) as progress:
        results = Pipeline(settings.home, progress, is_plain=is_plain).probe(services)
    is_well = all(map(_answers, results))
    if is_json:
        overall = overall_status(Part(each.status, each.is_required) for each in results)
        print_facts({"is_well": is_well, "overall": overall, "plan_word": PLAN_WORDS[overall], "services": results})
    else:
        Console(highlight=False).print(probe_section(results, naive_utc(datetime.now(UTC))))
    return is_well


def _answers(result: ProbeResult) -> bool:
    """Say whether a service answers now, need not, or may fail."""
    if not result.is_required or result.status is ServiceStatus.MAINTENANCE:
        return True
    return result.outcome in ANSWERS and result.is_vantage_ok
