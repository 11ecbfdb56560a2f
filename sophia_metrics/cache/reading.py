"""What one look at a cache yields, as values."""

from dataclasses import dataclass

from sophia_metrics.cache.counters import CountedLookups
from sophia_metrics.cache.deltas import Counters

__all__ = ["CacheReading", "Entries"]


@dataclass(frozen=True, slots=True)
class Entries:
    """How many keys a cache has, and their memory.

    Attributes:
        entry_count: None: the server does not tell.
        used_bytes: None: it does not tell.
        is_sampled: both are estimated from a part of the keys.
    """

    entry_count: int | None = None
    used_bytes: int | None = None
    is_sampled: bool = False


@dataclass(frozen=True, slots=True)
class CacheReading:
    """One look at one cache.

    Attributes:
        cache: name of the cache.
        node: address and database of the server, without user and password.
        counters: what the server has counted.
        entries: the keys of the cache.
        max_bytes: the server's limit of memory. None: it has none, or does not tell.
        memory_bytes: what the whole server uses. None: it does not tell.
        lookups: what the application has counted.
        notes: what could not be read, and why, a sentence each.
    """

    cache: str
    node: str
    counters: Counters
    entries: Entries
    max_bytes: int | None
    memory_bytes: int | None
    lookups: tuple[CountedLookups, ...]
    notes: tuple[str, ...]
