"""Mended rows: those of a block of CSV with each bad one replaced by a good one that says what is wrong with it.

So one strict scan reads good and bad rows alike, in their order, at the engine's full speed.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from sophia_metrics.sources.csv_rows import full_rows_end, split_cells, text_cells
from sophia_metrics.sources.lines import TOO_LONG
from sophia_metrics.sources.records import Record, csv_records, delimiter_of, header_line, header_start
from sophia_metrics.sources.spool import Spool

__all__ = ["mend_rows"]

_CHUNK_BYTES = 1 << 16
_HEADER_BYTES = 1 << 20


def mend_rows(path: str, target: Spool) -> str:
    """Write the rows anew with the bad ones mended; return the mark with which a mended one tells its defect."""
    mark = uuid4().hex  # nobody can have written it into a file
    with Path(path).open("rb") as block, mmap.mmap(block.fileno(), 0, access=mmap.ACCESS_READ) as text:
        target.write_all(_mended(text, mark))
    return mark


def _mended(text: mmap.mmap, mark: str) -> Iterator[bytes]:
    head = text[:_HEADER_BYTES]
    header = header_line(head)
    delimiter = delimiter_of(header)
    count = len(split_cells(header, delimiter) or ())
    at = _line_end(text, header_start(head))
    line_end = b"\r\n" if text[at - 2 : at] == b"\r\n" else b"\n"
    yield text[:at]
    checked = known = 0  # from where, and up to where, the text is known to be UTF-8
    while at < len(text):
        # A lone column may be what stands for a line that is too long: each row of it is looked at.
        end = full_rows_end(text, at, known, delimiter, count) if count > 1 else at
        if end > at:
            yield text[at:end]
            at = end
        elif checked < at:
            checked, known = at, at + _utf8_size(text[at : at + _CHUNK_BYTES])
        elif record := next(csv_records(_lines(text, at), delimiter), None):
            yield _row(record, delimiter, count, mark) + line_end
            at = _line_end(text, record.byte_start + record.size)
        else:
            return  # blank lines


def _row(record: Record, delimiter: bytes, count: int, mark: str) -> bytes:
    """Write a row anew, each cell quoted; or what replaces it."""
    is_long = record.content == TOO_LONG.encode()
    cells = None if is_long else text_cells(record.content, delimiter, count)
    if cells is None:
        cells = [mark + ("line_too_long" if is_long else "malformed_row"), *[""] * (count - 1)]
    return delimiter.join(b'"' + cell.encode().replace(b'"', b'""') + b'"' for cell in cells[:count])


def _utf8_size(text: bytes) -> int:
    """Return how much of the text is whole characters of UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(text)


def _lines(text: mmap.mmap, at: int) -> Iterator[Record]:
    """Yield the lines from a byte on, blank ones too."""
    while at < len(text):
        end = _line_end(text, at)
        content = text[at:end].rstrip(b"\r\n")
        yield Record(0, at, content, len(content))
        at = end


def _line_end(text: mmap.mmap, start: int) -> int:
    return text.find(b"\n", start) + 1 or len(text)
