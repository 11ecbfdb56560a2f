"""Caches in Redis."""

from typing import TYPE_CHECKING

from sophia_metrics.cache.cache_settings import CacheSettings
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import read_variable

if TYPE_CHECKING:
    from sophia_metrics.cache.redis_cache import RedisCache

__all__ = ["connect_cache"]


def connect_cache(cache: CacheSettings) -> "RedisCache":
    """Return one cache; nothing is asked yet.

    Raises:
        ConfigurationError: the variable of its URL is not set, or holds none.
    """
    from sophia_metrics.cache.redis_cache import CacheTerms, RedisCache

    url = (read_variable(cache.url_env) if cache.url_env else None) or cache.url
    if not url:
        raise ConfigurationError(
            f"cache {cache.name}: the variable {cache.url_env} is not set: "
            f"export {cache.url_env}=redis://user:password@host:6379/0"
        )
    return RedisCache(
        CacheTerms(
            name=cache.name,
            url=url,
            key_patterns=cache.key_patterns,
            lookups_prefix=cache.lookups_prefix,
            scan_limit=cache.scan_limit,
            timeout_seconds=cache.timeout_seconds,
        )
    )
