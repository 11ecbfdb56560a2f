"""SELECTs over blocks of CSV: the keys of a format, and what is wrong with the row.

A strict scan runs at the engine's full speed and raises at the first bad row. A careful scan never raises
for a row: a bad row has a defect, every other row keeps its values.
"""

import mmap
import re
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.quoting import file_pattern, identifier, literal
from sophia_metrics.sources.csv_rows import split_cells, text_cells
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.lines import TOO_LONG
from sophia_metrics.sources.records import csv_records, delimiter_of, header_line, read_lines
from sophia_metrics.sources.scans import typed

__all__ = ["careful_csv", "strict_csv"]

_HEADER_BYTES = 1 << 20
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_MALFORMED = '"__malformed"'


def strict_csv(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, *, mark: str = "") -> str:
    """Return a scan of CSV; it raises for a row that does not have the header's columns.

    The defect of a row is what follows `mark` in its first cell. Empty: no row has a mark.

    Raises:
        InvalidInputException: there are no marks, and a carriage return stands alone, which the engine takes for a line
            end in some places.
    """
    if not mark and _has_lone_return(path):
        raise duckdb.InvalidInputException
    header = _header(path)
    delimiter = delimiter_of(header)
    names = _header_names(header, delimiter, file_format)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    source = (
        f"read_csv({file_pattern(path)}, auto_detect = false, header = true, max_line_size = {1 << 24}, "
        f"delim = {literal(delimiter.decode())}, quote = '\"', escape = '\"', columns = {{{columns}}})"
    )
    found = dict.fromkeys(set(names), "VARCHAR")
    if not mark:
        return typed(connection, file_format, found, source)
    first = identifier(names[0])
    is_marked = f"CASE WHEN starts_with({first}, {literal(mark)})"
    marked = (
        f"(SELECT * REPLACE ({is_marked} THEN NULL ELSE {first} END AS {first}), "
        f"{is_marked} THEN substr({first}, {len(mark) + 1}) END AS {_MALFORMED} FROM {source})"
    )
    return typed(connection, file_format, found, marked, malformed=_MALFORMED)


def careful_csv(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, view: str) -> str:
    """Return a scan of CSV whose defect is line_too_long, malformed_row or wrong_type for a bad row.

    DuckDB leaves out the rows that it rejects, and with them the numbers of those that follow: such a block is
    cut into cells here and registered as `view`, which must live until the scan has run.
    """
    connection.register(view, _cells(path, file_format))
    found = dict.fromkeys(file_format.file_types, "VARCHAR")
    return typed(connection, file_format, found, identifier(view), malformed=_MALFORMED)


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
            cells = text_cells(record.content, delimiter, len(names))
            is_long = record.content == TOO_LONG.encode()
            malformed.append("line_too_long" if is_long else "malformed_row" if cells is None else None)
            for key, column in columns.items():
                column.append(cells[places[key]] if cells is not None and key in places else None)
    return pl.DataFrame(
        {**columns, "__malformed": malformed},
        schema={**dict.fromkeys(columns, pl.String), "__malformed": pl.String},
    )
