"""Fingerprints: what a DuckDB file holds, table by table, so that a copy can be compared with it."""

from collections.abc import Mapping

import duckdb

from sophia_metrics.frames import fetch_row
from sophia_metrics.quoting import identifier

__all__ = ["Fingerprint", "fingerprints"]

Fingerprint = tuple[int, int | None]
"""How many rows a table has, and the sum of their hashes. None: it has no rows."""


def fingerprints(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Fingerprint]:
    """Read every row of every table; a block that is damaged makes it fail.

    Raises:
        duckdb.Error: something cannot be read.
    """
    rows = connection.execute(
        "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() WHERE NOT internal "
        "AND database_name = current_database() AND table_name IN "
        "(SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()) GROUP BY table_name"
    ).fetchall()
    return {str(name): _fingerprint(connection, str(name), columns) for name, columns in rows}


def _fingerprint(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> Fingerprint:
    hashed = ", ".join(identifier(column) for column in columns)
    row = fetch_row(connection, f"SELECT count(*), CAST(sum(hash({hashed})) AS HUGEINT) FROM {identifier(table)}")
    return (int(row[0]), row[1]) if row else (0, None)
