"""One poisoned file: what is wrong with it, its bytes, and what must become of it."""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["Content", "Poison", "Rejected", "Written"]


@dataclass(frozen=True)
class Rejected:
    """A row that must stand in quarantine once, and where: no bytes in a packed file and in Parquet."""

    rule: str
    line_number: int
    byte_start: int | None = None
    byte_end: int | None = None
    member: str | None = None


@dataclass(frozen=True)
class Content:
    """The bytes of a file and what must become of them.

    Attributes:
        data: the bytes.
        good: the request ids that must arrive; a row that stands there twice counts twice.
        rejected: the rows that must not.
        refused: the file is refused as a whole, with a sentence that holds this phrase. None: it is read.
    """

    data: bytes
    good: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    refused: str | None = None


@dataclass(frozen=True)
class Written:
    """A poisoned file on disk, and what must become of it."""

    poison: "Poison"
    path: Path
    good: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    refused: str | None

    @property
    def expected(self) -> str:
        """What must become of it, in a few words."""
        if self.refused is not None:
            return f"refused: {self.refused}"
        rules = [row.rule for row in self.rejected]
        return ", ".join(f"{rule} × {rules.count(rule)}" for rule in dict.fromkeys(rules)) or "every row arrives"


@dataclass(frozen=True)
class Poison:
    """One file of the corpus.

    Attributes:
        name: its path under the folder of its format.
        defect: what is wrong with it, or looks wrong, in a few words.
        content: makes the bytes, given the name, which is the prefix of every request id.
        file_format: how it is read: events, litellm, claude or mapped.
        is_fresh: it was written a minute ago; others are days old.
        is_unreadable: nobody may read it.
    """

    name: str
    defect: str
    content: Callable[[str], Content]
    file_format: str = "events"
    is_fresh: bool = False
    is_unreadable: bool = False

    def path_in(self, folder: Path) -> Path:
        """Return where the file is, or the folder that stands for it."""
        return folder / self.file_format / self.name.partition("/")[0]

    def write(self, folder: Path, now: datetime) -> Written:
        """Write the file as if `now` (naive UTC) were the present."""
        path = folder / self.file_format / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = self.content(self.name)
        path.unlink(missing_ok=True)  # one that nobody may read cannot be written over
        path.write_bytes(content.data)
        age = timedelta(minutes=1) if self.is_fresh else timedelta(days=2, seconds=zlib.crc32(self.name.encode()) % 999)
        modified = (now - age).replace(tzinfo=UTC).timestamp()
        os.utime(path, (modified, modified))
        if self.is_unreadable:
            path.chmod(0)
        return Written(self, self.path_in(folder), content.good, content.rejected, content.refused)
