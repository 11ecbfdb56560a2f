"""What a statement answers: rows as tuples, a number of changed rows, or a Polars frame with our types."""

from dataclasses import dataclass
from typing import Any, cast

import polars as pl
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.connector.cursor import ResultMetadata, SnowflakeCursor

__all__ = ["Answer", "all_rows", "changed_rows", "frame_of", "named_rows"]

NOT_COUNTED = "number of multi-joined rows updated"
"""What a change of rows counts beside the rows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a statement."""

    rows: list[Any]

    def fetchall(self) -> list[Any]:
        """Return all rows, as tuples."""
        return self.rows


def all_rows(cursor: SnowflakeCursor) -> list[Any]:
    """Return the rows of a statement, as tuples."""
    return cast("list[Any]", cursor.fetchall())


def named_rows(cursor: SnowflakeCursor) -> list[dict[str, Any]]:
    """Return the rows of a statement by the names of its columns, in lower case."""
    names = [column.name.lower() for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in all_rows(cursor)]


def changed_rows(cursor: SnowflakeCursor) -> list[Any]:
    """Return one row with the number of rows that a statement has inserted, updated or deleted, as DuckDB does."""
    names = [column.name for column in cursor.description]
    (counts,) = all_rows(cursor)
    return [(sum(int(count) for name, count in zip(names, counts, strict=True) if name != NOT_COUNTED),)]


def frame_of(cursor: SnowflakeCursor) -> pl.DataFrame:
    """Return the rows of a SELECT; names in lower case, whole numbers as Int64, decimals with all their digits.

    Raises:
        ValueError: a column has a type that no table of ours has.
    """
    reader: Any = cursor  # the connector's annotations of Arrow are loose
    table = reader.fetch_arrow_all(force_return_table=True, force_microsecond_precision=True)
    frame = cast("pl.DataFrame", pl.from_arrow(table))  # pyright: ignore[reportUnknownMemberType] - no stubs
    types = pl.Schema({column.name.lower(): _type(column) for column in cursor.description})
    return frame.rename(dict(zip(frame.columns, types, strict=True))).cast(types)


def _type(column: ResultMetadata) -> pl.DataType:
    kind = FIELD_ID_TO_NAME[column.type_code]
    if kind == "FIXED":
        return pl.Decimal(38, column.scale) if column.scale else pl.Int64()
    types = {
        "REAL": pl.Float64(),
        "TEXT": pl.String(),
        "BOOLEAN": pl.Boolean(),
        "DATE": pl.Date(),
        "TIMESTAMP_NTZ": pl.Datetime("us"),
    }
    if kind not in types:
        raise ValueError(f"the column {column.name.lower()} has the type {kind}: cast it to one of ours")
    return types[kind]
