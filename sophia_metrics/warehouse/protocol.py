"""What the pipeline needs of a warehouse: five verbs, and one frozen value across each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import polars as pl

from sophia_metrics.services import Service
from sophia_metrics.usage.staging import Slice

__all__ = ["BuildReport", "FileCount", "Publication", "Query", "Receipt", "Record", "Warehouse"]


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT over core and state tables as they are committed now, with `$name` parameters."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class FileCount:
    """What became of the rows of one file: row_count is the sum of the other four."""

    file_name: str
    row_count: int
    accepted_count: int
    quarantined_count: int
    duplicate_count: int
    ignored_count: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a commit that is on disk.

    Attributes:
        attempt_id: the attempt.
        source: name of the source.
        files: counts by file.
        days: the UTC days of core that changed.
        held_because: why the gate held everything back. None: it is committed.
    """

    attempt_id: str
    source: str
    files: tuple[FileCount, ...]
    days: tuple[date, ...]
    held_because: str | None = None

    @property
    def summary(self) -> str:
        """The counts in a line."""
        total = {
            name: sum(getattr(file, f"{name}_count") for file in self.files)
            for name in ("row", "accepted", "quarantined", "duplicate", "ignored")
        }
        state = "held" if self.held_because else "committed"
        return f"{self.source}: {state}, " + ", ".join(f"{count:,} {name}" for name, count in total.items())


@dataclass(frozen=True, slots=True)
class Record:
    """Rows for state tables, by table name. A row replaces the one with the same key."""

    rows: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Which days of which marts were built again; a day whose inputs are as they were is not in it."""

    built: Mapping[str, tuple[date, ...]]

    @property
    def day_count(self) -> int:
        """Mart days that were built."""
        return sum(len(days) for days in self.built.values())


@dataclass(frozen=True, slots=True)
class Publication:
    """The version that readers see after a publish; `is_new` is false where nothing had changed."""

    version: int
    is_new: bool
    published_at: datetime


class Warehouse(Service, Protocol):
    """Core, marts and state, on one engine."""

    def read(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query over what is committed now."""
        ...

    def commit(self, staged: Slice) -> Receipt:
        """Make the staged rows, their ledger, quarantine, prices and watermark visible in one step."""
        ...

    def record(self, record: Record) -> None:
        """Write rows of state tables in one step."""
        ...

    def build(self) -> BuildReport:
        """Build the days of the marts whose inputs changed."""
        ...

    def publish(self, now: datetime) -> Publication:
        """Let readers see what is committed and built; nothing happens where nothing changed."""
        ...
