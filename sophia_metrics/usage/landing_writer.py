"""Landing files: reading parts of them, and writing their rows as landed files with identities hashed."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Self
from uuid import uuid4

import duckdb
import polars as pl

from sophia_metrics.durable import sync_file, sync_folder, unplaced_file
from sophia_metrics.errors import ServiceUnavailableError, SophiaError
from sophia_metrics.quoting import identifier, literal
from sophia_metrics.sources.block import RefusedError
from sophia_metrics.sources.blocks import BLOCK_BYTES, BlockReader
from sophia_metrics.sources.fields import Field, fields_of
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.part import FilePart, Piece, Refusal
from sophia_metrics.sources.read_ahead import read_ahead
from sophia_metrics.sources.reader import create_raw, empty_containers, read_block
from sophia_metrics.usage.erasing import without_forgotten, write_landed
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.landing import LandedFile, Landing
from sophia_metrics.usage.quarantine import NAME_PATTERN
from sophia_metrics.usage.rules import RULES_VERSION
from sophia_metrics.usage.tombstones import NOBODY, Tombstones

__all__ = ["Landed", "land"]

LANDING_ROWS = 1_000_000
"""A landed file is closed at so many rows: what comes after it needs memory for one at a time."""

CASED_FILES = 250
"""The names of more files than this are joined to their rows, which takes longer; of fewer a CASE says the place."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What came of a batch.

    Attributes:
        landings: the landed files, in the order in which they must be committed.
        refused: the files that were refused, and why.
        quiet: the parts in which nothing was that can be landed yet: a line that is still being written.
    """

    landings: tuple[Landing, ...]
    refused: tuple[Refusal, ...]
    quiet: tuple[FilePart, ...] = ()


def land(
    connection: duckdb.DuckDBPyConnection,
    source: FileSource,
    parts: Sequence[FilePart],
    *,
    identity: Identity,
    folder: Path,
    scratch: Path,
    now: datetime,
    landing_bytes: int,
    tombstones: Tombstones = NOBODY,
) -> Landed:
    """Read parts of files of a source, and write their rows as landed files with identities hashed.

    Nothing is landed of a file that is damaged, or that was written anew while it was read: the others are.

    Args:
        connection: a working connection; it keeps nothing of the rows afterwards.
        source: the source, for its name and format.
        parts: what to read.
        identity: how identifiers are written.
        folder: the landing folder.
        scratch: a folder for temporary files.
        now: the present (naive UTC).
        landing_bytes: about how much text goes into a landed file.
        tombstones: who was forgotten: nothing of them is written.

    Raises:
        ServiceUnavailableError: a landed file cannot be written: the disk is full or fails.
    """
    broken: list[Refusal] = []
    left = list(parts)
    while True:
        refused: list[Refusal] = []
        writer = _Writer(connection, source, identity, folder / source.name, now, tombstones)
        try:
            with writer:
                _read(connection, writer, left, source.format, scratch, landing_bytes, refused)
                return Landed(writer.place(), (*broken, *refused), tuple(writer.quiet))
        except RefusedError as error:
            left.remove(error.part)
            broken.append(Refusal(error.part.file.name, str(error.error)))


def _read(
    connection: duckdb.DuckDBPyConnection,
    writer: "_Writer",
    parts: Sequence[FilePart],
    file_format: Format,
    scratch: Path,
    landing_bytes: int,
    refused: list[Refusal],
) -> None:
    """Read the parts block by block, and close a landed file wherever it has become large enough."""

    def refuse(part: FilePart, error: SophiaError) -> None:
        refused.append(Refusal(part.file.name, str(error)))

    create_raw(connection, file_format)
    size = 0
    block_bytes = min(BLOCK_BYTES, landing_bytes)
    reader = BlockReader(connection.cursor(), file_format, scratch, refuse, block_bytes=block_bytes)
    with closing(read_ahead(reader.read(parts))) as blocks:
        for block in blocks:
            try:
                pieces = read_block(connection, block, file_format, scratch)
                fields = fields_of(connection, block, file_format)
            except SophiaError as error:
                raise RefusedError(block.pieces[0].part, error) from error
            writer.note(pieces, fields)
            size += sum(piece.byte_end - piece.byte_start for piece in pieces)
            if not block.is_open and (size >= landing_bytes or writer.row_count >= LANDING_ROWS):
                writer.close_landing()
                create_raw(connection, file_format)
                size = 0
    writer.close_landing()
    connection.execute("DROP TABLE raw")


class _Writer:
    """Writes `raw` as landed files, which get their names only when all of them are written."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: FileSource,
        identity: Identity,
        folder: Path,
        now: datetime,
        tombstones: Tombstones,
    ) -> None:
        self._tombstones = tombstones
        self._connection = connection
        self._source = source
        self._identity = identity
        self._folder = folder
        self._now = now
        self._pieces: list[Piece] = []
        self._fields: set[Field] = set()
        self._written: list[tuple[Path, Landing]] = []
        self.quiet: list[FilePart] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for temporary, _landing in self._written:
            temporary.unlink(missing_ok=True)

    @property
    def row_count(self) -> int:
        """Rows since the last landed file."""
        return sum(piece.row_count for piece in self._pieces)

    def note(self, pieces: Sequence[Piece], fields: Collection[Field]) -> None:
        """Note where the rows come from that were appended to `raw`."""
        self._pieces += pieces
        self._fields |= set(fields)

    def close_landing(self) -> None:
        """Write what `raw` holds as a landed file."""
        groups = list(_by_part(self._pieces))
        self.quiet += [group[0].part for group in groups if _is_quiet(group)]
        files = tuple(_landed_files(groups, self._source.format))
        if files:
            empty_containers(self._connection, self._source.format)
            attempt_id = uuid4().hex
            landing = Landing(
                path=self._folder / f"{attempt_id}.parquet",
                attempt_id=attempt_id,
                source=self._source.name,
                format=self._source.format.name,
                completeness=self._source.format.completeness.value,
                landed_at=self._now,
                rules_version=RULES_VERSION,
                format_sha256=self._source.format.sha256,
                files=files,
                fields=tuple(sorted(self._fields)),
                ordinal=len(self._written),
            )
            people = _create_people(self._connection, self._source.format, self._identity)
            rows = self._without_forgotten(_without_people(self._connection, self._source.format, people, files))
            temporary = unplaced_file(landing.path)
            self._written.append((temporary, landing))
            _write(self._connection, rows, landing.footer(), temporary)
            for table in people.values():
                self._connection.execute(f"DROP TABLE {table}")
        self._pieces.clear()
        self._fields.clear()

    def _without_forgotten(self, rows: str) -> str:
        source = self._source
        return (
            without_forgotten(self._connection, rows, source.format, source.name, self._now, self._tombstones) or rows
        )

    def place(self) -> tuple[Landing, ...]:
        """Give the landed files their names, in order; they are on disk when this returns."""
        for temporary, landing in self._written:
            sync_file(temporary)
            temporary.replace(landing.path)
        if self._written:
            sync_folder(self._folder)
        return tuple(landing for _, landing in self._written)


