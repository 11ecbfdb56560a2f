"""The manifest: which Parquet files are a day of a table now. Paths are relative to the state folder."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.schema.state import MANIFEST

__all__ = ["DayFile", "Switch", "add_files", "files_of", "remove_files"]


@dataclass(frozen=True, slots=True, order=True)
class DayFile:
    """One immutable Parquet file: all or some rows of one UTC day of one table.

    `attempt_id` names the attempt or the build that wrote it.
    """

    table_name: str
    day_on: date
    path: str
    row_count: int
    size_bytes: int
    attempt_id: str


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of the manifest that is made in one transaction."""

    added: tuple[DayFile, ...] = ()
    removed: tuple[DayFile, ...] = ()

    def days(self, table_names: Iterable[str]) -> tuple[date, ...]:
        """Return the days of some tables that change, in order."""
        names = frozenset(table_names)
        return tuple(sorted({file.day_on for file in (*self.added, *self.removed) if file.table_name in names}))

    def __add__(self, other: "Switch") -> "Switch":
        return Switch((*self.added, *other.added), (*self.removed, *other.removed))


def files_of(
    connection: duckdb.DuckDBPyConnection, table_names: Iterable[str], days: Collection[date] | None = None
) -> tuple[DayFile, ...]:
    """Return the files of some tables, in order; `days` restricts them (None: every day)."""
    rows = connection.execute(
        "SELECT table_name, day_on, path, row_count, size_bytes, attempt_id FROM manifest "
        "WHERE list_contains($1, table_name) AND ($2 IS NULL OR list_contains($2, day_on)) ORDER BY ALL",
        [list(table_names), None if days is None else sorted(days)],
    ).fetchall()
    return tuple(DayFile(*row) for row in rows)


def add_files(connection: duckdb.DuckDBPyConnection, files: Iterable[DayFile]) -> None:
    """List more files."""
    rows = [
        (each.table_name, each.day_on, each.path, each.row_count, each.size_bytes, each.attempt_id) for each in files
    ]
    if rows:
        connection.register("added_files", pl.DataFrame(rows, schema=polars_schema(MANIFEST), orient="row"))
        connection.execute(f"INSERT INTO manifest BY NAME SELECT {', '.join(MANIFEST.names)} FROM added_files")
        connection.unregister("added_files")


def remove_files(connection: duckdb.DuckDBPyConnection, files: Iterable[DayFile]) -> None:
    """Take files off the list; the files themselves stay for the versions that show them."""
    paths = [each.path for each in files]
    if paths:
        connection.execute("DELETE FROM manifest WHERE list_contains($1, path)", [paths])
