"""Day files: writing a relation as immutable Parquet files by UTC day, and reading days back as a relation."""

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.cutting import cut
from sophia_metrics.durable import hash_file, make_folders, place_file, sync_folder
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.quoting import literal
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.ddl import sql_type
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.manifest import Piece

__all__ = ["EMPTY_DAY", "DayFileStore", "filled_columns", "listed_days", "rows_by_day"]

EMPTY_DAY = "0001-01-01"
CORES = os.cpu_count() or 2

SMALL_DAY_ROWS = 20_000
"""Days of at most so many rows are computed together: a query of its own costs a day more than its rows do."""

HUGE_DAY_ROWS = 500_000
"""Days of more rows are written one after the other, each by one thread: sorting several at once takes more memory."""

ROWS_TOGETHER = 100_000
"""So many rows of small days are in memory at once."""

PARQUET = "(FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
"""Version 2 takes a quarter fewer bytes than version 1 (53 instead of 73 an event); level 1 is faster than level 3."""


@dataclass(frozen=True, slots=True)
class DayFileStore:
    """The day files of a state folder."""

    folder: Path

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        relation: str,
        days: Mapping[date, int],
        version: str,
        *,
        columns: Sequence[str] | None = None,
    ) -> tuple[Piece, ...]:
        """Write one file for each of the days from a relation that is visible to cursors of the connection.

        `days` says about how many rows each day has, by which small days are computed together. Days without rows
        get no file. The files and their folders are on disk when this returns. A column that is null in every row is
        left out, and read back as null. `columns` names those that are written, for a relation that is computed when
        it is read, so that it is computed only once.
        """
        wanted = {day: count for day, count in sorted(days.items()) if count}
        if not wanted:
            return ()
        written = columns if columns is not None else filled_columns(connection, table.names, relation)
        names = [name for name in table.names if name in {*written, *table.key, *table.order, table.day}]
        make_folders(self.folder / _day_folder(table, day) for day in wanted)
        files = (
            *self._write_small(connection, table, names, relation, wanted, version),
            *self._write_large(connection, table, names, relation, wanted, version, is_computed=columns is not None),
        )
        with ThreadPoolExecutor(max_workers=2 * CORES) as pool:
            list(pool.map(sync_folder, {(self.folder / each.path).parent for each in files}))
        return files

    def relation(self, table: Table, files: Sequence[Piece], *, folder: Path | None = None) -> str:
        """Return a SELECT over some files with the columns of the table, and none else, each of its type.

        The columns are given, so that no file is opened before its rows are read; those that a file lacks are null.
        The day is read from the path: a query that filters on it opens only the files of those days. Without files
        the relation is empty and typed all the same.
        """
        root = folder or self.folder
        paths = ", ".join(
            literal(f"{root}/{path}") for path in (self.empty_path(table), *(file.path for file in files))
        )
        day = f"CAST(left(split_part(filename, '/{table.day}=', -1), 10) AS DATE) AS {table.day}"
        selected = ", ".join(day if name == table.day else name for name in table.names)
        typed = ", ".join(
            f"'{column.name}': {{name: '{column.name}', type: '{sql_type(column.kind)}', default_value: NULL}}"
            for column in table.columns
            if column.name != table.day
        )
        return f"SELECT {selected} FROM read_parquet([{paths}], schema = MAP {{{typed}}}, filename = true)"

    def stored_columns(self, connection: duckdb.DuckDBPyConnection, files: Sequence[Piece]) -> tuple[str, ...]:
        """Return the columns that any of the files has."""
        rows = connection.execute(
            "SELECT DISTINCT name FROM parquet_schema($1)", [[str(self.folder / file.path) for file in files]]
        ).fetchall()
        return tuple(str(name) for (name,) in rows)

    def create_empty(self, tables: Iterable[Table]) -> None:
        """Write the empty, typed files that stand in every list of files of a table, where they are missing."""
        missing = {self.folder / self.empty_path(table): table for table in tables}
        missing = {path: table for path, table in missing.items() if not path.exists()}
        make_folders(path.parent for path in missing)
        for path, table in missing.items():
            place_file(path, pl.DataFrame(schema=polars_schema(table)).write_parquet)
            sync_folder(path.parent)

    def empty_path(self, table: Table) -> str:
        """Return the path of the table's empty file, relative to the state folder."""
        return f"{table.folder}/{table.day}={EMPTY_DAY}/empty.parquet"

    def _write_small(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        columns: Sequence[str],
        relation: str,
        days: Mapping[date, int],
        version: str,
    ) -> list[Piece]:
        """Compute the small days together, and write a file a day from memory."""

        def write_part(rows: pl.DataFrame) -> Piece:
            return self._write_frame(table, rows, version)

        files: list[Piece] = []
        small = {day: count for day, count in days.items() if count <= SMALL_DAY_ROWS}
        for together in cut(small, small.__getitem__, ROWS_TOGETHER):
            frame = fetch_frame(
                connection,
                f"SELECT {', '.join(columns)} FROM {relation} WHERE {table.day} IN ({listed_days(together)}) "
                f"ORDER BY {', '.join((str(table.day), *table.order))}",
            )
            parts: list[pl.DataFrame] = frame.partition_by(str(table.day), maintain_order=True)
            with ThreadPoolExecutor(max_workers=2 * CORES) as pool:
                files += pool.map(write_part, parts)
        return files

    def _write_frame(self, table: Table, rows: pl.DataFrame, version: str) -> Piece:
        day: date = rows[str(table.day)][0]
        path = f"{_day_folder(table, day)}/{version}.parquet"
        hashes: list[str] = []

        def write(temporary: Path) -> None:
            _write_parquet(rows, temporary)
            hashes.append(hash_file(temporary))

        place_file(self.folder / path, write)
        return Piece(table.name, day, path, rows.height, (self.folder / path).stat().st_size, version, hashes[0])

    def _write_large(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        columns: Sequence[str],
        relation: str,
        days: Mapping[date, int],
        version: str,
        *,
        is_computed: bool,
    ) -> list[Piece]:
        """Compute and write each large day by itself: its rows are never in memory as a whole."""
        large = [day for day, count in days.items() if SMALL_DAY_ROWS < count <= HUGE_DAY_ROWS]
        huge = [day for day, count in days.items() if count > HUGE_DAY_ROWS]

        def write_day(day: date) -> Piece | None:
            return self._write_day(connection.cursor(), table, columns, relation, day, version)

        # Small stored rows wait for the disk, two writes a core; rows that are computed on the way need the cores.
        is_busy = is_computed and len(large) >= CORES
        written: list[Piece | None] = []
        for some, writers, threads in (
            (large, CORES if is_busy else 2 * CORES, 1 if is_busy else None),
            (huge, 1, 1),
        ):
            if some:
                with _threads(connection, threads), ThreadPoolExecutor(max_workers=writers) as pool:
                    written += pool.map(write_day, some)
        return [each for each in written if each is not None]

    def _write_day(
        self,
        cursor: duckdb.DuckDBPyConnection,
        table: Table,
        columns: Sequence[str],
        relation: str,
        day: date,
        version: str,
    ) -> Piece | None:
        path = f"{_day_folder(table, day)}/{version}.parquet"
        rows = (
            f"SELECT {', '.join(columns)} FROM {relation} WHERE {table.day} = DATE '{day.isoformat()}' "
            f"ORDER BY {', '.join(table.order)}"
        )
        counted: list[int] = []
        hashes: list[str] = []

        def copy(temporary: Path) -> None:
            row = fetch_row(cursor, f"COPY ({rows}) TO {literal(str(temporary))} {PARQUET}")
            counted.append(int(row[0]) if row else 0)
            hashes.append(hash_file(temporary))

        place_file(self.folder / path, copy)
        cursor.close()
        target = self.folder / path
        if not counted[0]:
            target.unlink()
            return None
        return Piece(table.name, day, path, counted[0], target.stat().st_size, version, hashes[0])


