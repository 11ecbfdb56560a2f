"""Blocks: what the engine reads at once, so that memory depends on the block and not on the file."""

from dataclasses import dataclass

from sophia_metrics.errors import SophiaError
from sophia_metrics.sources.file_kind import FileKind
from sophia_metrics.sources.part import FilePart, Piece

__all__ = ["Block", "RefusedError"]


class RefusedError(Exception):
    """A file cannot be read to its end, or changed meanwhile: nothing of it may be kept."""

    def __init__(self, part: FilePart, error: SophiaError) -> None:
        super().__init__(str(error))
        self.part = part
        self.error = error


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that the engine reads at once, in order.

    Attributes:
        path: what it opens; valid until the next block is asked for. Of a copy: until the one after that is.
        kind: how they are written. CSV: with a header.
        pieces: where they come from. More than one: each is lines of JSON, or a whole Parquet file of the same columns.
        ends: where in `path` the lines of each piece end, in bytes. Empty: there is one piece, or it is Parquet.
        is_open: the last piece's file goes on in the next block and must not be parted from it.
        is_copy: its rows are a copy in memory: the next block may be made while it is read.
    """

    path: str
    kind: FileKind
    pieces: tuple[Piece, ...]
    ends: tuple[int, ...] = ()
    is_open: bool = False
    is_copy: bool = False
