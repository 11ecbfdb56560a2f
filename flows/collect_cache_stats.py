"""Collect cache statistics: from Redis to core. Marts and published versions are left to build_dashboard."""

from prefect import flow

from sophia_metrics.cache.outcome import CachesCollected, FailedCache
from sophia_metrics.cache.reading import CacheReading
from sophia_metrics.errors import SophiaError
from sophia_metrics.settings import Settings
from tasks.caches import commit_caches, read_cache
from tasks.clock import named_by_minute, utc_now
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings

__all__ = ["collect_cache_stats", "collect_caches"]


@flow(flow_run_name=named_by_minute("collect-cache-stats"), persist_result=False)
def collect_cache_stats(config: str | None = None) -> CachesCollected:
    """Take a snapshot of every cache, read the application's lookups, commit both; return what was collected.

    Safe to run twice, at once, and after a kill: a snapshot is compared with those around it, and a counter that
    was read before is read again, never added. A cache that fails does not keep the others out: they are
    committed, and then the run fails and names it.
    Readers see what was collected after the next build-dashboard. Without caches in the settings it does nothing.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.

    Raises:
        ServiceUnavailableError: a cache does not answer.
        ConfigurationError: a cache refuses us, or its settings are wrong.
    """
    settings = read_settings(config).local
    if not settings.caches:
        return CachesCollected()
    with recorded_run(settings, "collect-cache-stats", utc_now()) as run:
        collected = collect_caches(settings)
        collected.raise_failures()
        finish_run(settings, run, utc_now())
    return collected


def collect_caches(settings: Settings) -> CachesCollected:
    """Read every cache, and commit what could be read; on Snowflake to its mirror."""
    settings = settings.local
    readings: list[CacheReading] = []
    failed: list[FailedCache] = []
    for cache in settings.caches:
        try:
            readings.append(read_cache(settings, cache))
        except SophiaError as error:
            failed.append(FailedCache(cache.name, error))
    if readings:
        commit_caches(settings, readings, utc_now())
    return CachesCollected(tuple(readings), tuple(failed))