def _landed_files(groups: Sequence[Sequence[Piece]], file_format: Format) -> Iterator[LandedFile]:
    """Join the pieces of each file; a growing file that gave nothing new is left out."""
    first_ordinal = 0
    resumes = file_format.resumes and not file_format.reads_whole
    for group in groups:
        first, last = group[0], group[-1]
        file = first.part.file
        count = sum(piece.row_count for piece in group)
        if not _is_quiet(group):
            yield LandedFile(
                name=file.name,
                path=file.path,
                member=file.member,
                size_bytes=file.size_bytes,
                modified_ns=file.modified_ns,
                reading_id=first.part.reading_id,
                byte_start=first.byte_start,
                byte_end=last.byte_end,
                line_start=first.line_start,
                line_end=last.line_start + last.line_count,
                content_sha256=first.content_sha256 if len(group) == 1 else _joined_sha256(group),
                prefix_sha256=last.prefix_sha256 if resumes else None,
                first_ordinal=first_ordinal,
                row_count=count,
                is_last=last.is_last,
            )
        first_ordinal += count


def _is_quiet(group: Sequence[Piece]) -> bool:
    return group[0].part.byte_start > 0 and group[0].byte_start == group[-1].byte_end


def _create_people(connection: duckdb.DuckDBPyConnection, file_format: Format, identity: Identity) -> dict[str, str]:
    """Hash each distinct identifier once; return by column the table of its hashes, if it is hashed."""
    if identity.secret is None:
        return {}
    identity.install(connection)
    people = {name: f"people_{place}" for place, name in enumerate(file_format.identity_columns)}
    for name, table in people.items():
        column = identifier(name)
        connection.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT plain, identity_hash(plain) AS hashed "
            f"FROM (SELECT DISTINCT {column} AS plain FROM raw WHERE {column} <> '')"
        )
    return people


