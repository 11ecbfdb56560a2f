"""What a DuckDB query yields: a Polars frame, or one row."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Answering", "Rows", "fetch_frame", "fetch_row"]


class Rows(Protocol):
    """The answer to a statement. After a DELETE, an UPDATE or an INSERT: one row with the number of rows."""

    def fetchall(self) -> list[Any]:
        """Return all rows, as tuples."""
        ...


class Answering(Protocol):
    """What answers statements with rows: a DuckDB connection, or whatever takes the same statements elsewhere."""

    def execute(self, query: str, parameters: Sequence[object] | Mapping[str, object] | None = None, /) -> Rows:
        """Run one statement, with `$1` or `$name` parameters."""
        ...


def fetch_frame(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None = None
) -> "pl.DataFrame":
    """Return the rows of one SELECT, with `$name` parameters; types are kept, decimals included.

    Raises:
        ValueError: the statement yields no rows at all, as a CREATE does.
    """
    import polars as pl  # noqa: PLC0415 - half a second that whoever reads rows only need not wait for

    relation = connection.sql(sql, params=dict(parameters or {}))
    if relation is None:  # pyright: ignore[reportUnnecessaryComparison] - the stubs leave out the None of a CREATE
        raise ValueError("the statement yields no rows: write a SELECT")
    frame = pl.from_arrow(relation.to_arrow_table())  # pyright: ignore[reportUnknownMemberType] - no stubs
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def fetch_row(connection: Answering, sql: str, parameters: Sequence[object] | None = None) -> tuple[Any, ...] | None:
    """Return the first row of a query, or None, and leave no result open: an open one blocks others."""
    rows = connection.execute(sql, parameters).fetchall()
    return rows[0] if rows else None
