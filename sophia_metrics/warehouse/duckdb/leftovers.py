"""Leftovers: day files that are on disk and not listed, in which rows of observations are found again.

Some of them are older than what is listed, others newer: their rows are compared one by one, since the times of files
say when they were written or left the list.
"""

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path

import duckdb

from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.day_files import EMPTY_DAY, DayFileStore
from sophia_metrics.warehouse.manifest import Piece

__all__ = ["create_found", "leftover_days", "unlisted_files"]


def leftover_days(folder: Path, table: Table) -> tuple[date, ...]:
    """Return the days of a table of which there is any file on disk."""
    found = (path.name.partition("=")[2] for path in (folder / table.folder).glob(f"{table.day}=*"))
    return tuple(sorted(date.fromisoformat(day) for day in found if day != EMPTY_DAY))


def unlisted_files(
    store: DayFileStore, table: Table, days: Iterable[date], listed: Collection[Piece]
) -> tuple[Piece, ...]:
    """Return the files of some days that nobody lists and that can be read."""
    known = {file.path for file in listed}
    found: list[Piece] = []
    for day in days:
        for path in sorted((store.folder / table.folder / f"{table.day}={day.isoformat()}").glob("*.parquet")):
            file = Piece(table.name, day, path.relative_to(store.folder).as_posix(), 0, 0, path.stem)
            if file.path not in known and _is_readable(store, table, file):
                found.append(file)
    return tuple(found)


def create_found(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    table: Table,
    leftovers: Iterable[Piece],
    listed: Iterable[Piece],
) -> None:
    """Create `given`: the rows of some files, of those with the same key the one that was read last, or knows more."""
    names = ", ".join(table.names)
    known = " + ".join(f"CAST({name} IS NOT NULL AS INTEGER)" for name in table.names)
    newest = "read_at DESC, " if "read_at" in table.names else ""
    rows = " UNION ALL ".join(
        f"SELECT {names}, {rank} AS place FROM ({store.relation(table, tuple(files))})"
        for rank, files in enumerate((listed, leftovers))
    )
    connection.execute(
        f"CREATE OR REPLACE TABLE given AS SELECT {names} FROM ({rows}) "
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {newest}{known} DESC, place) = 1"
    )


def _is_readable(store: DayFileStore, table: Table, file: Piece) -> bool:
    """Say whether every row of a file can be read: it may be what somebody damaged."""
    try:
        with duckdb.connect() as connection:
            connection.execute(f"SELECT sum(hash(COLUMNS(*))) FROM ({store.relation(table, [file])})").fetchall()
    except duckdb.Error:
        return False
    return True
