"""Copying the lines of a file into a spool: whole lines only, each byte of them hashed as it is copied."""

import hashlib
import json
import os
from io import FileIO

from sophia_metrics.sources.byte_stream import ByteStream, changed, is_packed, translated
from sophia_metrics.sources.part import FilePart, Piece
from sophia_metrics.sources.spool import Spool

__all__ = ["BOM", "MAX_LINE_BYTES", "TOO_LONG", "LineReader", "is_whole_object"]

MAX_LINE_BYTES = (1 << 24) - 1024
"""The engine reads objects of at most 16 MiB."""

TOO_LONG = '"line_too_long, by sophia-metrics"'
"""Stands for a longer line: it is no object, so the line is a bad row."""

BOM = b"\xef\xbb\xbf"


class LineReader:
    """The lines of one part of a text file, piece by piece.

    A last line without an end is given where it is a whole JSON object, where nobody writes to the file any more, or
    where the file is packed or CSV; else it waits: the piece ends before it.
    """

    def __init__(self, part: FilePart, stream: ByteStream, buffer: bytearray, *, is_csv: bool) -> None:
        """Read from a stream that stands at the part's first byte; readers may share a buffer, one after another."""
        self.part = part
        self.is_finished = False
        self._stream = stream
        self._is_csv = is_csv
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
        self._has_odd_quotes = False

    def look_ahead(self) -> bytes:
        """Return the first bytes of the part, a buffer full at most; call it before `copy`."""
        while self._ahead < len(self._chunk) and (size := self._fill(self._ahead)):
            self._ahead += size
        return bytes(self._chunk[: self._ahead])

    def copy(self, spool: Spool, limit: int) -> Piece:
        """Copy lines until the spool holds `limit` bytes, or a little more, or the part ends.

        Raises:
            ProcessingError: the file is damaged, or was written anew.
        """
        start, line = self._at, self._line
        self._digest = hashlib.sha256()
        while spool.size < limit or (self._has_odd_quotes and spool.size < 2 * limit):
            size, self._ahead = self._ahead or self._fill(), 0
            if not size:
                self._finish(spool)
                self.is_finished = True
                break
            self._take(spool, size)
        count = self._line - line
        rows = count + self._has_unended_row
        piece = Piece(self.part, start, self._at, line, count, rows, self._digest.hexdigest(), self.is_finished)
        self._given.append(piece)
        return piece

    def check_unchanged(self) -> None:
        """Check that nobody wrote over what was given; a file may grow, or be replaced as a whole.

        Raises:
            ProcessingError: somebody did.
        """
        if not isinstance(self._stream, FileIO):
            return
        file = self.part.file
        seen = os.fstat(self._stream.fileno())
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
        if self._is_csv and self._buffer.count(b'"', 0, last + 1) % 2:
            self._has_odd_quotes = not self._has_odd_quotes
        self._keep(self._chunk[last + 1 : size])

    def _end_long_line(self, spool: Spool, size: int) -> None:
        """Give the line that began in an earlier chunk, or what stands for it."""
        if self._is_skipping or len(self._tail) + size > MAX_LINE_BYTES:
            self._skip(self._tail)
            self._skip(self._chunk[:size])
            spool.write(TOO_LONG.encode() + b"\n")
            self._is_skipping = False
        else:
            if self._is_csv and self._tail.count(b'"') % 2:
                self._has_odd_quotes = not self._has_odd_quotes
            self._give(spool, self._tail)
            self._give(spool, self._chunk[:size])
        self._tail = bytearray()

    def _give(self, spool: Spool, lines: memoryview | bytearray) -> None:
        self._digest.update(lines)
        if self._at == 0:
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
        elif self._tail and (self._is_csv or self._is_complete() or is_whole_object(self._tail)):
            self._give(spool, self._tail)
            spool.write(b"\n")
            self._has_unended_row = True

    def _is_complete(self) -> bool:
        return self.part.is_settled or is_packed(self.part.file)


def is_whole_object(line: bytes | bytearray) -> bool:
    """Say whether these bytes are one JSON object and nothing else: then nothing of it is still to come."""
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(json.loads(line.removeprefix(BOM)), dict)
    except (ValueError, RecursionError):
        return False
