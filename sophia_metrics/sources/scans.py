"""What scans of any kind of file share, and those of Parquet: the keys of a format, and what is wrong with the row."""

from collections.abc import Mapping, Sequence

import duckdb

from sophia_metrics.quoting import file_pattern, identifier, literal
from sophia_metrics.sources.conversion import Converted, from_typed
from sophia_metrics.sources.format import Format

__all__ = ["BAD_CONTENT", "DEFECT", "parquet", "typed"]

DEFECT = "__sophia_defect"
"""A name that no key of a file has: it stands beside the file's own."""
BAD_CONTENT = (duckdb.InvalidInputException, duckdb.DataError, duckdb.IOException)
"""What a strict scan raises at a bad row."""


def parquet(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[str],
    file_format: Format,
    *,
    rows: tuple[int, int] | None = None,
    hive_keys: Mapping[str, str],
) -> str:
    """Return a scan of Parquet files of the same columns, one after the other; JSON in text columns is parsed.

    A column that the files lack has the value that their folders tell, else null.

    Args:
        connection: knows the types.
        paths: the files.
        file_format: the format.
        rows: the first row of each that is read, and the one after the last. None: all are.
        hive_keys: what the folders of all of them tell.
    """
    patterns = ", ".join(map(file_pattern, paths))
    source = f"read_parquet([{patterns}], hive_partitioning = false, file_row_number = true)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    found = {str(row[0]): str(row[1]) for row in described}
    told = {key: value for key, value in hive_keys.items() if key in file_format.file_types and key not in found}
    columns = ", ".join(
        [f"{identifier(key)}" for key in file_format.file_types if key in found]
        + [f"{literal(value)} AS {identifier(key)}" for key, value in told.items()]
    )
    span = f" WHERE file_row_number >= {rows[0]} AND file_row_number < {rows[1]}" if rows else ""
    chosen = f"(SELECT {columns} FROM {source}{span})"
    return typed(connection, file_format, {**found, **dict.fromkeys(told, "VARCHAR")}, chosen)


def typed(
    connection: duckdb.DuckDBPyConnection,
    file_format: Format,
    found: Mapping[str, str],
    source: str,
    *,
    malformed: str = "NULL",
) -> str:
    """Return a scan of columns of any type, converted to those of the format.

    Args:
        connection: knows the types.
        file_format: the format.
        found: the type of each column that is there.
        source: yields these columns.
        malformed: what it says is wrong with a row, as SQL.
    """
    values: list[str] = []
    wrong: list[str] = []
    for key, kind in file_format.file_types.items():
        if key in found:
            converted = from_typed(connection, identifier(key), found[key], kind)
        else:
            converted = Converted(f"CAST(NULL AS {kind})", "false")
        values.append(f"{converted.value} AS {identifier(key)}")
        wrong.append(converted.is_wrong)
    is_wrong = " OR ".join(each for each in wrong if each != "false") or "false"
    return (
        f"SELECT {', '.join(values)}, "
        f"coalesce({malformed}, CASE WHEN {is_wrong} THEN 'wrong_type' END) AS {DEFECT} "
        f"FROM {source}"
    )
