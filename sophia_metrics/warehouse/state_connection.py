"""A connection to the state tables of a warehouse, inside one transaction: what ledger, manifest and decisions need.

A DuckDB connection is one. Statements are in DuckDB's dialect, portable, with `$1` or `$name` parameters; whoever
brings them to another engine renders them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import polars as pl

__all__ = ["Rows", "StateConnection", "fetch_first"]


class Rows(Protocol):
    """The answer to a statement. After a DELETE, an UPDATE or an INSERT: one row with the number of rows."""

    def fetchall(self) -> list[Any]:
        """Return all rows, as tuples."""
        ...


class StateConnection(Protocol):
    """Statements on state tables, and frames that they read as if they were tables."""

    def execute(self, query: str, parameters: Sequence[object] | Mapping[str, object] | None = None, /) -> Rows:
        """Run one statement."""
        ...

    def register(self, view_name: str, python_object: pl.DataFrame, /) -> object:
        """Let the statements that follow read a frame by a name; its columns have the types of the frame."""
        ...

    def unregister(self, view_name: str, /) -> object:
        """Forget a frame."""
        ...


def fetch_first(
    connection: StateConnection, sql: str, parameters: Sequence[object] | None = None
) -> tuple[Any, ...] | None:
    """Return the first row of a query, or None."""
    rows = connection.execute(sql, parameters).fetchall()
    return rows[0] if rows else None
