"""Parquet files as blocks: large ones in spans of rows; small ones of the same columns share a block.

A statement over some thirty columns costs as much as reading ten thousand rows: it should not be made file by file.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import duckdb

from sophia_metrics.errors import SophiaError
from sophia_metrics.frames import fetch_row
from sophia_metrics.quoting import file_pattern
from sophia_metrics.sources.block import Block, RefusedError
from sophia_metrics.sources.byte_stream import changed, damaged, translated
from sophia_metrics.sources.file_keys import check_keys, hive_keys
from sophia_metrics.sources.file_kind import FileKind
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.part import FilePart, Piece

__all__ = ["BLOCK_ROWS", "ParquetBlocks"]

BLOCK_ROWS = 500_000
"""Rows that are read at once."""
BLOCK_FILES = 100
"""Files that are read at once: the engine holds up to half a MiB of each."""


@dataclass(frozen=True, slots=True)
class _Described:
    """A file that can be read.

    Attributes:
        part: what is read of it: all.
        path: where its bytes are.
        columns: name and type of each of its columns, in order.
        row_count: how many rows it has.
        sha256: hash of its bytes, in hex.
    """

    part: FilePart
    path: Path
    columns: tuple[tuple[str, str], ...]
    row_count: int
    sha256: str

    @property
    def piece(self) -> Piece:
        """The whole file."""
        return self.span(0, self.row_count)

    def span(self, start: int, end: int) -> Piece:
        """Return some of its rows."""
        count = end - start
        return Piece(self.part, start, end, start + 1, count, count, self.sha256, end == self.row_count)

    def is_like(self, other: "_Described") -> bool:
        """Say whether one statement reads both."""
        return self.columns == other.columns and hive_keys(self.part.file) == hive_keys(other.part.file)

    def check_unchanged(self) -> None:
        """Check that what was read is what was hashed.

        Raises:
            RefusedError: the file was written anew meanwhile, or is gone.
        """
        try:
            with translated(self.part.file):
                is_changed = _is_touched(self.part.file) and _file_sha256(self.path) != self.sha256
        except SophiaError as error:
            raise RefusedError(self.part, error) from error
        if is_changed:
            raise RefusedError(self.part, changed(self.part.file))


class ParquetBlocks:
    """Reads Parquet files of one format as blocks, in their order."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, file_format: Format, scratch: Path) -> None:
        """Make a reader.

        Args:
            connection: describes the files.
            file_format: the format of all files.
            scratch: a folder for those that are taken out of archives.
        """
        self._connection = connection
        self._format = file_format
        self._scratch = scratch
        self._held: list[_Described] = []

    def read(self, part: FilePart) -> Iterator[Block]:
        """Yield blocks up to this file; a small one is held back, for those that come after it.

        Raises:
            ConfigurationError: it is of another format.
            ProcessingError: it is damaged, which was found before anything of it was read.
            RefusedError: some file changed while it was read.
        """
        if part.file.member is None:
            described = self._described(part, Path(part.file.path))
            yield from self._take(described)
            return
        yield from self.flush()
        with TemporaryDirectory(dir=self._scratch, prefix="member-") as folder:
            path = Path(folder) / "member.parquet"
            with translated(part.file), ZipFile(part.file.path) as archive, path.open("wb") as target:
                copyfileobj(archive.open(part.file.member), target)
            yield from self._spans(self._described(part, path))

    def flush(self) -> Iterator[Block]:
        """Yield the files that are held back; the errors are those of `read`."""
        held, self._held = self._held, []
        if held:
            yield Block(str(held[0].path), FileKind.PARQUET, tuple(each.piece for each in held))
        for each in held:
            each.check_unchanged()

    def _take(self, described: _Described) -> Iterator[Block]:
        count = described.row_count
        held = sum(each.row_count for each in self._held)
        is_full = held + count > BLOCK_ROWS or len(self._held) == BLOCK_FILES
        if self._held and (is_full or not described.is_like(self._held[-1])):
            yield from self.flush()
        if count <= BLOCK_ROWS:
            self._held.append(described)
            return
        yield from self._spans(described)
        described.check_unchanged()

    def _spans(self, described: _Described) -> Iterator[Block]:
        count = described.row_count
        for start in range(0, max(count, 1), BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, count)
            is_open = self._format.lands_whole and end < count
            yield Block(str(described.path), FileKind.PARQUET, (described.span(start, end),), is_open=is_open)

    def _described(self, part: FilePart, path: Path) -> _Described:
        with translated(part.file):
            sha256 = _file_sha256(path)
        source = f"read_parquet({file_pattern(str(path))}, hive_partitioning = false)"
        try:
            found = self._connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            counted = fetch_row(self._connection, f"SELECT count(*) FROM {source}")
        except duckdb.Error:
            raise damaged(part.file.name) from None
        columns = tuple((str(row[0]), str(row[1])) for row in found)
        keys = dict(columns).keys() | hive_keys(part.file).keys()
        check_keys(keys, part.file, self._format, self._format.required)
        return _Described(part, path, columns, int(counted[0]) if counted else 0, sha256)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_touched(file: SourceFile) -> bool:
    with translated(file):
        seen = SourceFile.of(Path(file.path))
    return (seen.size_bytes, seen.modified_ns) != (file.size_bytes, file.modified_ns)
