"""Leftovers: day files that are on disk and not listed, in which rows of observations are found again."""

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path

import duckdb

from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.day_files import EMPTY_DAY, DayFileStore
from sophia_metrics.warehouse.duckdb.manifest import DayFile

__all__ = ["create_found", "leftover_days", "unlisted_files"]


def leftover_days(folder: Path, table: Table) -> tuple[date, ...]:
    """Return the days of a table of which there is any file on disk."""
    found = (path.name.partition("=")[2] for path in (folder / table.folder).glob(f"{table.day}=*"))
    return tuple(sorted(date.fromisoformat(day) for day in found if day != EMPTY_DAY))


def unlisted_files(
    store: DayFileStore, table: Table, days: Iterable[date], listed: Collection[DayFile]
) -> tuple[DayFile, ...]:
    """Return the files of some days that nobody lists and that can be read, the oldest first."""
    known = {file.path for file in listed}
    found: list[tuple[float, DayFile]] = []
    for day in days:
        for path in sorted((store.folder / table.folder / f"{table.day}={day.isoformat()}").glob("*.parquet")):
            name = path.relative_to(store.folder).as_posix()
            if name not in known and _is_readable(store, table, path):
                found.append((path.stat().st_mtime, DayFile(table.name, day, name, 0, 0, path.stem)))
    return tuple(file for _, file in sorted(found))


def create_found(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, table: Table, files: Iterable[DayFile]
) -> None:
    """Create `found` over some files, the oldest first: of rows with the same key, that of the newest file."""
    names = ", ".join(table.names)
    connection.execute(f"CREATE OR REPLACE TABLE found AS {store.relation(table, ())}")
    for file in files:
        newer = f"SELECT {names} FROM ({store.relation(table, [file])})"
        connection.execute(f"CREATE OR REPLACE TABLE newer AS {newer}")
        connection.execute(f"DELETE FROM found WHERE ({', '.join(table.key)}) IN (SELECT ({', '.join(table.key)}) FROM newer)")
        connection.execute(f"INSERT INTO found SELECT {names} FROM newer")


def _is_readable(store: DayFileStore, table: Table, path: Path) -> bool:
    """Say whether every row of a file can be read: it may be what somebody damaged."""
    file = DayFile(table.name, date.min, path.relative_to(store.folder).as_posix(), 0, 0, path.stem)
    try:
        with duckdb.connect() as connection:
            connection.execute(f"SELECT sum(hash(COLUMNS(*))) FROM ({store.relation(table, [file])})").fetchall()
    except duckdb.Error:
        return False
    return True
