"""Reading the lines of a vendor's cost report from a file that was pulled."""

from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.errors import ProcessingError
from sophia_metrics.frames import fetch_frame
from sophia_metrics.quoting import literal

__all__ = ["read_pulled"]


def read_pulled(path: Path, mapping: str) -> pl.DataFrame:
    """Return the lines of a file, as in invoices.lines.LINE_SCHEMA.

    Args:
        path: a Parquet file of the spool.
        mapping: the SELECT of its format, from the relation `landed`.

    Raises:
        ProcessingError: it cannot be read.
    """
    with duckdb.connect() as connection:
        try:
            connection.execute(f"CREATE VIEW landed AS SELECT * FROM read_parquet({literal(str(path))})")
            return fetch_frame(connection, mapping)
        except duckdb.Error as error:
            raise ProcessingError(
                f"{path} cannot be read: {str(error).splitlines()[0]}; remove it, and its window is asked for again"
            ) from error
