"""Files in, rows out: the landed columns of a file_format, file_name and defect, in file order."""

import zlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TypeVar

import duckdb

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.sources import scans
from sophia_metrics.sources.file_kind import FileKind, file_kind
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.quoting import file_pattern, identifier
from sophia_metrics.sources.records import delimiter_of, open_bytes, split_cells

__all__ = ["check_file", "read_files"]

Result = TypeVar("Result")

_SAMPLE_BYTES = 1 << 20
_BAD_CONTENT = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException)
_UNREADABLE = (EOFError, zlib.error, OSError)


def read_files(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[str],
    file_format: Format,
    materialise: Callable[[str], Result],
) -> Result:
    """Read files of one format: `materialise` gets a SELECT over all of them and must run it at once.

    The SELECT yields the format's columns, `file_name` (the path as given) and `defect`, by file in the given
    order, then by row. The defect is NULL, or malformed_json or malformed_row (the row has no values), or
    wrong_type (the values of the right type stand). Where a row is bad, `materialise` is called a second
    time, with a SELECT that reads the bad files more carefully.

    Args:
        connection: runs the SELECT; its rows keep their order (preserve_insertion_order, DuckDB's default).
        paths: the files; globs are not expanded, a path that is given twice is read once.
        file_format: the format of all of them.
        materialise: creates a table from the SELECT, and returns what read_files shall return.

    Raises:
        ConfigurationError: a file is of another file_format, or may not be read.
        ProcessingError: a file is missing or damaged.
    """
    paths = list(dict.fromkeys(paths))
    for path in paths:
        check_file(connection, path, file_format)
    if not paths:
        raise ProcessingError("There is no file to read: name at least one.")
    try:
        return materialise(_project(_strict(connection, paths, file_format), file_format))
    except _BAD_CONTENT:
        # Not chained: DuckDB's message quotes the line, and with it what people wrote.
        pass
    with _careful(connection, paths, file_format) as selects:
        try:
            return materialise(_project(_in_order(selects.values()), file_format))
        except _BAD_CONTENT:
            # A file that even the careful scan cannot read to its end; any other fault passes through.
            raise _first_damaged(connection, selects) from None


def check_file(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format) -> None:
    """Check that the file can be read and is of this format; an empty file is of any.

    Raises:
        ConfigurationError: it is of another file_format, or may not be read.
        ProcessingError: it is missing or damaged.
    """
    kind = file_kind(path)
    try:
        keys = _parquet_names(connection, path) if kind is FileKind.PARQUET else _sampled_keys(path, kind, file_format)
    except PermissionError:
        raise ConfigurationError(f"{path} may not be read: give this user read permission.") from None
    except FileNotFoundError:
        raise ProcessingError(f"{path} is missing: it was moved or deleted since it was found.") from None
    except (*_UNREADABLE, *_BAD_CONTENT):
        raise _damaged(path) from None
    if keys is None:
        return
    if not keys & set(file_format.signature):
        expected = ", ".join(file_format.signature)
        raise ConfigurationError(
            f"{path} is no file of format {file_format.name!r}: it has none of the keys {expected}. "
            "Correct the source's format or its paths."
        )
    missing = [] if kind is FileKind.JSONL else [key for key in file_format.required if key not in keys]
    if missing:
        raise ConfigurationError(
            f"{path} lacks the columns {', '.join(missing)} that format {file_format.name!r} needs. "
            "Correct the source's mapping or its paths."
        )


def _sampled_keys(path: str, kind: FileKind, file_format: Format) -> set[str] | None:
    """Return the keys at the head of a text file. None: it is empty, or its first line is not finished."""
    with open_bytes(path) as file:
        sample = file.read(_SAMPLE_BYTES)
    if not sample.strip():
        return None
    if kind is FileKind.CSV:
        header = sample.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").splitlines()[0]
        return {cell.decode("utf-8", "replace") for cell in split_cells(header, delimiter_of(header)) or []}
    keys = {key for key in file_format.signature if f'"{key}"'.encode() in sample}
    is_unfinished = len(sample) < _SAMPLE_BYTES and b"\n" not in sample.strip() and not sample.endswith(b"\n")
    return None if is_unfinished and not keys and sample.lstrip().startswith(b"{") else keys


def _parquet_names(connection: duckdb.DuckDBPyConnection, path: str) -> set[str]:
    with open_bytes(path):
        pass
    source = f"read_parquet({file_pattern(path)}, hive_partitioning = false)"
    return {str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def _strict(connection: duckdb.DuckDBPyConnection, paths: Sequence[str], file_format: Format) -> str:
    selects: list[str] = []
    for kind, group in groupby(paths, key=file_kind):
        if kind is FileKind.JSONL:
            selects.append(scans.strict_jsonl(list(group), file_format))
        elif kind is FileKind.CSV:
            selects.extend(scans.strict_csv(connection, path, file_format) for path in group)
        else:
            selects.extend(scans.parquet(connection, path, file_format) for path in group)
    return _in_order(selects)


@contextmanager
def _careful(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[str], file_format: Format
) -> Generator[dict[str, str]]:
    """Yield one scan a file: strict where that reads it to its end, careful where it does not."""
    views: list[str] = []
    selects: dict[str, str] = {}
    try:
        for number, path in enumerate(paths):
            selects[path] = _strict(connection, [path], file_format)
            if len(paths) == 1 or not _is_readable(connection, selects[path]):
                views.append(f"__careful_{number}")
                selects[path] = _careful_scan(connection, path, file_format, views[-1])
        yield selects
    finally:
        for view in views:
            connection.unregister(view)


def _first_damaged(connection: duckdb.DuckDBPyConnection, selects: Mapping[str, str]) -> ProcessingError:
    damaged = (path for path, select in selects.items() if not _is_readable(connection, select))
    return _damaged(next(damaged, "A file that is being written"))


def _careful_scan(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, view: str) -> str:
    kind = file_kind(path)
    if kind is FileKind.JSONL:
        return scans.careful_jsonl(connection, path, file_format)
    if kind is FileKind.PARQUET:
        raise _damaged(path)
    try:
        return scans.careful_csv(connection, path, file_format, view)
    except _UNREADABLE:
        raise _damaged(path) from None


def _is_readable(connection: duckdb.DuckDBPyConnection, select: str) -> bool:
    try:
        connection.execute(f"SELECT count(COLUMNS(*)) FROM ({select})").fetchall()
    except _BAD_CONTENT:
        return False
    return True


def _in_order(selects: Iterable[str]) -> str:
    return " UNION ALL ".join(selects)


def _project(rows: str, file_format: Format) -> str:
    """Return the landed columns over the keys of the files, with the defects that their expressions find."""
    columns = ", ".join(
        f"{column.expression or identifier(column.key)} AS {identifier(column.name)}" for column in file_format.columns
    )
    wrong = " OR ".join(
        f"({identifier(column.key)} IS NOT NULL AND ({column.expression}) IS NULL)"
        for column in file_format.columns
        if column.expression
    )
    defect = (
        f"CASE WHEN {scans.DEFECT} IS NULL AND ({wrong}) THEN 'wrong_type' ELSE {scans.DEFECT} END"
        if wrong
        else scans.DEFECT
    )
    return f"SELECT {columns}, {scans.FILE_NAME} AS file_name, {defect} AS defect FROM ({rows})"


def _damaged(path: str) -> ProcessingError:
    return ProcessingError(
        f"{path} is damaged: it cannot be read to its end. Get it again where it comes from, or move it away."
    )
