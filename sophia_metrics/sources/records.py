"""The rows of a text file with the places where they stand, read once, one line in memory at a time."""

import gzip
import hashlib
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from sophia_metrics.sources.file_kind import FileKind, file_kind, is_compressed

__all__ = ["Location", "Record", "csv_records", "delimiter_of", "locate", "open_bytes", "split_cells"]

_BOM = b"\xef\xbb\xbf"
_QUOTED = re.compile(rb'"((?:[^"]++|"")*+)"')
_DELIMITERS = (b",", b";", b"\t", b"|")
_MAX_LINES = 100_000
"""A quote that is still open after so many lines was never meant to open."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a row stands in its file.

    Attributes:
        line_number: of its first line, from 1; blank lines and a CSV header count. Parquet: the row, from 1.
        byte_start: its first byte, from 0. None: Parquet, or a compressed file.
        byte_end: the byte after its last one, its line end left out. None: as byte_start.
        sha256: hash of its bytes, in hex; compressed files are hashed as they read. None: Parquet.
    """

    line_number: int
    byte_start: int | None
    byte_end: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a text file: where it starts, and its bytes without the line end."""

    line_number: int
    byte_start: int
    content: bytes


def open_bytes(path: str) -> IO[bytes]:
    """Open a text file for reading, decompressed where its name ends in .gz."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if is_compressed(path) else Path(path).open("rb")


def locate(path: str, rows: Collection[int]) -> dict[int, Location]:
    """Return where these rows of a file stand; rows are numbered from 0, blank lines and header left out.

    One pass over the file, which must be as it was when it was read: a row beyond its end is absent.
    """
    if file_kind(path) is FileKind.PARQUET:
        return {row: Location(row + 1, None, None, None) for row in rows}
    wanted, last = set(rows), max(rows, default=-1)
    found: dict[int, Location] = {}
    records = csv_records(path) if file_kind(path) is FileKind.CSV else _lines(path)
    for number, record in enumerate(records):
        if number in wanted:
            found[number] = _location(record, compressed=is_compressed(path))
        if number >= last:
            break
    return found


def delimiter_of(header: bytes) -> bytes:
    """Return the delimiter that cuts this CSV header into the most columns; a comma where none does."""
    return max(_DELIMITERS, key=lambda each: len(split_cells(header, each) or ()))


def split_cells(row: bytes, delimiter: bytes) -> list[bytes] | None:
    """Return the cells of one CSV row (RFC 4180), or None where its quotes do not match."""
    cells: list[bytes] = []
    start = 0
    while True:
        if row[start : start + 1] == b'"':
            quoted = _QUOTED.match(row, start)
            if quoted is None:
                return None
            cells.append(quoted[1].replace(b'""', b'"'))
            end = quoted.end()
        else:
            end = row.find(delimiter, start)
            end = len(row) if end < 0 else end
            cells.append(row[start:end])
        if end == len(row):
            return cells
        if row[end : end + 1] != delimiter:
            return None
        start = end + 1


def csv_records(path: str, *, with_header: bool = False) -> Iterator[Record]:
    """Yield the rows of a CSV file; a quoted cell may run over several lines, blank lines are none.

    A line whose quotes do not match is a row of its own.
    """
    lines = _lines(path, blank=True)
    header = next((line for line in lines if line.content.strip()), None)
    if header is None:
        return
    if with_header:
        yield header
    delimiter = delimiter_of(header.content)
    waiting: deque[Record] = deque()
    while (first := waiting.popleft() if waiting else next(lines, None)) is not None:
        if not first.content.strip():
            continue
        if first.content.count(b'"') % 2 == 0 or split_cells(first.content, delimiter) is not None:
            yield first
            continue
        tail = _continuation(first, lines, waiting, delimiter)
        yield Record(first.line_number, first.byte_start, _joined([first, *tail]))


def _continuation(first: Record, lines: Iterator[Record], waiting: deque[Record], delimiter: bytes) -> list[Record]:
    """Take the lines that belong to an open quote; put them back into `waiting` where it never closes."""
    taken: list[Record] = []
    quotes = first.content.count(b'"')
    while len(taken) < _MAX_LINES:
        line = waiting.popleft() if waiting else next(lines, None)
        if line is None:
            break
        taken.append(line)
        quotes += line.content.count(b'"')
        if quotes % 2 == 0 and b'"' in line.content:
            if split_cells(_joined([first, *taken]), delimiter) is not None:
                return taken
            break
    waiting.extendleft(reversed(taken))
    return []


def _joined(lines: Sequence[Record]) -> bytes:
    """Return the bytes of lines that follow each other, with the line ends that stand between them."""
    ends = [each.byte_start + len(each.content) for each in lines]
    gaps = [after.byte_start - end for after, end in zip(lines[1:], ends, strict=False)]
    parts = (each.content + b"\r" * (gap - 1) + b"\n" for each, gap in zip(lines, gaps, strict=False))
    return b"".join(parts) + lines[-1].content


def _lines(path: str, *, blank: bool = False) -> Iterator[Record]:
    start = 0
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            content = line.rstrip(b"\r\n")
            skip = len(_BOM) if number == 1 and content.startswith(_BOM) else 0
            if blank or content.strip():
                yield Record(number, start + skip, content[skip:])
            start += len(line)


def _location(record: Record, *, compressed: bool) -> Location:
    start = None if compressed else record.byte_start
    end = None if compressed else record.byte_start + len(record.content)
    return Location(record.line_number, start, end, hashlib.sha256(record.content).hexdigest())
