"""Copying from Snowflake: days become day files that nobody lists yet, and state tables frames."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from sophia_metrics import schema
from sophia_metrics.cutting import cut
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.manifest import Piece, TableDay
from sophia_metrics.warehouse.snowflake.copied import COPIED_DAYS, copied_from, copy_name, is_copy
from sophia_metrics.warehouse.snowflake.parts import DATED_BY, PartKey, Parts
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.working import working_connection

__all__ = ["Copies", "copy_days", "copy_parts"]

ROWS_AT_ONCE = 200_000
"""Days are fetched together up to so many rows; a larger day stands alone."""


@dataclass(slots=True)
class Copies:
    """What was copied so far: day files, and rows of parts with the fingerprint that they had."""

    files: dict[TableDay, Piece] = field(default_factory=dict[TableDay, Piece])
    rows: dict[str, pl.DataFrame] = field(default_factory=dict[str, pl.DataFrame])
    parts: dict[PartKey, str] = field(default_factory=dict[PartKey, str])

    def lacks(self, days: Mapping[TableDay, Piece]) -> dict[TableDay, Piece]:
        """Return those of some days of which there is no copy as they are listed."""
        return {
            day: original
            for day, original in days.items()
            if (copy := self.files.get(day)) is None or not is_copy(copy, original)
        }


def copy_days(
    session: SnowflakeSession, folder: Path, memory_limit: str, days: Mapping[TableDay, Piece], copies: Copies
) -> None:
    """Write a file for each of the days; one that has changed since it was listed is left out."""
    store = DayFileStore(folder)
    with working_connection(folder, memory_limit) as connection:
        for table, some in _together(days):
            names = ", ".join(table.names)
            frame = session.fetch_frame(
                f"SELECT {names} FROM {copied_from(table)} WHERE list_contains($1, {table.day})",
                [[piece.day_on for piece in some]],
            )
            frame = frame.select(pl.col(name).cast(kind) for name, kind in polars_schema(table).items())
            for original in some:
                rows = frame.filter(pl.col(str(table.day)) == original.day_on)
                if rows.height != original.row_count:
                    continue
                connection.register("fetched", rows)
                connection.execute("CREATE OR REPLACE TABLE copied AS SELECT * FROM fetched")
                connection.unregister("fetched")
                counts = {original.day_on: rows.height}
                (file,) = store.write(connection, table, "copied", counts, copy_name(original.path))
                copies.files[original.table_day] = file


def copy_parts(session: SnowflakeSession, parts: Parts, copies: Copies) -> None:
    """Fetch the rows of some parts of state tables; they replace what was fetched before of their tables."""
    wanted: dict[str, list[date | None]] = {}
    for name, day in parts:
        wanted.setdefault(name, []).append(day)
    for name, days in wanted.items():
        table = schema.table(name)
        query, parameters = f"SELECT {', '.join(table.names)} FROM {name}", None
        if name in DATED_BY:
            query += f" WHERE list_contains($1, CAST({DATED_BY[name]} AS DATE))"
            parameters = [[day for day in days if day is not None]]
        frame = session.fetch_frame(query, parameters)
        copies.rows[name] = frame.select(pl.col(each).cast(kind) for each, kind in polars_schema(table).items())
    copies.parts = dict(parts)


def _together(days: Mapping[TableDay, Piece]) -> Iterator[tuple[Table, tuple[Piece, ...]]]:
    """Cut days into runs of one table and about ROWS_AT_ONCE rows."""
    for name, table in COPIED_DAYS.items():
        for run in cut(_of_table(days, name), lambda piece: piece.row_count, ROWS_AT_ONCE):
            yield table, run


def _of_table(days: Mapping[TableDay, Piece], name: str) -> Iterable[Piece]:
    return (piece for (table_name, _), piece in sorted(days.items()) if table_name == name)