def _by_part(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    for _, group in groupby(pieces, key=lambda piece: piece.part):
        yield list(group)


def _joined_sha256(pieces: Sequence[Piece]) -> str:
    return hashlib.sha256("".join(piece.content_sha256 for piece in pieces).encode()).hexdigest()


def _without_people(
    connection: duckdb.DuckDBPyConnection, file_format: Format, people: dict[str, str], files: Sequence[LandedFile]
) -> str:
    """Return a SELECT of `raw` with the names of the files, in which hashes stand for the identifiers.

    In a row with a defect columns may have slipped, and then a prompt stands where a name belongs: of its texts only
    those are kept that look like a name.
    """
    has_defects = connection.execute("SELECT 1 FROM raw WHERE defect IS NOT NULL LIMIT 1").fetchall()
    given = [file for file in files if file.row_count]
    name = literal(given[0].name) if given else "''"
    joins = [f"LEFT JOIN {table} ON {table}.plain = raw.{identifier(column)}" for column, table in people.items()]
    if 1 < len(given) <= CASED_FILES:
        names = [literal(file.name) for file in given]
        kind = f"ENUM({', '.join(dict.fromkeys(names))})"  # long texts would be hashed row by row
        name = f"CAST([{', '.join(names)}] AS {kind}[])[{_place_by_row(given, 1)}]"
    elif len(given) > 1:
        starts = pl.DataFrame({"name": [file.name for file in given], "start": [file.first_ordinal for file in given]})
        connection.register("file_starts", starts)
        joins.insert(0, 'ASOF JOIN file_starts ON raw.rowid >= file_starts."start"')
        name = "file_starts.name"
    columns = ["raw.rowid AS row_ordinal", f"{name} AS file_name", "raw.defect"]
    for column in file_format.columns:
        value = f"raw.{identifier(column.name)}"
        if column.name in people:
            value = f"{people[column.name]}.hashed"
        elif has_defects and column.duckdb_type == "VARCHAR" and not column.is_identity:
            is_name = f"regexp_full_match({value}, {literal(f'({NAME_PATTERN})?')})"
            value = f"CASE WHEN raw.defect IS NULL OR {is_name} THEN {value} END"
        columns.append(f"{value} AS {identifier(column.name)}")
    return f"SELECT {', '.join(columns)} FROM raw {' '.join(joins)}"


def _place_by_row(files: Sequence[LandedFile], first: int) -> str:
    """Return the place of a row's file in a list, as SQL over `raw`: halves of halves, so that a row meets few tests.

    `first` is the place of the first file.
    """
    if len(files) == 1:
        return str(first)
    middle = len(files) // 2
    before, after = _place_by_row(files[:middle], first), _place_by_row(files[middle:], first + middle)
    return f"CASE WHEN raw.rowid < {files[middle].first_ordinal} THEN {before} ELSE {after} END"


def _write(connection: duckdb.DuckDBPyConnection, rows: str, footer: str, path: Path) -> None:
    try:
        write_landed(connection, rows, footer, path)
    except duckdb.IOException as error:
        raise ServiceUnavailableError(
            f"{path.parent} cannot be written: free some space on its disk, and run again"
        ) from error
    finally:
        connection.unregister("file_starts")
