"""From a DuckDB query to a Polars frame."""

from collections.abc import Mapping
from typing import Any

import duckdb
import polars as pl

__all__ = ["fetch_frame"]


def fetch_frame(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """Return the rows of one SELECT, with `$name` parameters; types are kept, decimals included.

    Raises:
        ValueError: the statement yields no rows at all, as a CREATE does.
    """
    relation = connection.sql(sql, params=dict(parameters or {}))
    if relation is None:  # pyright: ignore[reportUnnecessaryComparison] - the stubs leave out the None of a CREATE
        raise ValueError("the statement yields no rows: write a SELECT")
    frame = pl.from_arrow(relation.to_arrow_table())
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()
