"""SELECTs over blocks: the keys of a format, and what is wrong with the row.

A strict scan runs at the engine's full speed and raises at the first bad row. A careful scan never raises
for a row: a bad row has a defect, every other row keeps its values.
"""

import mmap
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.sources.conversion import Converted, from_typed, has_twice, is_wrong_json, json_kinds
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.lines import TOO_LONG
from sophia_metrics.sources.quoting import file_pattern, identifier, literal
from sophia_metrics.sources.records import (
    Record,
    csv_records,
    delimiter_of,
    header_line,
    read_lines,
    split_cells,
)

__all__ = ["DEFECT", "careful_csv", "careful_jsonl", "parquet", "strict_csv", "strict_jsonl"]

DEFECT = "__sophia_defect"
"""A name that no key of a file has: it stands beside the file's own."""

_LINE, _RECORD, _KINDS = "__line", "__record", "__kinds"
_HEADER_BYTES = 1 << 20
_LONE_RETURN = re.compile(rb"\r(?!\n)")


def strict_jsonl(paths: Sequence[str], file_format: Format) -> str:
    """Return a scan of JSONL, in the order of the paths; it raises for a malformed line and for a wrong type."""
    types = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in file_format.file_types.items())
    return (
        f"SELECT {_keys(file_format)}, CAST(NULL AS VARCHAR) AS {DEFECT} "
        f"FROM read_json([{', '.join(map(file_pattern, paths))}], format = 'newline_delimited', "
        f"records = true, columns = {{{types}}})"
    )


def careful_jsonl(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, *, finds_twice: bool) -> str:
    """Return a scan of JSONL whose defect is line_too_long, malformed_json or wrong_type for a bad line.

    The values are those of read_json, as in a strict scan: no function of JSON gives the same for every number.
    """
    types = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in file_format.file_types.items())
    row = f"STRUCT({', '.join(f'{identifier(key)} {kind}' for key, kind in file_format.file_types.items())})"
    names = [identifier(key) for key in file_format.file_types]
    twice = has_twice(connection, row, document=_LINE)
    wrong = is_wrong_json(connection, row, document=_LINE, value=_RECORD, kinds=_KINDS)
    options = f"{file_pattern(path)}, format = 'newline_delimited', ignore_errors = true"
    return (
        f"SELECT {', '.join(names)}, CASE WHEN {_LINE} = {literal(TOO_LONG)} THEN 'line_too_long' "
        f"WHEN {_LINE} IS NULL OR json_type({_LINE}) NOT IN ('OBJECT', 'NULL') THEN 'malformed_json' "
        f"WHEN {twice if finds_twice else 'false'} THEN 'malformed_json' "
        f"WHEN {wrong} THEN CASE WHEN {twice} THEN 'malformed_json' ELSE 'wrong_type' END END AS {DEFECT} "
        f"FROM (SELECT {', '.join(names)}, {_LINE}, "
        f"struct_pack({', '.join(f'{name} := {name}' for name in names)}) AS {_RECORD}, "
        f"{json_kinds(connection, _LINE, row)} AS {_KINDS} "
        f"FROM (SELECT {', '.join(names)} FROM read_json({options}, records = true, columns = {{{types}}})) "
        f"POSITIONAL JOIN (SELECT json AS {_LINE} FROM read_json_objects({options})))"
    )


def strict_csv(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format) -> str:
    """Return a scan of CSV; it raises for a row that does not have the header's columns.

    Raises:
        InvalidInputException: a carriage return stands alone, which the engine takes for a line end in some places.
    """
    if _has_lone_return(path):
        raise duckdb.InvalidInputException
    header = _header(path)
    delimiter = delimiter_of(header)
    names = _header_names(header, delimiter, file_format)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    found = dict.fromkeys(set(names), "VARCHAR")
    return _typed(
        connection,
        file_format,
        found,
        f"read_csv({file_pattern(path)}, auto_detect = false, header = true, max_line_size = {1 << 24}, "
        f"delim = {literal(delimiter.decode())}, quote = '\"', escape = '\"', columns = {{{columns}}})",
    )


