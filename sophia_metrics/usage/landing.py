"""Landing: what was read, as immutable Parquet files of allow-listed columns, before anything else sees it.

The footer says where the rows come from, so that a landed file can be judged, priced and committed at
any later time, by this program or a newer one, without the source.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Self, cast
from uuid import uuid4

import duckdb
import polars as pl

from sophia_metrics.durable import sync_file, sync_folder, unplaced_file
from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError, SophiaError
from sophia_metrics.sources.blocks import BLOCK_BYTES, BlockReader, RefusedError
from sophia_metrics.sources.fields import Field, fields_of
from sophia_metrics.sources.file_source import FileSource, SourceFile
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.part import FilePart, Piece, Refusal
from sophia_metrics.sources.quoting import identifier, literal
from sophia_metrics.sources.reader import create_raw, empty_containers, read_block
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.rules import RULES_VERSION

__all__ = ["Landed", "LandedFile", "Landing", "land", "landings"]

FOOTER_KEY = "sophia_landing"
FOOTER_VERSION = 2
LANDING_ROWS = 1_000_000
"""A landed file is closed at so many rows: what comes after it needs memory for one at a time."""


@dataclass(frozen=True, slots=True)
class LandedFile:
    """What one source file gave to a landing.

    Attributes:
        name: the source file, as the ledger calls it.
        path: its absolute path.
        member: the file inside an archive. None: the file itself.
        size_bytes: its length when it was found.
        modified_ns: its time of modification then, in nanoseconds of the epoch.
        reading_id: the reading that began at its first byte and that this goes on with.
        byte_start: first byte that was read, from 0. Packed files: of the unpacked text. Parquet: the first row.
        byte_end: the byte (or row) after the last one.
        line_start: number of the line there, from 1. Parquet: of the row.
        line_end: number of the line at byte_end.
        content_sha256: hash of the bytes that were read, in hex. Parquet: of the whole file.
        prefix_sha256: fingerprint of the file up to byte_end. None: it is read from its start when it changes.
        first_ordinal: the row_ordinal of its first row; 0 where it has none.
        row_count: how many rows it gave.
        is_last: what was found of the file ends with it; else the next landed file goes on with it.
    """

    name: str
    path: str
    member: str | None
    size_bytes: int
    modified_ns: int
    reading_id: str
    byte_start: int
    byte_end: int
    line_start: int
    line_end: int
    content_sha256: str
    prefix_sha256: str | None
    first_ordinal: int
    row_count: int
    is_last: bool = True

    @property
    def file(self) -> SourceFile:
        """The source file, as it was when it was found."""
        return SourceFile(self.path, self.size_bytes, self.modified_ns, self.member)

    @classmethod
    def of_footer(cls, facts: Mapping[str, Any], attempt_id: str) -> Self:
        """Read what a footer says; the first version of footers told of whole files only."""
        if "name" in facts:
            return cls(**facts)
        whole = {"byte_start": 0, "byte_end": facts["size_bytes"], "line_start": 1, "line_end": 1}
        return cls(name=facts["path"], member=None, reading_id=attempt_id, prefix_sha256=None, **whole, **facts)


@dataclass(frozen=True, slots=True)
class Landing:
    """One landed Parquet file and its footer.

    Attributes:
        path: the Parquet file.
        attempt_id: names the attempt in every row that it commits.
        source: name of the source.
        format: name of its format.
        completeness: partial or complete; what an absent row means.
        landed_at: when it was read (naive UTC).
        rules_version: version of the row rules at that time.
        format_sha256: hash of the format with which it was read.
        files: the source files in it, in order.
        fields: the fields that their rows have; of JSON those of a sample.
        ordinal: its place among those that were landed together: they are committed in this order.
    """

    path: Path
    attempt_id: str
    source: str
    format: str
    completeness: str
    landed_at: datetime
    rules_version: int
    format_sha256: str
    files: tuple[LandedFile, ...]
    fields: tuple[Field, ...] = ()
    ordinal: int = 0

    @property
    def row_count(self) -> int:
        """Rows in the landed file."""
        return sum(file.row_count for file in self.files)

    def footer(self) -> str:
        """Return what the Parquet footer carries, as JSON."""
        facts = {name: getattr(self, name) for name in _FOOTER_NAMES}
        ours = {"landed_at": self.landed_at.isoformat(), "footer_version": FOOTER_VERSION}
        return json.dumps({**facts, **ours}, default=_shallow)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the footer of a landed file.

        Raises:
            ConfigurationError: a newer program landed it.
            ProcessingError: the file is no landed file, is damaged or is gone.
        """
        try:
            footer = pl.read_parquet_metadata(path).get(FOOTER_KEY)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ProcessingError(
                f"{path} is gone, damaged or no Parquet file: move it away, and ingest its source again"
            ) from error
        if footer is None:
            raise ProcessingError(f"{path} carries no {FOOTER_KEY} footer: it was not landed here; move it away")
        facts = cast("dict[str, Any]", json.loads(footer))
        if facts.pop("footer_version") > FOOTER_VERSION:
            raise ConfigurationError(f"{path} was landed by a newer sophia-metrics: install that version again")
        files = tuple(LandedFile.of_footer(each, facts["attempt_id"]) for each in facts.pop("files"))
        fields = tuple(Field(**each) for each in facts.pop("fields", ()))
        landed_at = datetime.fromisoformat(facts.pop("landed_at"))
        return cls(path=path, files=files, fields=fields, landed_at=landed_at, **facts)


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


