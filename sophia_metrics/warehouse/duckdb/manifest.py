"""The manifest: which Parquet files are a day of a table now. Paths are relative to the state folder."""

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.schema.state import MANIFEST

__all__ = [
    "DayFile",
    "Switch",
    "add_files",
    "date_unlisted",
    "files_of",
    "forget_audits",
    "note_audited",
    "remove_files",
    "unaudited_files",
]


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


NAMES = tuple(each.name for each in fields(DayFile))


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
        f"SELECT {', '.join(NAMES)} FROM manifest "
        "WHERE list_contains($1, table_name) AND ($2 IS NULL OR list_contains($2, day_on)) ORDER BY ALL",
        [list(table_names), None if days is None else sorted(days)],
    ).fetchall()
    return tuple(DayFile(*row) for row in rows)


def add_files(connection: duckdb.DuckDBPyConnection, files: Iterable[DayFile]) -> None:
    """List more files; no audit has seen them."""
    rows = [astuple(each) for each in files]
    if rows:
        types = polars_schema(MANIFEST)
        frame = pl.DataFrame(rows, schema={name: types[name] for name in NAMES}, orient="row")
        connection.register("added_files", frame)
        connection.execute(f"INSERT INTO manifest BY NAME SELECT {', '.join(NAMES)} FROM added_files")
        connection.unregister("added_files")


def remove_files(connection: duckdb.DuckDBPyConnection, files: Iterable[DayFile]) -> None:
    """Take files off the list; the files themselves stay for the versions that show them."""
    paths = [each.path for each in files]
    if paths:
        connection.execute("DELETE FROM manifest WHERE list_contains($1, path)", [paths])


def date_unlisted(folder: Path, paths: Iterable[str]) -> None:
    """Date files anew that leave the list: for an hour from then on somebody may still be reading them."""
    for path in paths:
        with suppress(FileNotFoundError):
            os.utime(folder / path)


def unaudited_files(connection: duckdb.DuckDBPyConnection, table_name: str, row_limit: int) -> tuple[DayFile, ...]:
    """Return files of a table that no audit has seen, in the order of their days, with about so many rows in all.

    There are none only where every file was seen.
    """
    rows = connection.execute(
        f"SELECT {', '.join(NAMES)} FROM manifest WHERE table_name = $1 AND is_audited IS NOT TRUE "
        "QUALIFY coalesce(sum(row_count) OVER (ORDER BY day_on, path ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),"
        " 0) < $2 ORDER BY day_on, path",
        [table_name, row_limit],
    ).fetchall()
    return tuple(DayFile(*row) for row in rows)


def note_audited(connection: duckdb.DuckDBPyConnection, files: Iterable[DayFile]) -> None:
    """Note that an audit has seen these files; those that are listed no longer are passed over."""
    connection.execute(
        "UPDATE manifest SET is_audited = true WHERE list_contains($1, path)", [[each.path for each in files]]
    )


def forget_audits(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the next audit see every file as if for the first time."""
    connection.execute("UPDATE manifest SET is_audited = NULL WHERE is_audited")