def careful_csv(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, view: str) -> str:
    """Return a scan of CSV whose defect is line_too_long, malformed_row or wrong_type for a bad row.

    DuckDB leaves out the rows that it rejects, and with them the numbers of those that follow: such a block is
    cut into cells here and registered as `view`, which must live until the scan has run.
    """
    connection.register(view, _cells(path, file_format))
    found = dict.fromkeys(file_format.file_types, "VARCHAR")
    return _typed(connection, file_format, found, identifier(view), malformed='"__malformed"')


def parquet(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    file_format: Format,
    *,
    rows: tuple[int, int],
    hive_keys: Mapping[str, str],
) -> str:
    """Return a scan of some rows of a Parquet file; JSON in text columns is parsed.

    A column that the file lacks has the value that its folders tell, else null.
    """
    source = f"read_parquet({file_pattern(path)}, hive_partitioning = false, file_row_number = true)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    found = {str(row[0]): str(row[1]) for row in described}
    told = {key: value for key, value in hive_keys.items() if key in file_format.file_types and key not in found}
    columns = ", ".join(
        [f"{identifier(key)}" for key in file_format.file_types if key in found]
        + [f"{literal(value)} AS {identifier(key)}" for key, value in told.items()]
    )
    chosen = f"(SELECT {columns} FROM {source} WHERE file_row_number >= {rows[0]} AND file_row_number < {rows[1]})"
    return _typed(connection, file_format, {**found, **dict.fromkeys(told, "VARCHAR")}, chosen)


def _keys(file_format: Format) -> str:
    return ", ".join(identifier(key) for key in file_format.file_types)


def _typed(
    connection: duckdb.DuckDBPyConnection,
    file_format: Format,
    found: Mapping[str, str],
    source: str,
    *,
    malformed: str = "NULL",
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
        f"SELECT {', '.join(values)}, "
        f"coalesce({malformed}, CASE WHEN {is_wrong} THEN 'wrong_type' END) AS {DEFECT} "
        f"FROM {source}"
    )


def _header(path: str) -> bytes:
    with Path(path).open("rb") as block:
        return header_line(block.read(_HEADER_BYTES))


def _has_lone_return(path: str) -> bool:
    with Path(path).open("rb") as block:
        if not block.read(1):
            return False
        with mmap.mmap(block.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return text.find(b"\r") >= 0 and _LONE_RETURN.search(text) is not None


def _header_names(header: bytes, delimiter: bytes, file_format: Format) -> list[str]:
    """Name the columns of a header; those that the format does not read get names that cannot clash."""
    names: list[str] = []
    for place, cell in enumerate(split_cells(header, delimiter) or []):
        name = cell.decode("utf-8", errors="replace")
        is_read = name in file_format.file_types and name not in names
        names.append(name if is_read else f"__unread_{place}")
    return names


def _cells(path: str, file_format: Format) -> pl.DataFrame:
    header = _header(path)
    delimiter = delimiter_of(header)
    names = _header_names(header, delimiter, file_format)
    columns: dict[str, list[str | None]] = {key: [] for key in file_format.file_types}
    places = {key: names.index(key) for key in columns if key in names}
    malformed: list[str | None] = []
    with Path(path).open("rb") as block:
        for record in csv_records(read_lines(block)):
            cells = _decode(record, delimiter, len(names))
            is_long = record.content == TOO_LONG.encode()
            malformed.append("line_too_long" if is_long else "malformed_row" if cells is None else None)
            for key, column in columns.items():
                column.append(cells[places[key]] if cells is not None and key in places else None)
    return pl.DataFrame(
        {**columns, "__malformed": malformed},
        schema={**dict.fromkeys(columns, pl.String), "__malformed": pl.String},
    )


def _decode(record: Record, delimiter: bytes, count: int) -> list[str] | None:
    """Return the cells of a row, or None where it does not have the header's; empty ones may follow them."""
    cells = split_cells(record.content, delimiter)
    if cells is None or len(cells) < count or any(cells[count:]):
        return None
    try:
        return [cell.decode() for cell in cells]
    except UnicodeDecodeError:
        return None
