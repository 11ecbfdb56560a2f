"""What maintenance needs of the engine under a warehouse, beside changes of core."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

__all__ = ["GRACE", "Freed", "Swept", "Upkeep"]

GRACE = timedelta(hours=1)
"""What is younger is left alone: somebody may be about to list it, or be reading it still."""


@dataclass(frozen=True, slots=True)
class Freed:
    """Files that were removed, or would be: how many, and their bytes."""

    file_count: int = 0
    size_bytes: int = 0

    def __add__(self, other: "Freed") -> "Freed":
        return Freed(self.file_count + other.file_count, self.size_bytes + other.size_bytes)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed, or in a dry run would remove.

    Attributes:
        day_files: day files that neither the manifest, nor a kept version, nor a kept backup lists.
        versions: published versions that are thinned out.
        key_runs: files of keys that are not listed.
        temporary: files that a killed process had not finished.
        spills: what killed processes had spilled to disk.
        orphans: files that no rule explains, relative to the state folder; they are never removed.
        problems: what kept the sweep from removing something, in sentences.
    """

    day_files: Freed = field(default_factory=Freed)
    versions: Freed = field(default_factory=Freed)
    key_runs: Freed = field(default_factory=Freed)
    temporary: Freed = field(default_factory=Freed)
    spills: Freed = field(default_factory=Freed)
    orphans: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def freed(self) -> Freed:
        """All of it together."""
        return self.day_files + self.versions + self.key_runs + self.temporary + self.spills


class Upkeep(Protocol):
    """The care of what a warehouse keeps on disk. Every member can be called at any time, beside any writer."""

    def sweep(self, now: datetime, *, grace: timedelta = GRACE, is_dry_run: bool = False) -> Swept:
        """Remove what nobody lists any more and is older than `grace` at `now` (naive UTC); report what is foreign."""
        ...
