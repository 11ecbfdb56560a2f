"""Mended lines: those of a block with each bad one replaced by a good one that says what is wrong with it.

So one strict scan reads good and bad rows alike, in their order, at the engine's full speed.
"""

import io
import mmap
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, islice
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import uuid4

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_frame
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.json_scans import NO_TEXT, absent_jsonl, judged_jsonl, strict_jsonl
from sophia_metrics.sources.scans import BAD_CONTENT
from sophia_metrics.sources.spool import Spool

__all__ = ["PART_BYTES", "LineMender"]

PART_BYTES = 4 << 20
"""Of lines that a strict scan refuses, all of a part of this size are looked at."""

_CHUNK_BYTES = 1 << 20
_SLICE_BYTES = 1 << 16
_BATCH_BYTES = 8 << 20
"""Lines of a block that are looked at together."""
_RARE_RATIO = 1 / 8
"""What fewer lines than this lack is missed in a line."""

Given = TypeVar("Given")
Found = TypeVar("Found")


class _Line(NamedTuple):
    """A line that is not blank: where it stands, and its bytes."""

    start: int
    content: bytes


class LineMender:
    """Writes lines anew with the bad ones mended; a strict scan of what it wrote tells whether it found all of them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, file_format: Format, scratch: Path) -> None:
        """Make a mender.

        Args:
            connection: runs the scans; nothing of them stays in it.
            file_format: the format of the lines.
            scratch: a folder for temporary files.
        """
        self._connection = connection
        self._format = file_format
        self._scratch = scratch
        self._defect_key = f"__{uuid4().hex}"  # nobody can have written it into a file

    def scan(self, path: str) -> str:
        """Return a strict scan of lines that were written here; a mended one has its defect."""
        return strict_jsonl(path, self._format, defect_key=self._defect_key)

    def mend_striking(self, path: str, line_count: int, target: Spool) -> None:
        """Look only at lines that lack what nearly all others have, and mend those of them that are bad.

        Args:
            path: the lines.
            line_count: how many there are, blank ones too.
            target: takes the lines.
        """
        absent = fetch_frame(self._connection, absent_jsonl(self._connection, path, self._format))
        lines = _lines_of_rows(path, _striking(absent), has_blank_lines=absent.height != line_count)
        target.write_all(_replaced(path, self._mended(lines)))

    def mend_refused(self, path: str, target: Spool) -> None:
        """Look at every line of the parts that a strict scan refuses, and mend those that are bad."""
        parts = (text for _, text in _chunks(path, PART_BYTES))
        target.write_all(text for _, text in _in_threads(self._mended_part, parts))

    def _mended(self, lines: Iterator[_Line]) -> Iterator[tuple[_Line, bytes]]:
        """Yield those of the lines that are bad, in their order, with what replaces them."""

        def judge(batch: Sequence[_Line]) -> dict[int, bytes]:
            return self._judge(b"".join(line.content for line in batch), finds_twice=False)

        for batch, found in _in_threads(judge, _batches(lines)):
            yield from ((batch[place], replacement) for place, replacement in found.items())

    def _mended_part(self, text: bytes) -> bytes:
        """Return the lines with the bad ones mended; that one has a key twice is looked for where all else is right."""
        for finds_twice in (False, True):
            if self._passes(text):
                break
            found = self._judge(text, finds_twice=finds_twice)
            lines = (line for line in io.BytesIO(text) if line.strip())
            text = b"".join(found.get(place, line) for place, line in enumerate(lines))
        return text

    def _passes(self, text: bytes) -> bool:
        with Spool(self._scratch) as spool, self._connection.cursor() as cursor:
            spool.write(text)
            try:
                cursor.execute(f"SELECT count(COLUMNS(*)) FROM ({self.scan(spool.path)})").fetchall()
            except BAD_CONTENT:
                return False
            return True

    def _judge(self, text: bytes, *, finds_twice: bool) -> dict[int, bytes]:
        """Return what replaces the bad lines of a text, by their number from 0, blank ones left out."""
        with Spool(self._scratch) as spool, self._connection.cursor() as cursor:
            spool.write(text)
            cursor.execute("SET TimeZone = 'UTC'")  # the offset of a zone long ago had seconds, which are not written
            judged = judged_jsonl(
                cursor, spool.path, self._format, defect_key=self._defect_key, finds_twice=finds_twice
            )
            return {place: line.encode() + b"\n" for place, line in cursor.execute(judged).fetchall()}


def _striking(absent: pl.DataFrame) -> Sequence[int]:
    """Return the rows that lack everything, or something of a certain type that others rarely lack."""
    is_empty = absent.select(pl.all_horizontal(pl.all())).to_series()
    counts = dict(zip(absent.columns, absent.sum().row(0), strict=True))
    most = len(is_empty.arg_true()) + absent.height * _RARE_RATIO
    rare = [name for name, count in counts.items() if name != NO_TEXT and count <= most]
    lacks = absent.select(pl.any_horizontal(rare)).to_series() if rare else is_empty
    return (lacks | is_empty).arg_true().to_list()


def _in_threads(work: Callable[[Given], Found], given: Iterator[Given]) -> Iterator[tuple[Given, Found]]:
    """Yield what is given with what came of it, in its order; no more of it is held than there are threads."""
    workers = os.cpu_count() or 2
    with ThreadPoolExecutor(workers) as pool:
        while taken := list(islice(given, workers)):
            yield from zip(taken, pool.map(work, taken), strict=True)


def _chunks(path: str, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines of about this size together, with where they start."""
    at = 0
    with Path(path).open("rb") as source:
        while text := source.read(size):
            text += source.readline()
            yield at, text
            at += len(text)


def _lines_of_rows(path: str, rows: Sequence[int], *, has_blank_lines: bool) -> Iterator[_Line]:
    """Yield the lines that these rows are, which are in order; a blank line is no row."""
    first = at = 0
    for start, text in _chunks(path, _CHUNK_BYTES):
        lines = io.BytesIO(text).readlines()
        filled = [place for place, line in enumerate(lines) if line.strip()] if has_blank_lines else range(len(lines))
        wanted = rows[at : (at := bisect_left(rows, first + len(filled), lo=at))]
        if wanted:
            starts = list(accumulate(map(len, lines), initial=start))
            yield from (_Line(starts[place], lines[place]) for place in (filled[row - first] for row in wanted))
        first += len(filled)


def _batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    """Yield lines together that are of about one size."""
    batch: list[_Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.content)
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _replaced(path: str, replacements: Iterable[tuple[_Line, bytes]]) -> Iterator[bytes]:
    """Yield the text with these lines replaced."""
    with Path(path).open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as text:
        at = 0
        for line, replacement in replacements:
            yield from _slices(text, at, line.start)
            yield replacement
            at = line.start + len(line.content)
        yield from _slices(text, at, len(text))


def _slices(text: mmap.mmap, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _SLICE_BYTES):
        yield text[at : min(at + _SLICE_BYTES, end)]
