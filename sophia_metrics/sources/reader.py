"""Blocks in, rows out: the landed columns of a format and `defect`, in the order of the blocks, as the table `raw`."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from duckdb.sqltypes import DuckDBPyType

from sophia_metrics.errors import ProcessingError
from sophia_metrics.frames import fetch_row
from sophia_metrics.sources import scans
from sophia_metrics.sources.blocks import Block, hive_keys
from sophia_metrics.sources.file_kind import FileKind
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.part import Piece
from sophia_metrics.sources.quoting import identifier
from sophia_metrics.sources.spool import Spool

__all__ = ["create_raw", "empty_containers", "read_block"]

SPLIT_BYTES = 8 << 20
"""Where a block holds a bad line, only the parts of this size in which one is are read with care."""

_VIEW = "__careful_cells"
_PART = "__part_"
_BAD_CONTENT = (duckdb.InvalidInputException, duckdb.DataError, duckdb.IOException)


def create_raw(connection: duckdb.DuckDBPyConnection, file_format: Format) -> None:
    """Create `raw`, without rows."""
    columns = ", ".join(f"{identifier(column.name)} {column.duckdb_type}" for column in file_format.columns)
    connection.execute(f"CREATE OR REPLACE TABLE raw ({columns}, defect VARCHAR)")


def read_block(
    connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format, scratch: Path
) -> tuple[Piece, ...]:
    """Append the rows of a block to `raw`; return its pieces with how many rows each gave.

    `defect` is NULL; or line_too_long, malformed_json or malformed_row (the row has no values); or wrong_type (the
    values of the right type stand). A block without a bad row is read at the engine's full speed, and only the
    parts of one where a bad row is are read again with care.

    Args:
        connection: holds `raw`; its rows keep their order (preserve_insertion_order, DuckDB's default).
        block: the block.
        file_format: the format of its rows.
        scratch: a folder for temporary files.

    Raises:
        ProcessingError: the block cannot be read at all.
    """
    if block.kind is FileKind.JSONL:
        count = _read_jsonl(connection, block, file_format, scratch)
    elif block.kind is FileKind.CSV:
        count = _read_csv(connection, block, file_format)
    else:
        count = _read_parquet(connection, block, file_format)
    return _counted(block, count)


def empty_containers(connection: duckdb.DuckDBPyConnection, file_format: Format) -> None:
    """Take objects and arrays out of text columns of `raw`, and call their rows wrong_type.

    The engine writes an object down as text where a text belongs: whatever people wrote would leave the file with it.
    """
    found = {
        identifier(column.name): " OR ".join(
            f"((starts_with({text}, '{{') OR starts_with({text}, '[')) AND json_valid({text}))" for text in texts
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
    try:
        return _insert(connection, scans.strict_jsonl([block.path], file_format), file_format)
    except _BAD_CONTENT:
        # Not chained: DuckDB's message quotes the line, and with it what people wrote.
        pass
    count = 0
    with ExitStack() as stack:
        spools: list[Spool] = [stack.enter_context(spool) for spool in _split(block.path, scratch)]
        asked = [
            _Part(connection.cursor(), f"{_PART}{place}", spool.path, file_format, scratch)
            for place, spool in enumerate(spools)
        ]
        try:
            with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
                for part in pool.map(_read_part, asked):
                    row = fetch_row(connection, f"INSERT INTO raw SELECT * FROM {part.table}")
                    connection.execute(f"DROP TABLE {part.table}")
                    count += int(row[0]) if row else 0
        finally:
            for part in asked:
                connection.execute(f"DROP TABLE IF EXISTS {part.table}")
    return count


def _split(path: str, scratch: Path) -> Iterator[Spool]:
    """Copy the lines of a block to spools of about SPLIT_BYTES."""
    with Path(path).open("rb") as lines:
        while chunk := lines.read(SPLIT_BYTES):
            spool = Spool(scratch)
            spool.write(chunk)
            spool.write(lines.readline())
            yield spool


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of a block, and the table that their rows go to."""

    connection: duckdb.DuckDBPyConnection
    table: str
    path: str
    file_format: Format
    scratch: Path

    def read(self) -> None:
        """Fill the table at full speed; it raises for a bad line."""
        self._empty()
        _insert(self.connection, scans.strict_jsonl([self.path], self.file_format), self.file_format, self.table)

    def read_with_care(self, *, finds_twice: bool) -> None:
        """Fill the table, with the rows of bad lines too; whether a line has a key twice is slow to find."""
        self._empty()
        rows = scans.careful_jsonl(self.connection, self.path, self.file_format, finds_twice=finds_twice)
        _insert(self.connection, rows, self.file_format, self.table)

    def is_good_else(self) -> bool:
        """Whether a strict scan takes every line in whose row no defect was found."""
        found = self.connection.execute(f"SELECT rowid FROM {self.table} WHERE defect IS NOT NULL").fetchall()
        bad = {int(row[0]) for row in found}
        with Spool(self.scratch) as spool, Path(self.path).open("rb") as lines:
            rows = (line for line in lines if line.strip())
            spool.write(b"".join(b"{}\n" if place in bad else line for place, line in enumerate(rows)))
            try:
                strict = scans.strict_jsonl([spool.path], self.file_format)
                self.connection.execute(f"SELECT count(COLUMNS(*)) FROM ({strict})").fetchall()
            except _BAD_CONTENT:
                return False
            return True

    def _empty(self) -> None:
        self.connection.execute(f"CREATE OR REPLACE TABLE {self.table} AS SELECT * FROM raw LIMIT 0")


def _read_part(part: _Part) -> _Part:
    try:
        part.read()
    except _BAD_CONTENT:
        part.read_with_care(finds_twice=False)
        if not part.is_good_else():
            part.read_with_care(finds_twice=True)
    return part


def _read_csv(connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format) -> int:
    try:
        return _insert(connection, scans.strict_csv(connection, block.path, file_format), file_format)
    except _BAD_CONTENT:
        pass
    try:
        return _insert(connection, scans.careful_csv(connection, block.path, file_format, _VIEW), file_format)
    finally:
        connection.unregister(_VIEW)


def _read_parquet(connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format) -> int:
    (piece,) = block.pieces
    file = piece.part.file
    span = (piece.byte_start, piece.byte_end)
    try:
        rows = scans.parquet(connection, block.path, file_format, rows=span, hive_keys=hive_keys(file))
        return _insert(connection, rows, file_format)
    except duckdb.Error:  # a damaged page has no error of its own
        raise ProcessingError(
            f"{file.name} is damaged: its rows {span[0]:,} to {span[1]:,} cannot be read. "
            "Get it again where it comes from, or move it away."
        ) from None


def _insert(connection: duckdb.DuckDBPyConnection, rows: str, file_format: Format, table: str = "raw") -> int:
    row = fetch_row(connection, f"INSERT INTO {table} {_project(rows, file_format)}")
    return int(row[0]) if row else 0


def _counted(block: Block, count: int) -> tuple[Piece, ...]:
    """Return the pieces of a block with their rows: each line is one, but for blank ones."""
    if len(block.pieces) == 1:
        return (replace(block.pieces[0], row_count=count),)
    if sum(piece.row_count for piece in block.pieces) == count:
        return block.pieces
    counts = _rows_of_lines(block)
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
