"""Copying the lines of a file into a spool: whole lines only, each byte of them hashed as it is copied."""

import hashlib
import json
import os
from dataclasses import replace
from io import FileIO
from pathlib import Path

from sophia_metrics.sources.byte_stream import ByteStream, changed, is_packed, translated
from sophia_metrics.sources.csv_rows import MAX_ROW_BYTES, whole_rows_end
from sophia_metrics.sources.part import FilePart, Piece
from sophia_metrics.sources.prefix import WHOLE_PREFIX_BYTES, prefix_sha256
from sophia_metrics.sources.spool import Spool

__all__ = ["BOM", "MAX_LINE_BYTES", "TOO_LONG", "LineReader", "is_whole_object"]

MAX_LINE_BYTES = MAX_ROW_BYTES
"""The engine reads objects of at most 16 MiB."""

TOO_LONG = '"line_too_long, by sophia-metrics"'
"""Stands for a longer line: it is no object, so the line is a bad row."""

BOM = b"\xef\xbb\xbf"


class LineReader:
    """The lines of one part of a text file, piece by piece; of CSV, its rows.

    A last line without an end is given where it is a whole JSON object, where nobody writes to the file any more, or
    where the file is packed; else it waits: the piece ends before it. So does a row of CSV whose quote is open.
    """

    def __init__(self, part: FilePart, stream: ByteStream, buffer: bytearray) -> None:
        """Read from a stream that stands at the part's first byte; readers may share a buffer, one after another."""
        self.part = part
        self.is_finished = False
        self._stream = stream
        self._delimiter: bytes | None = None
        self._text_start = 0
        self._left = None if is_packed(part.file) else part.file.size_bytes - part.byte_start
        self._at = part.byte_start
        self._line = part.line_start
        self._buffer = buffer
        self._chunk = memoryview(buffer)
        self._ahead = 0
        self._tail = bytearray()
        self._given: list[Piece] = []
        self._is_skipping = False
        self._digest = hashlib.sha256()
        self._before_long_line = (self._at, self._digest)
        self._has_unended_row = False

    def look_ahead(self) -> bytes:
        """Return the first bytes of the part, a buffer full at most; call it before `copy`."""
        while self._ahead < len(self._chunk) and (size := self._fill(self._ahead)):
            self._ahead += size
        return bytes(self._chunk[: self._ahead])

    def cut_rows(self, delimiter: bytes, header_start: int = 0) -> None:
        """Read CSV: give whole rows; what stands before the header is hashed and not given. Call it before `copy`."""
        self._delimiter = delimiter
        self._text_start = header_start

    def copy(self, spool: Spool, limit: int) -> Piece:
        """Copy lines until the spool holds `limit` bytes, or a little more, or the part ends.

        Of CSV, `limit` bytes are copied: the spool may hold a header.

        Raises:
            ProcessingError: the file is damaged, or was written anew.
        """
        start, line = self._at, self._line
        self._digest = hashlib.sha256()
        full = limit if self._delimiter is None else spool.size + limit
        while spool.size < full:
            size, self._ahead = self._ahead or self._fill(), 0
            if size:
                self._take(spool, size)
            if not size or self._left == 0:
                self._finish(spool)
                self.is_finished = True
                break
        count = self._line - line
        rows = count + self._has_unended_row
        piece = Piece(self.part, start, self._at, line, count, rows, self._digest.hexdigest(), self.is_finished)
        if self.is_finished and isinstance(self._stream, FileIO):
            piece = replace(piece, prefix_sha256=_fingerprint(self._stream.fileno(), piece))
        self._given.append(piece)
        return piece

    def check_start(self) -> None:
        """Check that what stands before the part in its file is what it was when it was read.

        Raises:
            ProcessingError: it is not.
        """
        if self.part.prefix_sha256 is None or not isinstance(self._stream, FileIO):
            return
        if prefix_sha256(self._stream.fileno(), self.part.prefix_bytes) != self.part.prefix_sha256:
            raise changed(self.part.file)

    def check_unchanged(self) -> None:
        """Check that nobody wrote over what was given, or put another file in its place; a file may grow.

        Raises:
            ProcessingError: somebody did.
        """
        if not isinstance(self._stream, FileIO):
            return
        file = self.part.file
        seen = os.fstat(self._stream.fileno())
        with translated(file):
            there = Path(file.path).stat()
        if (there.st_dev, there.st_ino) != (seen.st_dev, seen.st_ino):
            raise changed(file)
        if (seen.st_size, seen.st_mtime_ns) == (file.size_bytes, file.modified_ns):
            return
        for piece in self._given:
            self._stream.seek(piece.byte_start)
            left, digest = piece.byte_end - piece.byte_start, hashlib.sha256()
            while left and (size := self._stream.readinto(self._chunk[:left])):
                digest.update(self._chunk[:size])
                left -= size
            if digest.hexdigest() != piece.content_sha256:
                raise changed(file)

    def _fill(self, start: int = 0) -> int:
        """Read on into the buffer, from `start` on; return how many bytes."""
        end = len(self._chunk) if self._left is None else start + self._left
        if end == start:
            return 0
        with translated(self.part.file):
            size = self._stream.readinto(self._chunk[start:end]) or 0
        if self._left is not None:
            if not size:
                raise changed(self.part.file)
            self._left -= size
        return size

    def _take(self, spool: Spool, size: int) -> None:
        """Take the whole lines of the chunk, and keep what follows the last line end."""
        if self._delimiter is not None and (b'"' in self._tail or self._buffer.find(b'"', 0, size) >= 0):
            self._take_rows(spool, size, self._delimiter)
            return
        last = self._buffer.rfind(b"\n", 0, size)
        if last < 0:
            self._keep(self._chunk[:size])
            return
        first = 0
        if self._tail or self._is_skipping:
            first = self._buffer.find(b"\n", 0, size) + 1
            self._end_long_line(spool, first)
        self._give(spool, self._chunk[first : last + 1])
        self._line += self._buffer.count(b"\n", 0, last + 1)
        self._keep(self._chunk[last + 1 : size])

    def _take_rows(self, spool: Spool, size: int, delimiter: bytes) -> None:
        """Take the whole rows of CSV whose cells are quoted, and keep what follows the last one."""
        first = 0
        if self._is_skipping:
            first = self._buffer.find(b"\n", 0, size) + 1
            if not first:
                self._keep(self._chunk[:size])
                return
            self._end_long_line(spool, first)
            self._line += 1
        self._tail += self._chunk[first:size]
        end = whole_rows_end(self._tail, delimiter)
        self._give(spool, self._tail[:end])
        self._line += self._tail.count(b"\n", 0, end)
        del self._tail[:end]
        self._keep(self._chunk[:0])

    def _end_long_line(self, spool: Spool, size: int) -> None:
        """Give the line that began in an earlier chunk, or what stands for it."""
        if self._is_skipping or len(self._tail) + size > MAX_LINE_BYTES:
            self._skip(self._tail)
            self._skip(self._chunk[:size])
            spool.write(TOO_LONG.encode() + b"\n")
            self._is_skipping = False
        else:
            self._give(spool, self._tail)
            self._give(spool, self._chunk[:size])
        self._tail = bytearray()

    def _give(self, spool: Spool, lines: memoryview | bytearray) -> None:
        self._digest.update(lines)
        if self._at < self._text_start:
            spool.write(lines[self._text_start - self._at :])
        elif self._at == 0:
            spool.write(lines[len(BOM) :] if bytes(lines[: len(BOM)]) == BOM else lines)
        else:
            spool.write(lines)
        self._at += len(lines)

    def _keep(self, rest: memoryview) -> None:
        """Keep the start of a line whose end is not read yet; of one that is too long, only its hash."""
        self._tail += rest
        if self._is_skipping or len(self._tail) > MAX_LINE_BYTES:
            if not self._is_skipping:
                self._before_long_line = (self._at, self._digest.copy())
            self._skip(self._tail)
            self._tail = bytearray()
            self._is_skipping = True

    def _skip(self, content: memoryview | bytearray) -> None:
        self._digest.update(content)
        self._at += len(content)

    def _finish(self, spool: Spool) -> None:
        """Give the last line, which has no end, or leave it for later."""
        if self._is_skipping and not self._is_complete():
            self._at, self._digest = self._before_long_line
        elif self._is_skipping:
            spool.write(TOO_LONG.encode() + b"\n")
            self._has_unended_row = True
        elif self._tail and (self._is_complete() or (self._delimiter is None and is_whole_object(self._tail))):
            self._give(spool, self._tail)
            self._line += self._tail.count(b"\n")
            if self._delimiter is None:
                spool.write(b"\n")
            self._has_unended_row = True

    def _is_complete(self) -> bool:
        return self.part.is_settled or is_packed(self.part.file)


def _fingerprint(descriptor: int, piece: Piece) -> str:
    """Return the fingerprint of the file up to the end of a piece; what was hashed already is not read again."""
    if piece.byte_start == 0 and piece.byte_end <= WHOLE_PREFIX_BYTES:
        return piece.content_sha256
    return prefix_sha256(descriptor, piece.byte_end)


def is_whole_object(line: bytes | bytearray) -> bool:
    """Say whether these bytes are one JSON object and nothing else: then nothing of it is still to come."""
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(json.loads(line.removeprefix(BOM)), dict)
    except (ValueError, RecursionError):
        return False
