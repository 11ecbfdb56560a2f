"""The rows of a text file with the places where they stand, read once, one line in memory at a time."""

import hashlib
import io
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, cast

from sophia_metrics.sources.byte_stream import is_packed, open_stream, translated
from sophia_metrics.sources.csv_rows import MAX_ROW_BYTES, ends_row, split_cells
from sophia_metrics.sources.file_kind import FileKind, file_kind
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.lines import BOM, MAX_LINE_BYTES

__all__ = [
    "Location",
    "Record",
    "csv_records",
    "delimiter_of",
    "header_line",
    "header_start",
    "is_array",
    "locate",
    "read_lines",
    "split_cells",
]

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],]', re.DOTALL)
_DELIMITERS = (b",", b";", b"\t", b"|")
_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Location:
    """Where a row stands in its file.

    Attributes:
        line_number: of its first line, from 1; blank lines and a CSV header count. Parquet: the row, from 1.
        byte_start: its first byte, from 0. None: Parquet, or a packed file.
        byte_end: the byte after its last one, its line end left out. None: as byte_start.
        sha256: hash of its bytes, in hex; packed files are hashed as they read. None: Parquet.
    """

    line_number: int
    byte_start: int | None
    byte_end: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a text file: where it starts, and its bytes without the line end.

    `sha256` and `size` are of the whole row; of one that is longer than any row may be, `content` is the start.
    """

    line_number: int
    byte_start: int
    content: bytes
    size: int
    sha256: str | None = None


def locate(
    file: SourceFile, rows: Collection[int], *, byte_start: int = 0, byte_end: int | None = None, line_start: int = 1
) -> dict[int, Location]:
    """Return where these rows stand in the part of a file that begins at a line; rows are numbered from 0.

    Blank lines and a header are no rows. One pass over the part, which must be as it was when it was read: a row
    beyond its end is absent. Parquet: `byte_start` is the first row.

    Raises:
        ConfigurationError: the file may not be read.
        ProcessingError: it is missing or damaged.
    """
    kind = file_kind(file.member or file.path)
    if kind is FileKind.PARQUET:
        return {row: Location(byte_start + row + 1, None, None, None) for row in rows}
    packed = is_packed(file)
    with open_stream(file, 0 if packed else byte_start) as stream, translated(file):
        buffered = io.BufferedReader(cast("io.RawIOBase", stream))
        if packed and byte_start:
            _skip(buffered, byte_start)
        if byte_start == 0 and is_array(file, buffered.peek()):
            records = _elements(buffered.read())
        else:
            lines = _lines(buffered, byte_start, line_start, byte_end)
            if kind is FileKind.CSV:
                records = csv_records(lines, _delimiter(file) if byte_start else None)
            else:
                records = (line for line in lines if line.content.strip())
        return _pick(records, frozenset(rows), is_packed=packed)


def is_array(file: SourceFile, head: bytes) -> bool:
    """Say whether a file that begins with these bytes is one JSON array; only the name .json leaves that open."""
    name = (file.member or file.path).lower().removesuffix(".gz").removesuffix(".zst")
    return name.endswith(".json") and head.removeprefix(BOM).lstrip().startswith(b"[")


def header_start(head: bytes) -> int:
    """Return where the header of a CSV file begins, after its mark and blank lines; `head` is the start of the file."""
    start = len(BOM) if head.startswith(BOM) else 0
    while (end := head.find(b"\n", start) + 1) and not head[start:end].strip():
        start = end
    return start


def header_line(head: bytes) -> bytes:
    """Return the header of a CSV file that begins with these bytes, without its line end."""
    start = header_start(head)
    end = head.find(b"\n", start)
    return head[start : end if end >= 0 else len(head)].rstrip(b"\r")


def delimiter_of(header: bytes) -> bytes:
    """Return the delimiter that cuts this CSV header into the most columns; a comma where none does."""
    return max(_DELIMITERS, key=lambda each: len(split_cells(header, each) or ()))


def csv_records(lines: Iterator[Record], delimiter: bytes | None = None) -> Iterator[Record]:
    """Yield the rows of a CSV file from its lines; a quoted cell may run over several, blank lines are no rows.

    A line whose quotes do not match is a row of its own.

    Args:
        lines: the lines.
        delimiter: of lines from the middle of a file. None: the first line is the header, which tells it.
    """
    if delimiter is None:
        header = next((line for line in lines if line.content.strip()), None)
        if header is None:
            return
        delimiter = delimiter_of(header.content)
    waiting: deque[Record] = deque()
    while (first := waiting.popleft() if waiting else next(lines, None)) is not None:
        if not first.content.strip() and delimiter not in first.content:
            continue
        is_open = b'"' in first.content and ends_row(first.content, delimiter) is False
        yield _joined([first, *_continuation(first, lines, waiting, delimiter)]) if is_open else first


def _continuation(first: Record, lines: Iterator[Record], waiting: deque[Record], delimiter: bytes) -> list[Record]:
    """Take the lines that belong to an open quote; put them back into `waiting` where it never closes."""
    taken: list[Record] = []
    while (line := waiting.popleft() if waiting else next(lines, None)) is not None:
        taken.append(line)
        if line.byte_start + line.size - first.byte_start > MAX_ROW_BYTES:
            break
        if b'"' in line.content:
            is_end = ends_row(line.content, delimiter, is_open=True)
            if is_end:
                return taken
            if is_end is None:
                break
    waiting.extendleft(reversed(taken))
    return []


def _joined(lines: Sequence[Record]) -> Record:
    """Make one row of lines that follow each other, with the line ends that stand between them."""
    if len(lines) == 1:
        return lines[0]
    ends = [each.byte_start + each.size for each in lines]
    gaps = [after.byte_start - end for after, end in zip(lines[1:], ends, strict=False)]
    parts = (each.content + b"\r" * (gap - 1) + b"\n" for each, gap in zip(lines, gaps, strict=False))
    content = b"".join(parts) + lines[-1].content
    return Record(lines[0].line_number, lines[0].byte_start, content, len(content))


def _elements(text: bytes) -> Iterator[Record]:
    """Yield the elements of a JSON array, each with the line on which it begins."""
    depth, start, line, seen = 0, 0, 1, 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if depth == 1 and mark in {b",", b"]"}:
            raw = text[start : token.start()]
            content = raw.strip()
            first = start + len(raw) - len(raw.lstrip())
            line, seen = line + text.count(b"\n", seen, first), first
            if content:
                yield Record(line, first, content, len(content))
            start = token.end()
        if mark in {b"[", b"{"}:
            depth += 1
            start = token.end() if depth == 1 else start
        elif mark in {b"]", b"}"}:
            depth -= 1


def _pick(records: Iterator[Record], wanted: frozenset[int], *, is_packed: bool) -> dict[int, Location]:
    found: dict[int, Location] = {}
    last = max(wanted, default=-1)
    for number, record in enumerate(records):
        if number in wanted:
            start = None if is_packed else record.byte_start
            end = None if is_packed else record.byte_start + record.size
            sha256 = record.sha256 or hashlib.sha256(record.content).hexdigest()
            found[number] = Location(record.line_number, start, end, sha256)
        if number >= last:
            break
    return found


def _delimiter(file: SourceFile) -> bytes:
    """Read the delimiter of a CSV file from its header."""
    with open_stream(file) as stream, io.BufferedReader(cast("io.RawIOBase", stream)) as buffered:
        return delimiter_of(header_line(buffered.read(_HEADER_BYTES)))


def _skip(file: IO[bytes], size: int) -> None:
    while size > 0 and (chunk := file.read(min(size, 1 << 20))):
        size -= len(chunk)


def read_lines(file: IO[bytes]) -> Iterator[Record]:
    """Yield the lines of a file from its start, blank ones too."""
    return _lines(file, 0, 1, None)


def _lines(file: IO[bytes], start: int, number: int, end: int | None) -> Iterator[Record]:
    while (end is None or start < end) and (line := file.readline(MAX_LINE_BYTES)):
        size, digest = len(line), None
        if size == MAX_LINE_BYTES and not line.endswith(b"\n"):
            digest = hashlib.sha256(line)
            while (more := file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                digest.update(more)
                size += len(more)
            digest.update(more.rstrip(b"\r\n"))
            size += len(more)
            ending = len(more) - len(more.rstrip(b"\r\n"))
        else:
            ending = size - len(line.rstrip(b"\r\n"))
        content = line if digest else line[: size - ending]
        mark = len(BOM) if start == 0 and content.startswith(BOM) else 0
        sha256 = digest.hexdigest() if digest else None
        yield Record(number, start + mark, content[mark:], size - ending - mark, sha256)
        start += size
        number += 1
