"""Cutting files into blocks: lines of text are copied, so that what is hashed is what is read."""

import hashlib
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from sophia_metrics.errors import ConfigurationError, ProcessingError, SophiaError
from sophia_metrics.quoting import file_pattern, literal
from sophia_metrics.sources.block import Block, RefusedError
from sophia_metrics.sources.byte_stream import damaged, open_stream, translated
from sophia_metrics.sources.file_keys import check_keys
from sophia_metrics.sources.file_kind import FileKind, file_kind
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.lines import BOM, LineReader, is_whole_object
from sophia_metrics.sources.parquet_blocks import ParquetBlocks
from sophia_metrics.sources.part import FilePart, Piece
from sophia_metrics.sources.records import delimiter_of, header_line, header_start, is_array, split_cells
from sophia_metrics.sources.spool import Spool

__all__ = ["BLOCK_BYTES", "BlockReader"]

BLOCK_BYTES = 64 << 20
"""Text that is read at once; while it is, the next text is copied."""

_BUFFER_BYTES = 1 << 20
_EMPTY_ARRAY = re.compile(rb"\[\s*\]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class BlockReader:
    """Reads parts of files of one format as blocks, in their order; small files of JSON lines share a block."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        file_format: Format,
        scratch: Path,
        refuse: Callable[[FilePart, SophiaError], None],
        *,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        """Make a reader.

        Args:
            connection: describes Parquet files and takes JSON arrays apart.
            file_format: the format of all files.
            scratch: a folder for temporary files.
            refuse: is told of each file that is refused before anything of it was read.
            block_bytes: how much text goes into a block.
        """
        self._connection = connection
        self._format = file_format
        self._scratch = scratch
        self._refuse = refuse
        self._block_bytes = block_bytes
        self._buffer = bytearray(_BUFFER_BYTES)
        self._pieces: list[Piece] = []
        self._ends: list[int] = []
        self._has_begun = False
        self._parquet = ParquetBlocks(connection, file_format, scratch)
        self._spools = [Spool(scratch), Spool(scratch)]

    def read(self, parts: Sequence[FilePart]) -> Generator[Block]:
        """Yield the blocks of these parts.

        Raises:
            RefusedError: a file turned out to be damaged, or changed, after some of it was read.
        """
        for part in parts:
            self._has_begun = False
            try:
                yield from self._read_part(part)
            except SophiaError as error:
                if self._has_begun:
                    raise RefusedError(part, error) from error
                self._refuse(part, error)
        yield from self._flush()
        yield from self._parquet.flush()

    @property
    def _spool(self) -> Spool:
        """What is copied to; the other one may still be read."""
        return self._spools[0]

    def _take_other_spool(self) -> None:
        self._spools.reverse()
        self._spool.clear()

    def _read_part(self, part: FilePart) -> Iterator[Block]:
        if part.file.member is None and part.file.path.lower().endswith(".zip"):
            raise damaged(part.file.name)
        kind = file_kind(part.file.member or part.file.path)
        if kind is FileKind.PARQUET:
            yield from self._flush()
            yield from self._parquet.read(part)
            return
        yield from self._parquet.flush()
        with open_stream(part.file, part.byte_start) as stream:
            reader = LineReader(part, stream, self._buffer)
            reader.check_start()
            head = reader.look_ahead()
            if part.byte_start == 0:
                _check_text(head, part.file, kind, self._format)
            if kind is FileKind.CSV:
                yield from self._flush()
                yield from self._read_csv(reader, self._head_of(part, head))
            elif part.byte_start == 0 and is_array(part.file, head):
                yield from self._flush()
                yield from self._read_array(part)
            else:
                yield from self._read_lines(reader)

    def _read_lines(self, reader: LineReader) -> Iterator[Block]:
        self._has_begun = True
        while not reader.is_finished:
            piece = reader.copy(self._spool, self._block_bytes)
            self._pieces.append(piece)
            self._ends.append(self._spool.size)
            if self._spool.size >= self._block_bytes:
                yield from self._flush(is_open=self._format.reads_whole and not piece.is_last)
        reader.check_unchanged()

    def _read_csv(self, reader: LineReader, head: bytes) -> Iterator[Block]:
        self._has_begun = True
        is_first = reader.part.byte_start == 0
        start, header = header_start(head), header_line(head)
        line_end = b"\r\n" if head.startswith(b"\r", start + len(header)) else b"\n"
        reader.cut_rows(delimiter_of(header), start)
        while not reader.is_finished:
            if not is_first:
                self._spool.write(header + line_end)
            is_first = False
            piece = reader.copy(self._spool, self._block_bytes)
            is_open = self._format.reads_whole and not piece.is_last
            yield Block(self._spool.path, FileKind.CSV, (piece,), is_open=is_open, is_copy=True)
            self._take_other_spool()
        reader.check_unchanged()

    def _flush(self, *, is_open: bool = False) -> Iterator[Block]:
        """Yield what the spool holds."""
        if self._pieces:
            pieces, ends = tuple(self._pieces), tuple(self._ends)
            self._pieces.clear()
            self._ends.clear()
            yield Block(self._spool.path, FileKind.JSONL, pieces, ends, is_open, is_copy=True)
            self._take_other_spool()

    def _head_of(self, part: FilePart, head: bytes) -> bytes:
        """Return the first bytes of the file, of which `head` are those of the part."""
        if part.byte_start == 0:
            return head
        with open_stream(part.file) as stream, translated(part.file):
            size = stream.readinto(memoryview(first := bytearray(_BUFFER_BYTES))) or 0
        return bytes(first[:size])

    def _read_array(self, part: FilePart) -> Iterator[Block]:
        """Let the engine write the elements of an array one a line."""
        with TemporaryDirectory(dir=self._scratch, prefix="array-") as folder:
            whole, lines = Path(folder) / "array.json", Path(folder) / "array.jsonl"
            size, sha256 = _unpack_to(part.file, whole)
            try:
                self._connection.execute(
                    # Between the tokens of JSON a line end is a space; within them there is none.
                    "COPY (SELECT translate(json, chr(10) || chr(13), '  ') FROM read_json_objects("
                    f"{file_pattern(str(whole))}, format = 'array', maximum_object_size = {_BUFFER_BYTES << 4})) "
                    f"TO {literal(str(lines))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
                )
            except duckdb.Error:  # not chained: the message quotes the text, and with it what people wrote
                raise ProcessingError(
                    f"{part.file.name} is no valid JSON array: it is cut off, or an element is broken. "
                    "Get it again where it comes from, or write one object a line."
                ) from None
            whole.unlink()
            self._has_begun = True
            piece = Piece(part, 0, size, 1, 0, 0, sha256, is_last=True)
            yield Block(str(lines), FileKind.JSONL, (piece,))


def _check_text(head: bytes, file: SourceFile, kind: FileKind, file_format: Format) -> None:
    """Check that a text file is of this format; an empty file is of any.

    Raises:
        ConfigurationError: it is of another.
        ProcessingError: it is no UTF-8 text.
    """
    if head[:2] in _UTF16:
        raise ProcessingError(f"{file.name} is written in UTF-16: convert it to UTF-8, and ingest that.")
    text = head.removeprefix(BOM).strip()
    if not text or _EMPTY_ARRAY.fullmatch(text):
        return
    if kind is FileKind.CSV:
        if b"\n" not in head and b"\r" in head[:-1]:
            raise ProcessingError(
                f"{file.name} ends its lines with a carriage return alone: save it with line feeds, and ingest that."
            )
        header = header_line(head)
        cells = [cell.decode("utf-8", "replace") for cell in split_cells(header, delimiter_of(header)) or []]
        check_keys(cells, file, file_format, file_format.required)
        _refuse_twice(cells, file, file_format)
        return
    if len(head) == _BUFFER_BYTES and b"\n" not in head:
        return  # a first line this long may be a bad row, or have its keys at its end
    if not any(f'"{key}"'.encode() in head for key in file_format.signature):
        is_unfinished = len(head) < _BUFFER_BYTES and b"\n" not in head.removeprefix(BOM).lstrip()
        if is_unfinished and text.startswith(b"{") and not is_whole_object(text):
            return
        check_keys(set(), file, file_format, ())


def _refuse_twice(cells: Sequence[str], file: SourceFile, file_format: Format) -> None:
    twice = sorted({cell for cell in cells if cell in file_format.file_types and cells.count(cell) > 1})
    if twice:
        raise ConfigurationError(
            f"{file.name} has two columns named {', '.join(twice)}: which of them is meant? "
            "Rename or remove one in each pair, and ingest it again."
        )


def _unpack_to(file: SourceFile, target: Path) -> tuple[int, str]:
    """Write the text of a file, unpacked and without its mark; return its size and hash."""
    digest, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    with open_stream(file) as stream, translated(file), target.open("wb") as unpacked:
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
            has_mark = size == 0 and bytes(buffer[: len(BOM)]) == BOM
            unpacked.write(buffer[len(BOM) if has_mark else 0 : count])
            size += count
    return size, digest.hexdigest()