_FOOTER_NAMES = tuple(field.name for field in dataclass_fields(Landing) if field.name != "path")


def _shallow(value: LandedFile | Field) -> dict[str, Any]:
    """Return the attributes of a flat value; `asdict` would copy each of thousands deeply."""
    return {field.name: getattr(value, field.name) for field in dataclass_fields(value)}


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

    Raises:
        ServiceUnavailableError: a landed file cannot be written: the disk is full or fails.
    """
    broken: list[Refusal] = []
    left = list(parts)
    while True:
        refused: list[Refusal] = []
        writer = _Writer(connection, source, identity, folder / source.name, now)
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
    for block in BlockReader(connection, file_format, scratch, refuse, block_bytes=block_bytes).read(parts):
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
    ) -> None:
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
            rows = _without_people(self._connection, self._source.format, people, files)
            temporary = unplaced_file(landing.path)
            self._written.append((temporary, landing))
            _write(self._connection, rows, landing.footer(), temporary)
            for table in people.values():
                self._connection.execute(f"DROP TABLE {table}")
        self._pieces.clear()
        self._fields.clear()

    def place(self) -> tuple[Landing, ...]:
        """Give the landed files their names, in order; they are on disk when this returns."""
        for temporary, landing in self._written:
            sync_file(temporary)
            temporary.replace(landing.path)
        if self._written:
            sync_folder(self._folder)
        return tuple(landing for _, landing in self._written)


def landings(folder: Path, *, but: Collection[str] = ()) -> Iterator[Landing]:
    """Yield the landed files of a source's landing folder, but not those of the attempts `but`.

    A landed file is named for its attempt, so that the footers of those that are left out are not read.
    """
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in but:
            yield Landing.read(path)


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
    """Return a SELECT of `raw` with the names of the files, in which hashes stand for the identifiers."""
    given = [file for file in files if file.row_count]
    name = literal(given[0].name) if given else "''"
    joins = [f"LEFT JOIN {table} ON {table}.plain = raw.{identifier(column)}" for column, table in people.items()]
    if len(given) > 1:
        starts = pl.DataFrame({"name": [file.name for file in given], "start": [file.first_ordinal for file in given]})
        connection.register("file_starts", starts)
        joins.insert(0, 'ASOF JOIN file_starts ON raw.rowid >= file_starts."start"')
        name = "file_starts.name"
    columns = ["raw.rowid AS row_ordinal", f"{name} AS file_name", "raw.defect"]
    for column in (column.name for column in file_format.columns):
        value = f"{people[column]}.hashed" if column in people else f"raw.{identifier(column)}"
        columns.append(f"{value} AS {identifier(column)}")
    return f"SELECT {', '.join(columns)} FROM raw {' '.join(joins)}"


def _write(connection: duckdb.DuckDBPyConnection, rows: str, footer: str, path: Path) -> None:
    try:
        connection.execute(
            f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
            f"KV_METADATA {{{FOOTER_KEY}: {literal(footer)}}})"
        )
    except duckdb.IOException as error:
        raise ServiceUnavailableError(
            f"{path.parent} cannot be written: free some space on its disk, and run again"
        ) from error
    finally:
        connection.unregister("file_starts")