def rows_by_day(connection: duckdb.DuckDBPyConnection, relation: str, day: str = "usage_on") -> dict[date, int]:
    """Return how many rows each day of a relation has."""
    return dict(connection.execute(f"SELECT {day}, count(*) FROM {relation} GROUP BY {day}").fetchall())


def listed_days(days: Iterable[date]) -> str:
    """Return days as the items of an SQL list."""
    return ", ".join(f"DATE '{day.isoformat()}'" for day in days)


def _write_parquet(rows: pl.DataFrame, path: Path) -> None:
    try:
        rows.write_parquet(path, compression="zstd", compression_level=1)
    except pl.exceptions.ComputeError as error:  # says "out of specification" where the disk is full
        raise OSError(f"{path} cannot be written") from error


def _day_folder(table: Table, day: date) -> str:
    return f"{table.folder}/{table.day}={day.isoformat()}"


@contextmanager
def _threads(connection: duckdb.DuckDBPyConnection, each: int | None) -> Generator[None]:
    """Give each query so many threads: several queries of one thread beat one after the other of many."""
    if each is None:
        yield
        return
    connection.execute(f"SET threads = {each}")
    try:
        yield
    finally:
        connection.execute("RESET threads")


def filled_columns(connection: duckdb.DuckDBPyConnection, names: Sequence[str], relation: str) -> list[str]:
    """Return those of the columns that hold any value."""
    counts = fetch_row(connection, f"SELECT {', '.join(f'count({name})' for name in names)} FROM {relation}")
    return [name for name, count in zip(names, counts or (), strict=True) if count]
