"""A source whose rows are pulled into files of the state folder, and collected from there: a table, an API.

A file holds one window of UTC time as it was read at one moment. It never changes; it goes when its rows are committed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from sophia_metrics.services import Health, HealthStatus
from sophia_metrics.sources.file_source import FileSource, SourceFile

__all__ = ["PulledWindow", "SpoolSource", "newest_by_window"]

READING = r"(?P<read>\d{8}T\d{12})\.(?P<digest>[0-9a-f]{32})\.(?P<state>open|whole)\.parquet"
NAME = re.compile(rf"(?P<start>\d{{8}}T\d{{4}})\.(?P<end>\d{{8}}T\d{{4}})\.{READING}")
NAME_OF_HOUR = re.compile(rf"(?P<start>\d{{4}}-\d\d-\d\dT\d\d)\.{READING}")
"""How files of one hour were named before windows had an end of their own; the ledger has such names."""
MINUTE_FORM, HOUR_FORM, READ_FORM = "%Y%m%dT%H%M", "%Y-%m-%dT%H", "%Y%m%dT%H%M%S%f"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, order=True)
class PulledWindow:
    """A window of a source, as it was read.

    Attributes:
        start_at: its first instant, a whole minute (naive UTC).
        end_at: the first instant after it, a whole minute (naive UTC).
        read_at: when it was read (naive UTC).
        digest: hash of its rows.
        is_open: it holds rows of which the source says that they are not complete.
    """

    start_at: datetime
    end_at: datetime
    read_at: datetime
    digest: str
    is_open: bool

    @property
    def file_name(self) -> str:
        """The name of its file, which tells all of this."""
        start, end = self.start_at.strftime(MINUTE_FORM), self.end_at.strftime(MINUTE_FORM)
        state = "open" if self.is_open else "whole"
        return f"{start}.{end}.{self.read_at.strftime(READ_FORM)}.{self.digest}.{state}.parquet"

    @classmethod
    def parse(cls, path: str) -> Self | None:
        """Return what the name of a file tells. None: it is no such file."""
        name = path.rpartition("/")[2]
        found = NAME.fullmatch(name) or NAME_OF_HOUR.fullmatch(name)
        if found is None:
            return None
        has_end = found.re is NAME
        start_at = datetime.strptime(found["start"], MINUTE_FORM if has_end else HOUR_FORM)  # noqa: DTZ007 - naive UTC
        end_at = datetime.strptime(found["end"], MINUTE_FORM) if has_end else start_at + HOUR  # noqa: DTZ007 - naive UTC
        if end_at <= start_at:
            return None
        return cls(
            start_at=start_at,
            end_at=end_at,
            read_at=datetime.strptime(found["read"], READ_FORM),  # noqa: DTZ007 - naive UTC
            digest=found["digest"],
            is_open=found["state"] == "open",
        )


def newest_by_window(paths: Iterable[str]) -> dict[tuple[datetime, datetime], PulledWindow]:
    """Return how each window, by its start and end, was read the last time."""
    newest: dict[tuple[datetime, datetime], PulledWindow] = {}
    for window in filter(None, map(PulledWindow.parse, paths)):
        bounds = window.start_at, window.end_at
        known = newest.get(bounds)
        if known is None or known.read_at < window.read_at:
            newest[bounds] = window
    return newest


class SpoolSource(FileSource):
    """The files that were pulled; identifiers in them are hashed already."""

    is_hashed = True
    batch_files = 250

    @property
    def _is_begun(self) -> bool:
        return all(Path(folder).exists() for folder in self.paths)

    def find_files(self) -> tuple[SourceFile, ...]:
        """Return the files that are there now; none before the first reading."""
        return super().find_files() if self._is_begun else ()

    async def health_check(self) -> Health:
        """Say how many files wait; whoever they come from is not asked: that would wake a warehouse."""
        if not self._is_begun:
            return Health(self.name, HealthStatus.UNKNOWN, "nothing was pulled yet: `sophia-metrics run` does")
        files = self.find_files()
        facts = {"file_count": len(files), "size_bytes": sum(file.size_bytes for file in files)}
        return Health(self.name, HealthStatus.HEALTHY, f"{len(files)} pulled files", None, facts)
