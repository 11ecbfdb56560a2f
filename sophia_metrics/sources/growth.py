"""Growing files: whether what was read of a file still stands there, and from which byte on it is read."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sophia_metrics.sources.byte_stream import is_packed
from sophia_metrics.sources.file_kind import FileKind, file_kind
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.lines import MAX_LINE_BYTES, is_whole_object
from sophia_metrics.sources.part import FilePart
from sophia_metrics.sources.records import is_array

__all__ = ["WHOLE_PREFIX_BYTES", "Position", "is_resumable", "part_to_read", "prefix_sha256"]

BLOCK_BYTES = 1 << 20
BLOCKS = 64
WHOLE_PREFIX_BYTES = BLOCKS * BLOCK_BYTES
"""A prefix of up to 64 MiB is hashed whole, a longer one at 64 places that are spread evenly over it, both ends among
them: so the cost of looking at a log does not grow with it."""

_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file has been read, as in file_positions."""

    reading_id: str
    size_bytes: int
    modified_ns: int
    byte_end: int
    line_end: int
    prefix_sha256: str | None


def part_to_read(file: SourceFile, position: Position | None, file_format: Format, now: datetime) -> FilePart | None:
    """Return what there is to read of a file. None: nothing.

    A file that only grew is read from where it was read to; a file that changed in any other way from its start. A last
    line that is cut off is read once nobody has written to the file for the format's settling hours.

    Args:
        file: the file, as it is now.
        position: how far it has been read. None: it is new.
        file_format: its format.
        now: the present (naive UTC).
    """
    is_settled = _modified_at(file) < now - timedelta(hours=file_format.settling_hours)
    if position is None:
        return FilePart(file, uuid4().hex, is_settled=is_settled)
    is_same = (file.size_bytes, file.modified_ns) == (position.size_bytes, position.modified_ns)
    if is_same and (position.prefix_sha256 is None or position.byte_end == file.size_bytes or not is_settled):
        return None
    if is_same or _has_grown(file, position):
        start = _resume_at(file, position.byte_end)
        if start is not None:
            return FilePart(file, position.reading_id, start, position.line_end, is_settled)
    return FilePart(file, uuid4().hex, is_settled=is_settled)


def is_resumable(file: SourceFile, file_format: Format) -> bool:
    """Say whether what is appended to the file can be read without what stands before it."""
    if is_packed(file) or file_format.reads_whole or not file_format.resumes:
        return False
    if file_kind(file.path) is FileKind.PARQUET:
        return False
    if not file.path.lower().endswith(".json"):
        return True
    with Path(file.path).open("rb") as head:
        return not is_array(file, head.read(_HEAD_BYTES))


def prefix_sha256(path: str, size_bytes: int) -> str:
    """Return the fingerprint of the first bytes of a file, in hex: up to 64 MiB their SHA-256."""
    digest = hashlib.sha256()
    with Path(path).open("rb", buffering=0) as file:
        for start, end in _places(size_bytes):
            file.seek(start)
            left = end - start
            while left and (block := file.read(left)):
                digest.update(block)
                left -= len(block)
    return digest.hexdigest()


def _modified_at(file: SourceFile) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=file.modified_ns // 1000)  # noqa: DTZ001 - naive UTC


def _has_grown(file: SourceFile, position: Position) -> bool:
    """Say whether the bytes that were read are still the first ones of the file."""
    if position.prefix_sha256 is None or file.size_bytes < position.byte_end:
        return False
    try:
        return prefix_sha256(file.path, position.byte_end) == position.prefix_sha256
    except OSError:  # reading it says why
        return False


def _resume_at(file: SourceFile, byte_end: int) -> int | None:
    """Return where to go on: at `byte_end`, or where the line begins of which only a part was read. None: unknown."""
    with Path(file.path).open("rb") as opened:
        opened.seek(max(byte_end - MAX_LINE_BYTES, 0))
        before = opened.read(min(byte_end, MAX_LINE_BYTES))
    if not before or before.endswith(b"\n"):
        return byte_end
    if file_kind(file.path) is FileKind.CSV:
        return None
    line = before[before.rfind(b"\n") + 1 :]
    if len(line) == MAX_LINE_BYTES:
        return None
    return byte_end if is_whole_object(line) else byte_end - len(line)


def _places(size_bytes: int) -> list[tuple[int, int]]:
    if size_bytes <= WHOLE_PREFIX_BYTES:
        return [(start, min(start + BLOCK_BYTES, size_bytes)) for start in range(0, size_bytes, BLOCK_BYTES)]
    last = size_bytes - BLOCK_BYTES
    starts = (last * place // (BLOCKS - 1) for place in range(BLOCKS))
    return [(start, start + BLOCK_BYTES) for start in starts]
