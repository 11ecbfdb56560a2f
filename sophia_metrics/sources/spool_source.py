"""A source that is a table elsewhere: its rows are pulled into files of the state folder, and collected from there.

A file holds one UTC hour as it was read at one moment. It never changes; it goes when its rows are committed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from sophia_metrics.services import Health, HealthStatus
from sophia_metrics.sources.file_source import FileSource, SourceFile

__all__ = ["PulledHour", "SpoolSource", "newest_by_hour"]

NAME = re.compile(
    r"(?P<hour>\d{4}-\d\d-\d\dT\d\d)\.(?P<read>\d{8}T\d{12})\.(?P<digest>[0-9a-f]{32})\.(?P<state>open|whole)\.parquet"
)
HOUR_FORM, READ_FORM = "%Y-%m-%dT%H", "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True, slots=True)
class PulledHour:
    """An hour of a table, as it was read.

    Attributes:
        hour_at: its start (naive UTC).
        read_at: when it was read (naive UTC).
        digest: hash of its rows.
        is_open: it holds rows of which the table says that they are not complete.
    """

    hour_at: datetime
    read_at: datetime
    digest: str
    is_open: bool

    @property
    def file_name(self) -> str:
        """The name of its file, which tells all of this."""
        state = "open" if self.is_open else "whole"
        return f"{self.hour_at.strftime(HOUR_FORM)}.{self.read_at.strftime(READ_FORM)}.{self.digest}.{state}.parquet"

    @classmethod
    def parse(cls, path: str) -> Self | None:
        """Return what the name of a file tells. None: it is no such file."""
        found = NAME.fullmatch(path.rpartition("/")[2])
        if found is None:
            return None
        return cls(
            hour_at=datetime.strptime(found["hour"], HOUR_FORM),  # noqa: DTZ007 - naive UTC
            read_at=datetime.strptime(found["read"], READ_FORM),  # noqa: DTZ007 - naive UTC
            digest=found["digest"],
            is_open=found["state"] == "open",
        )


def newest_by_hour(paths: Iterable[str]) -> dict[datetime, PulledHour]:
    """Return how each hour was read the last time."""
    newest: dict[datetime, PulledHour] = {}
    for hour in filter(None, map(PulledHour.parse, paths)):
        known = newest.get(hour.hour_at)
        if known is None or known.read_at < hour.read_at:
            newest[hour.hour_at] = hour
    return newest


class SpoolSource(FileSource):
    """The files that were pulled from a table; identifiers in them are hashed already."""

    is_hashed = True

    @property
    def _is_begun(self) -> bool:
        return all(Path(folder).exists() for folder in self.paths)

    def find_files(self) -> tuple[SourceFile, ...]:
        """Return the files that are there now; none before the first reading."""
        return super().find_files() if self._is_begun else ()

    async def health_check(self) -> Health:
        """Say how many files wait; the table itself is not asked: that would wake its warehouse."""
        if not self._is_begun:
            return Health(self.name, HealthStatus.UNKNOWN, "nothing was pulled yet: `sophia-metrics run` does")
        files = self.find_files()
        facts = {"file_count": len(files), "size_bytes": sum(file.size_bytes for file in files)}
        return Health(self.name, HealthStatus.HEALTHY, f"{len(files)} pulled files", None, facts)
