"""Landing: what was read, as an immutable Parquet file of allow-listed columns, before anything else sees it.

The footer says where the rows come from, so that a landed file can be judged, priced and committed at
any later time, by this program or a newer one, without the source.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self, cast

import duckdb
import polars as pl

from sophia_metrics.durable import place_file, sync_folder
from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError
from sophia_metrics.sources.file_source import FileSource, SourceFile
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.quoting import identifier, literal
from sophia_metrics.sources.reader import read_files
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.rules import RULES_VERSION

__all__ = ["LandedFile", "Landing", "head_sha256", "land", "landings"]

FOOTER_KEY = "sophia_landing"
FOOTER_VERSION = 1
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LandedFile:
    """What one source file gave to a landing.

    Attributes:
        path: absolute path of the source file.
        size_bytes: its length when it was found.
        modified_ns: its time of modification then, in nanoseconds of the epoch.
        content_sha256: hash of its first `size_bytes` bytes, in hex.
        first_ordinal: the row_ordinal of its first row; 0 where it has none.
        row_count: how many rows it gave.
    """

    path: str
    size_bytes: int
    modified_ns: int
    content_sha256: str
    first_ordinal: int
    row_count: int


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

    @property
    def row_count(self) -> int:
        """Rows in the landed file."""
        return sum(file.row_count for file in self.files)

    def footer(self) -> str:
        """Return what the Parquet footer carries, as JSON."""
        facts: dict[str, Any] = {key: value for key, value in asdict(self).items() if key != "path"}
        return json.dumps({**facts, "landed_at": self.landed_at.isoformat(), "footer_version": FOOTER_VERSION})

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
        files = tuple(LandedFile(**each) for each in facts.pop("files"))
        landed_at = datetime.fromisoformat(facts.pop("landed_at"))
        return cls(path=path, files=files, landed_at=landed_at, **facts)


def land(
    connection: duckdb.DuckDBPyConnection,
    source: FileSource,
    files: Sequence[SourceFile],
    *,
    identity: Identity,
    attempt_id: str,
    folder: Path,
    now: datetime,
) -> Landing:
    """Read some files of a source, and write their rows as one landed file with identities hashed.

    A file may grow meanwhile: rows that it gained since it was found are landed too, and read again by the
    next run, which takes them for duplicates.

    Args:
        connection: a working connection; it keeps nothing of the rows afterwards.
        source: the source, for its name and format.
        files: the files, as they were found.
        identity: how identifiers are written.
        attempt_id: a new id.
        folder: the landing folder.
        now: the present (naive UTC).

    Raises:
        ConfigurationError: a file is of another format, or may not be read.
        ProcessingError: a file is missing or damaged.
        ServiceUnavailableError: the landed file cannot be written: the disk is full or fails.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sophia-hash") as pool:
        hashes = pool.map(_content_sha256, files)
        read_files(
            connection,
            [file.path for file in files],
            source.format,
            lambda rows: connection.execute(f"CREATE OR REPLACE TABLE raw AS {rows}"),
        )
        landed = tuple(_landed_files(connection, files, hashes))
    landing = Landing(
        path=folder / source.name / f"{attempt_id}.parquet",
        attempt_id=attempt_id,
        source=source.name,
        format=source.format.name,
        completeness=source.format.completeness.value,
        landed_at=now,
        rules_version=RULES_VERSION,
        format_sha256=source.format.sha256,
        files=landed,
    )
    people = _create_people(connection, source.format, identity)
    rows = _without_people(source.format, people)
    place_file(landing.path, lambda path: _write(connection, rows, landing.footer(), path))
    sync_folder(landing.path.parent)
    for table in ("raw", *people.values()):
        connection.execute(f"DROP TABLE {table}")
    return landing


def landings(folder: Path, *, but: Collection[str] = ()) -> Iterator[Landing]:
    """Yield the landed files of a source's landing folder, but not those of the attempts `but`.

    A landed file is named for its attempt, so that the footers of those that are left out are not read.
    """
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in but:
            yield Landing.read(path)


def head_sha256(path: str, size_bytes: int) -> str:
    """Return the hash of the first bytes of a file, in hex; of all of it where it is shorter."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while size_bytes > 0 and (block := file.read(min(size_bytes, BLOCK_BYTES))):
            digest.update(block)
            size_bytes -= len(block)
    return digest.hexdigest()


def _content_sha256(file: SourceFile) -> str:
    try:
        return head_sha256(file.path, file.size_bytes)
    except OSError as error:
        raise ProcessingError(
            f"{file.path} cannot be read any more: it was moved, or the disk fails; run again"
        ) from error


def _landed_files(
    connection: duckdb.DuckDBPyConnection, files: Sequence[SourceFile], hashes: Iterable[str]
) -> Iterator[LandedFile]:
    counted = connection.execute("SELECT file_name, min(rowid), count(*) FROM raw GROUP BY file_name").fetchall()
    spans = {str(name): (int(first), int(count)) for name, first, count in counted}
    for file, sha256 in zip(files, hashes, strict=True):
        first, count = spans.get(file.path, (0, 0))
        yield LandedFile(file.path, file.size_bytes, file.modified_ns, sha256, first, count)


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


def _without_people(file_format: Format, people: dict[str, str]) -> str:
    """Return a SELECT of `raw` in which hashes stand for the identifiers."""
    columns = ["raw.rowid AS row_ordinal", "raw.file_name", "raw.defect"]
    for name in (column.name for column in file_format.columns):
        value = f"{people[name]}.hashed" if name in people else f"raw.{identifier(name)}"
        columns.append(f"{value} AS {identifier(name)}")
    joins = (f"LEFT JOIN {table} ON {table}.plain = raw.{identifier(name)}" for name, table in people.items())
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
