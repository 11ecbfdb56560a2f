"""Steps from caches to core: each cache is read by itself, and what was read is committed in one step."""

from collections.abc import Sequence
from datetime import datetime

from sophia_metrics.cache.cache_settings import CacheSettings
from sophia_metrics.cache.collect import commit_readings, lookups_since
from sophia_metrics.cache.reading import CacheReading
from sophia_metrics.connect import connect_cache, connect_warehouse
from sophia_metrics.services import run_sync
from sophia_metrics.settings import Settings
from sophia_metrics.warehouse.protocol import Changed
from tasks.clock import utc_now
from tasks.step import step

__all__ = ["commit_caches", "read_cache"]


@step("{cache.name}: read", deadline_seconds=120, retries=1)
def read_cache(settings: Settings, cache: CacheSettings) -> CacheReading:
    """Look at one cache once; the cache's own deadline is shorter than the step's.

    Raises:
        ConfigurationError: its variable is not set, or the server refuses the user.
        ServiceUnavailableError: the server does not answer in time.
    """
    now = utc_now()
    since = lookups_since(connect_warehouse(settings, now), cache.name, now)

    async def read() -> CacheReading:
        async with connect_cache(cache) as connected:
            return await connected.read(now, since)

    return run_sync(read())


@step("commit caches", deadline_seconds=300)
def commit_caches(settings: Settings, readings: Sequence[CacheReading], now: datetime) -> Changed:
    """Commit what was read of all caches; counts since the snapshots before are computed here."""
    return commit_readings(connect_warehouse(settings, now), readings)
