"""SELECTs over files as they are: the keys of a file_format, the file's name and what is wrong with the row.

A strict scan runs at the engine's full speed and raises at the first bad row. A careful scan never raises
for a row: a bad row has a defect, every other row keeps its values.
"""

from collections.abc import Sequence

import duckdb
import polars as pl

from sophia_metrics.sources.conversion import Converted, from_typed, is_wrong_json, json_kinds, json_value
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.quoting import file_pattern, identifier, literal
from sophia_metrics.sources.records import Record, csv_records, delimiter_of, split_cells

__all__ = ["DEFECT", "FILE_NAME", "careful_csv", "careful_jsonl", "parquet", "strict_csv", "strict_jsonl"]

FILE_NAME = "__sophia_file_name"
DEFECT = "__sophia_defect"
"""Names that no key of a file has: both stand beside the file's own."""


def strict_jsonl(paths: Sequence[str], file_format: Format) -> str:
    """Return a scan of JSONL files, in their order; it raises for a malformed line and for a wrong type."""
    types = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in file_format.file_types.items())
    return (
        f"SELECT {_keys(file_format)}, {FILE_NAME}, CAST(NULL AS VARCHAR) AS {DEFECT} "
        f"FROM read_json([{', '.join(map(file_pattern, paths))}], format = 'newline_delimited', "
        f"records = true, filename = {literal(FILE_NAME)}, columns = {{{types}}})"
    )


def careful_jsonl(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format) -> str:
    """Return a scan of a JSONL file whose defect is malformed_json or wrong_type for a bad line."""
    fields = ", ".join(f"{identifier(key)} {kind}" for key, kind in file_format.file_types.items())
    row = f"STRUCT({fields})"
    wrong = is_wrong_json(connection, row, document="json", value="record", kinds="kinds")
    keys = ", ".join(f"record.{identifier(key)} AS {identifier(key)}" for key in file_format.file_types)
    return (
        f"SELECT {keys}, {literal(path)} AS {FILE_NAME}, "
        "CASE WHEN json IS NULL OR json_type(json) NOT IN ('OBJECT', 'NULL') THEN 'malformed_json' "
        f"WHEN {wrong} THEN 'wrong_type' END AS {DEFECT} FROM ("
        f"SELECT json, {json_value('json', row)} AS record, {json_kinds(connection, 'json', row)} AS kinds "
        f"FROM read_json_objects({file_pattern(path)}, format = 'newline_delimited', ignore_errors = true))"
    )


def strict_csv(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format) -> str:
    """Return a scan of a CSV file; it raises for a row that does not have the header's columns."""
    header = next(csv_records(path, with_header=True), Record(1, 0, b""))
    delimiter = delimiter_of(header.content)
    names = _header_names(header, delimiter, file_format)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    found = dict.fromkeys(set(names), "VARCHAR")
    return _typed(
        connection,
        file_format,
        path,
        found,
        f"read_csv({file_pattern(path)}, auto_detect = false, header = true, "
        f"delim = {literal(delimiter.decode())}, quote = '\"', escape = '\"', columns = {{{columns}}})",
    )


def careful_csv(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, view: str) -> str:
    """Return a scan of a CSV file whose defect is malformed_row or wrong_type for a bad row.

    DuckDB leaves out the rows that it rejects, and with them the numbers of those that follow: such a file is
    cut into cells here and registered as `view`, which must live until the scan has run.
    """
    connection.register(view, _cells(path, file_format))
    found = dict.fromkeys(file_format.file_types, "VARCHAR")
    return _typed(connection, file_format, path, found, identifier(view), malformed='"__malformed"')


def parquet(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format) -> str:
    """Return a scan of a Parquet file; columns that it lacks are null, JSON in text columns is parsed."""
    source = f"read_parquet({file_pattern(path)}, hive_partitioning = false)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return _typed(connection, file_format, path, {str(row[0]): str(row[1]) for row in described}, source)


def _keys(file_format: Format) -> str:
    return ", ".join(identifier(key) for key in file_format.file_types)


def _typed(
    connection: duckdb.DuckDBPyConnection,
    file_format: Format,
    path: str,
    found: dict[str, str],
    source: str,
    *,
    malformed: str = "false",
) -> str:
    """Return a scan of columns of any type, converted to those of the format."""
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
        f"SELECT {', '.join(values)}, {literal(path)} AS {FILE_NAME}, "
        f"CASE WHEN {malformed} THEN 'malformed_row' WHEN {is_wrong} THEN 'wrong_type' END AS {DEFECT} "
        f"FROM {source}"
    )


def _header_names(header: Record, delimiter: bytes, file_format: Format) -> list[str]:
    """Name the columns of a header; those that the format does not read get names that cannot clash."""
    names: list[str] = []
    for place, cell in enumerate(split_cells(header.content, delimiter) or []):
        name = cell.decode("utf-8", errors="replace")
        is_read = name in file_format.file_types and name not in names
        names.append(name if is_read else f"__unread_{place}")
    return names


def _cells(path: str, file_format: Format) -> pl.DataFrame:
    records = csv_records(path, with_header=True)
    header = next(records, Record(1, 0, b""))
    delimiter = delimiter_of(header.content)
    names = _header_names(header, delimiter, file_format)
    columns: dict[str, list[str | None]] = {key: [] for key in file_format.file_types}
    places = {key: names.index(key) for key in columns if key in names}
    malformed: list[bool] = []
    for record in records:
        cells = _decode(record, delimiter, len(names))
        malformed.append(cells is None)
        for key, column in columns.items():
            column.append(cells[places[key]] if cells is not None and key in places else None)
    return pl.DataFrame(
        {**columns, "__malformed": malformed},
        schema={**dict.fromkeys(columns, pl.String), "__malformed": pl.Boolean},
    )


def _decode(record: Record, delimiter: bytes, count: int) -> list[str] | None:
    cells = split_cells(record.content, delimiter)
    if cells is None or len(cells) != count:
        return None
    try:
        return [cell.decode() for cell in cells]
    except UnicodeDecodeError:
        return None
