"""Blocks in, rows out: the landed columns of a format and `defect`, in the order of the blocks, as the table `raw`."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import duckdb
from duckdb.sqltypes import DuckDBPyType

from sophia_metrics.errors import ProcessingError
from sophia_metrics.frames import fetch_row
from sophia_metrics.quoting import identifier
from sophia_metrics.sources import scans
from sophia_metrics.sources.block import Block, RefusedError
from sophia_metrics.sources.csv_scans import careful_csv, strict_csv
from sophia_metrics.sources.file_keys import hive_keys
from sophia_metrics.sources.file_kind import FileKind
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.json_scans import careful_jsonl, strict_jsonl
from sophia_metrics.sources.mended_lines import PART_BYTES, LineMender
from sophia_metrics.sources.mended_rows import mend_rows
from sophia_metrics.sources.part import Piece
from sophia_metrics.sources.spool import Spool

__all__ = ["create_raw", "empty_containers", "read_block"]

_VIEW = "__careful_cells"


def create_raw(connection: duckdb.DuckDBPyConnection, file_format: Format) -> None:
    """Create `raw`, without rows."""
    columns = ", ".join(f"{identifier(column.name)} {column.duckdb_type}" for column in file_format.columns)
    connection.execute(f"CREATE OR REPLACE TABLE raw ({columns}, defect VARCHAR)")


def read_block(
    connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format, scratch: Path
) -> tuple[Piece, ...]:
    """Append the rows of a block to `raw`; return its pieces with how many rows each gave.

    `defect` is NULL; or line_too_long, malformed_json or malformed_row (the row has no values); or wrong_type (the
    values of the right type stand). A block without a bad row is read at the engine's full speed. Of any other the bad
    rows are found and mended, and it is read again.

    Args:
        connection: holds `raw`; its rows keep their order (preserve_insertion_order, DuckDB's default).
        block: the block.
        file_format: the format of its rows.
        scratch: a folder for temporary files.

    Raises:
        ProcessingError: the block cannot be read at all.
        RefusedError: of several files one cannot be read.
    """
    if block.kind is FileKind.JSONL:
        count = _read_jsonl(connection, block, file_format, scratch)
    elif block.kind is FileKind.CSV:
        count = _read_csv(connection, block, file_format, scratch)
    else:
        count = _read_parquet(connection, block, file_format)
    return _counted(block, count)


def empty_containers(connection: duckdb.DuckDBPyConnection, file_format: Format) -> None:
    """Take objects and arrays out of text columns of `raw`, and call their rows wrong_type.

    The engine writes an object down as text where a text belongs: whatever people wrote would leave the file with it.
    """
    found = {
        identifier(column.name): " OR ".join(
            f"(left({text}, 1) IN ('{{', '[') AND json_valid({text}))" for text in texts
        )
        for column in file_format.columns
        if (texts := list(_texts(identifier(column.name), connection.sqltype(column.duckdb_type))))
    }
    anywhere = " OR ".join(found.values()) or "false"
    if fetch_row(connection, f"SELECT 1 FROM raw WHERE {anywhere} LIMIT 1") is None:
        return
    emptied = ", ".join(f"{name} = CASE WHEN {wrong} THEN NULL ELSE {name} END" for name, wrong in found.items())
    connection.execute(f"UPDATE raw SET defect = coalesce(defect, 'wrong_type'), {emptied} WHERE {anywhere}")


def _texts(value: str, kind: DuckDBPyType) -> Iterator[str]:
    """Yield the texts in a value, those in its objects too."""
    if kind.id == "varchar":
        yield value
    elif kind.id == "struct":
        for name, child in kind.children:
            if isinstance(child, DuckDBPyType):
                yield from _texts(f"({value}).{identifier(name)}", child)


def _read_jsonl(connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format, scratch: Path) -> int:
    # No error is chained: DuckDB's message quotes the line, and with it what people wrote.
    with suppress(*scans.BAD_CONTENT):
        return _insert(connection, strict_jsonl(block.path, file_format), file_format)
    mender = LineMender(connection, file_format, scratch)
    with Spool(scratch) as first, Spool(scratch) as second:
        path = block.path
        if Path(path).stat().st_size > PART_BYTES:
            mender.mend_striking(path, sum(piece.row_count for piece in block.pieces), first)
            path = first.path
            with suppress(*scans.BAD_CONTENT):
                return _insert(connection, mender.scan(path), file_format)
        mender.mend_refused(path, second)
        first.clear()
        with suppress(*scans.BAD_CONTENT):
            return _insert(connection, mender.scan(second.path), file_format)
    return _insert(connection, careful_jsonl(connection, block.path, file_format, finds_twice=True), file_format)


def _read_csv(connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format, scratch: Path) -> int:
    with suppress(*scans.BAD_CONTENT):
        return _insert(connection, strict_csv(connection, block.path, file_format), file_format)
    with Spool(scratch) as mended, suppress(*scans.BAD_CONTENT):
        mark = mend_rows(block.path, mended)
        return _insert(connection, strict_csv(connection, mended.path, file_format, mark=mark), file_format)
    try:
        return _insert(connection, careful_csv(connection, block.path, file_format, _VIEW), file_format)
    finally:
        connection.unregister(_VIEW)


def _read_parquet(connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format) -> int:
    if len(block.pieces) == 1:
        return _read_span(connection, block.path, block.pieces[0], file_format)
    paths = [piece.part.file.path for piece in block.pieces]
    keys = hive_keys(block.pieces[0].part.file)
    with suppress(duckdb.Error):
        return _insert(connection, scans.parquet(connection, paths, file_format, hive_keys=keys), file_format)
    count = 0
    for path, piece in zip(paths, block.pieces, strict=True):  # which of them is damaged
        try:
            count += _read_span(connection, path, piece, file_format)
        except ProcessingError as error:
            raise RefusedError(piece.part, error) from error
    return count


def _read_span(connection: duckdb.DuckDBPyConnection, path: str, piece: Piece, file_format: Format) -> int:
    file = piece.part.file
    span = (piece.byte_start, piece.byte_end)
    try:
        rows = scans.parquet(connection, [path], file_format, rows=span, hive_keys=hive_keys(file))
        return _insert(connection, rows, file_format)
    except duckdb.Error:  # a damaged page has no error of its own
        raise ProcessingError(
            f"{file.name} is damaged: its rows {span[0]:,} to {span[1]:,} cannot be read. "
            "Get it again where it comes from, or move it away."
        ) from None


def _insert(connection: duckdb.DuckDBPyConnection, rows: str, file_format: Format) -> int:
    row = fetch_row(connection, f"INSERT INTO raw {_project(rows, file_format)}")
    return int(row[0]) if row else 0


def _counted(block: Block, count: int) -> tuple[Piece, ...]:
    """Return the pieces of a block with their rows: each line is one, but for blank ones."""
    if len(block.pieces) == 1:
        return (replace(block.pieces[0], row_count=count),)
    if sum(piece.row_count for piece in block.pieces) == count:
        return block.pieces
    counts = _rows_of_lines(block) if block.ends else [piece.row_count for piece in block.pieces]
    if sum(counts) != count:
        raise ProcessingError(
            f"the rows of {block.pieces[0].part.file.name} and {len(counts) - 1} other files cannot be told apart: "
            "ingest them one by one"
        )
    return tuple(replace(piece, row_count=rows) for piece, rows in zip(block.pieces, counts, strict=True))


def _rows_of_lines(block: Block) -> list[int]:
    """Count the lines of each piece that are not blank."""
    counts: list[int] = []
    with Path(block.path).open("rb") as lines:
        at = 0
        for end in block.ends:
            counts.append(0)
            while at < end:
                line = lines.readline()
                at += len(line)
                counts[-1] += bool(line.strip())
    return counts


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
    return f"SELECT {columns}, {defect} AS defect FROM ({rows})"
