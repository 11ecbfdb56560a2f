"""Where the rows of CSV end, as the engine reads them: a quote opens a cell only where the cell begins with it."""

import mmap
import re
from functools import cache
from typing import NamedTuple

__all__ = ["MAX_ROW_BYTES", "ends_row", "full_rows_end", "split_cells", "text_cells", "whole_rows_end"]

MAX_ROW_BYTES = (1 << 24) - 1024
"""The engine reads lines of at most 16 MiB; a quote that is still open after so many was never meant to open."""

_TEXT = rb'(?:[^"]++|"")*+'
_OPEN = rb' ?"' + _TEXT + rb'(?:" ++"' + _TEXT + rb")*+"
_QUOTED = rb' ?"' + _TEXT + rb'"(?: ++"' + _TEXT + rb'")*+ *+'
_QUOTED_CELL = re.compile(_QUOTED)
_QUOTED_TEXT = re.compile(rb'( *+)"(' + _TEXT + rb')"')


class _Patterns(NamedTuple):
    row: re.Pattern[bytes]
    rows: re.Pattern[bytes]
    unfinished: re.Pattern[bytes]
    first_line: re.Pattern[bytes]
    next_line: re.Pattern[bytes]


@cache
def _patterns(delimiter: bytes) -> _Patterns:
    mark = re.escape(delimiter)
    cell = rb'(?:(?! ?")[^' + mark + rb"\n]*+|" + _QUOTED + rb")"
    cells = rb"(?:" + cell + mark + rb")*+"
    row = cells + cell + rb"\r*+\n"
    line = cells + rb"(?:" + cell + rb"\Z|(?P<last>" + _OPEN + rb")\Z)"
    after = rb'" *+(?:\Z|' + mark + line + rb")"
    return _Patterns(
        row=re.compile(row),
        rows=re.compile(rb"(?:" + row + rb")*+"),
        unfinished=re.compile(cells + rb"(?:" + cell + rb"\Z|" + _OPEN + rb'(?:" *+\r*+)?+\Z)'),
        first_line=re.compile(line),
        next_line=re.compile(_TEXT + rb'(?:" ++"' + _TEXT + rb")*+(?:(?P<whole>)\Z|" + after + rb")"),
    )


def whole_rows_end(text: bytes | bytearray, delimiter: bytes) -> int:
    """Return where the last whole row ends in a text that begins with one.

    A line whose quotes do not match is a row of its own.
    """
    patterns = _patterns(delimiter)
    at = 0
    while True:
        if len(text) - at > MAX_ROW_BYTES:
            row = patterns.row.match(text, at)
            is_row = row is not None and len(row[0].rstrip(b"\r\n")) <= MAX_ROW_BYTES
            end = row.end() if row is not None and is_row else text.find(b"\n", at) + 1
        else:
            rows = patterns.rows.match(text, at)
            at = rows.end() if rows else at
            end = 0 if patterns.unfinished.match(text, at) else text.find(b"\n", at) + 1
        if not end:
            return at
        at = end


@cache
def _full_rows(delimiter: bytes, count: int) -> re.Pattern[bytes]:
    mark = re.escape(delimiter)
    cell = rb'(?:(?! ?")[^' + mark + rb"\r\n]*+|" + _QUOTED + rb")"
    before = rb"(?:" + cell + mark + rb"){%d}" % (count - 1)
    return re.compile(rb"(?:" + before + cell + mark + rb"*+\r?+\n)*+")


def full_rows_end(text: bytes | mmap.mmap, start: int, end: int, delimiter: bytes, count: int) -> int:
    """Return where the rows with so many cells end that follow each other from `start` on, at `end` at the latest.

    Other empty cells may follow theirs. It is quick, and may stop before such a row.
    """
    rows = _full_rows(delimiter, count).match(text, start, end)
    return rows.end() if rows else start


def ends_row(line: bytes, delimiter: bytes, *, is_open: bool = False) -> bool | None:
    """Say whether a line, given without its line end, ends a row, or leaves a quote open; None: its quotes are wrong.

    Args:
        line: the line.
        delimiter: stands between cells.
        is_open: the line begins within a quoted cell.
    """
    patterns = _patterns(delimiter)
    found = (patterns.next_line if is_open else patterns.first_line).match(line)
    return None if found is None else found.lastgroup is None


def split_cells(row: bytes, delimiter: bytes) -> list[bytes] | None:
    """Return the cells of one CSV row (RFC 4180), or None where its quotes do not match.

    Blanks around a quoted cell are left out; within it they may part quoted texts.
    """
    if b'"' not in row:
        return row.split(delimiter)
    cells: list[bytes] = []
    start = 0
    while True:
        quoted = _QUOTED_CELL.match(row, start)
        if quoted is not None:
            cells.append(_unquoted(quoted[0]))
            end = quoted.end()
        else:
            end = row.find(delimiter, start)
            end = len(row) if end < 0 else end
            cells.append(row[start:end])
            if cells[-1].startswith((b'"', b' "')):
                return None
        if end == len(row):
            return cells
        if row[end : end + 1] != delimiter:
            return None
        start = end + 1


def text_cells(row: bytes, delimiter: bytes, count: int) -> list[str] | None:
    """Return the cells of a CSV row, or None where it does not have so many; empty ones may follow them."""
    cells = split_cells(row, delimiter)
    if cells is None or len(cells) < count or any(cells[count:]):
        return None
    try:
        return [cell.decode() for cell in cells]
    except UnicodeDecodeError:
        return None


def _unquoted(cell: bytes) -> bytes:
    (_, first), *others = _QUOTED_TEXT.findall(cell)
    return b"".join([first, *(blanks + text for blanks, text in others)]).replace(b'""', b'"')
