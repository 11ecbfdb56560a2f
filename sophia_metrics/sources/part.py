"""Parts of files: what is to be read of a file, and what was read of it."""

from dataclasses import dataclass

from sophia_metrics.sources.file_source import SourceFile

__all__ = ["FilePart", "Piece", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not read at all, and why, in a sentence."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """What is to be read of a file: all from one byte on, up to the length that it had when it was found.

    Attributes:
        file: the file.
        reading_id: names the reading that began at the file's first byte and that this part continues.
        byte_start: first byte to read, from 0.
        line_start: number of the line there, from 1.
        prefix_sha256: fingerprint of the first `prefix_bytes` bytes, which were read before. None: none were.
        is_settled: nobody writes to it any more: a last line that is cut off stays so, and is a bad row.
    """

    file: SourceFile
    reading_id: str
    byte_start: int = 0
    line_start: int = 1
    prefix_sha256: str | None = None
    prefix_bytes: int = 0
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read of a part in one go: whole lines, or some rows of a Parquet file.

    Attributes:
        part: the part.
        byte_start: first byte that was read, from 0. Packed files: of the unpacked text. Parquet: the first row.
        byte_end: the byte after the last one. Parquet: the row after the last one.
        line_start: number of the first line, from 1. Parquet: of the first row.
        line_count: ends of lines in it. Parquet: rows.
        row_count: rows that it gave; before it is read, lines that it may give.
        content_sha256: hash of its bytes, in hex. Parquet: of the whole file.
        is_last: the part ends with it.
        prefix_sha256: fingerprint of the file up to byte_end, of the last piece of a plain text file. None: any
            other.
    """

    part: FilePart
    byte_start: int
    byte_end: int
    line_start: int
    line_count: int
    row_count: int
    content_sha256: str
    is_last: bool
    prefix_sha256: str | None = None
