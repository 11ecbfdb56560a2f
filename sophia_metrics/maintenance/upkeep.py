"""What maintenance needs of the engine under a warehouse, beside changes of core."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

__all__ = ["GRACE", "Backup", "Finding", "Freed", "Restored", "Swept", "Upkeep", "Verification"]

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


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the state that was opened and compared.

    Attributes:
        name: its folder's name: the UTC instant at which it was made.
        made_at: that instant (naive UTC).
        folder: where it is.
        program_version: of the program that made it.
        file_count: day files that its manifest lists; they are not in it, and are kept as long as it is.
        row_count: rows in them.
        size_bytes: bytes of them.
    """

    name: str
    made_at: datetime
    folder: Path
    program_version: str
    file_count: int
    row_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Restored:
    """The state file as it was made again.

    Attributes:
        base: state (without its write-ahead log), the name of a backup, or nothing.
        version: the published version from which what is newer came. None: none was newer.
        adopted_count: observations that were found in day files and listed again.
        moved_to: where the file is that was there before. None: there was none.
    """

    base: str
    version: int | None
    adopted_count: int
    moved_to: Path | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: what was checked, and what is wrong, in a sentence."""

    check: str
    problem: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified.

    Attributes:
        checks: how many things each check looked at, by its name.
        findings: what is wrong. Empty: nothing, as far as was looked.
        is_deep: every file was read.
    """

    checks: Mapping[str, int]
    findings: tuple[Finding, ...]
    is_deep: bool


class Upkeep(Protocol):
    """The care of what a warehouse keeps on disk. Every member can be called at any time, beside any writer."""

    def sweep(self, now: datetime, *, grace: timedelta = GRACE, is_dry_run: bool = False) -> Swept:
        """Remove what nobody lists any more and is older than `grace` at `now` (naive UTC); report what is foreign."""
        ...

    def back_up(self, now: datetime) -> Backup:
        """Copy the state, and let the copy count once it was opened and compared; old ones go (`now`: naive UTC)."""
        ...

    def backups(self) -> tuple[Backup, ...]:
        """Return the backups that are whole, the oldest first."""
        ...

    def restore(self, now: datetime, backup: str | None = None) -> Restored:
        """Put a backup in the place of the state, with the decisions of now in it; None: the newest that is whole."""
        ...

    def verify(self, *, is_deep: bool = False) -> Verification:
        """Recompute what must agree; nothing is changed."""
        ...
