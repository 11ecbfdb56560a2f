"""Steps of a round of probes: which services are due, ask them, keep what they said."""

from collections.abc import Sequence
from datetime import datetime

from sophia_metrics.connect import connect_prober
from sophia_metrics.health.results import ProbeResult
from sophia_metrics.settings import Settings
from tasks.step import step

__all__ = ["ask_services", "find_due", "keep_results", "probe_once"]


@step("look for services that are due", deadline_seconds=120)
def find_due(settings: Settings, services: Sequence[str] | None, now: datetime) -> tuple[str, ...]:
    """Return the services that are due, or those that are named.

    Raises:
        ConfigurationError: a named service does not exist.
    """
    prober = connect_prober(settings, now)
    return prober.due(now) if services is None else prober.named(services)


@step("ask the services", deadline_seconds=900)
def ask_services(settings: Settings, services: Sequence[str], now: datetime) -> tuple[ProbeResult, ...]:
    """Ask these services, all at once; each has a deadline of its own, and a failure is a result."""
    return connect_prober(settings, now).ask(services, now)


@step("keep the results", deadline_seconds=600)
def keep_results(settings: Settings, results: Sequence[ProbeResult], now: datetime) -> int:
    """Commit the results, and note which services are watched; return how many results were new."""
    return connect_prober(settings, now).keep(results, now)


def probe_once(settings: Settings, services: Sequence[str] | None, now: datetime) -> tuple[ProbeResult, ...]:
    """Ask the services that are due, or those that are named, and keep what they said; on Snowflake in its mirror."""
    settings = settings.local
    due = find_due(settings, services, now)
    results = ask_services(settings, due, now) if due else ()
    keep_results(settings, results, now)
    return results
