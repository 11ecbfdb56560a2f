"""What a run did with the caches."""

from dataclasses import dataclass

from sophia_metrics.cache.reading import CacheReading
from sophia_metrics.errors import SophiaError

__all__ = ["CachesCollected", "FailedCache"]


@dataclass(frozen=True, slots=True)
class FailedCache:
    """A cache that could not be read, and why."""

    cache: str
    error: SophiaError


@dataclass(frozen=True, slots=True)
class CachesCollected:
    """The caches that were read, and those that were not."""

    readings: tuple[CacheReading, ...] = ()
    failed: tuple[FailedCache, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong, a sentence each: a cache that failed, or a part of one that could not be read."""
        notes = (f"cache {each.cache}: {note}" for each in self.readings for note in each.notes)
        return (*(str(each.error) for each in self.failed), *notes)

    def raise_failures(self) -> None:
        """Raise one error for all caches that failed, of the kind of the first; nothing where none did."""
        if not self.failed:
            return
        message = "; ".join(str(each.error) for each in self.failed)
        raise type(self.failed[0].error)(message) from self.failed[0].error
