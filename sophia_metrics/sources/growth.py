"""Growing files: whether what was read of a file still stands there, and from which byte on it is read."""

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
from sophia_metrics.sources.prefix import prefix_sha256

__all__ = ["Position", "part_to_read", "still_stands"]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file has been read, as in file_positions."""

    reading_id: str
    size_bytes: int
    modified_ns: int
    byte_end: int
    line_end: int
    prefix_sha256: str | None


def part_to_read(
    file: SourceFile, position: Position | None, file_format: Format, now: datetime, *, is_finished: bool = False
) -> FilePart | None:
    """Return what there is to read of a file. None: nothing.

    A file that only grew is read from where it was read to; a file that changed in any other way from its start. A last
    line that is cut off is read once nobody has written to the file for the format's settling hours.

    Args:
        file: the file, as it is now.
        position: how far it has been read. None: it is new.
        file_format: its format.
        now: the present (naive UTC).
        is_finished: nobody writes to the file any more, however young it is.
    """
    is_settled = is_finished or _modified_at(file) < now - timedelta(hours=file_format.settling_hours)
    if position is None:
        return FilePart(file, uuid4().hex, is_settled=is_settled)
    is_same = (file.size_bytes, file.modified_ns) == (position.size_bytes, position.modified_ns)
    if is_same and not (is_settled and _has_waiting_line(file, position)):
        return None
    if is_same or _has_grown(file, position):
        start = _resume_at(file, position)
        if start is not None:
            known = (position.prefix_sha256, position.byte_end)
            return FilePart(file, position.reading_id, start, position.line_end, *known, is_settled)
    return FilePart(file, uuid4().hex, is_settled=is_settled)


def _has_waiting_line(file: SourceFile, position: Position) -> bool:
    """Say whether a part of a text file was left, because its last line had no end."""
    is_text = not is_packed(file) and file_kind(file.path) is not FileKind.PARQUET
    return is_text and position.byte_end < file.size_bytes


def still_stands(path: Path, size_bytes: int, fingerprint: str) -> bool:
    """Say whether the first bytes of a file are those that were read."""
    try:
        with path.open("rb") as file:
            return prefix_sha256(file.fileno(), size_bytes) == fingerprint
    except OSError:  # reading it says why
        return False


def _modified_at(file: SourceFile) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=file.modified_ns // 1000)  # noqa: DTZ001 - naive UTC


def _has_grown(file: SourceFile, position: Position) -> bool:
    """Say whether the bytes that were read are still the first ones of the file."""
    if position.prefix_sha256 is None or file.size_bytes < position.byte_end:
        return False
    return still_stands(Path(file.path), position.byte_end, position.prefix_sha256)


def _resume_at(file: SourceFile, position: Position) -> int | None:
    """Return where to go on: where it was read to, or where the line begins of which only a part was read.

    None: from the start.
    """
    byte_end = position.byte_end
    if position.prefix_sha256 is None:
        return None
    try:
        with Path(file.path).open("rb") as opened:
            opened.seek(max(byte_end - MAX_LINE_BYTES, 0))
            before = opened.read(min(byte_end, MAX_LINE_BYTES))
    except OSError:  # reading it says why
        return None
    if not before or before.endswith(b"\n"):
        return byte_end
    if file_kind(file.path) is FileKind.CSV:
        return None
    line = before[before.rfind(b"\n") + 1 :]
    if len(line) == MAX_LINE_BYTES:
        return None
    return byte_end if is_whole_object(line) else byte_end - len(line)
