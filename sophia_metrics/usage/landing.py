"""Landing: what was read, as an immutable Parquet file of allow-listed columns, before anything else sees it.

The footer says where the rows come from, so that a landed file can be judged, priced and committed at
any later time, by this program or a newer one, without the source.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self, cast

import duckdb

from sophia_metrics.errors import ProcessingError
from sophia_metrics.sources.file_source import FileSource, SourceFile
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.quoting import literal
from sophia_metrics.sources.reader import read_files
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.rules import RULES_VERSION
from sophia_metrics.durable import place_file, sync_folder

__all__ = ["LandedFile", "Landing", "land", "landings"]

FOOTER_KEY = "sophia_landing"
FOOTER_VERSION = 1


@dataclass(frozen=True, slots=True)
class LandedFile:
    """What one source file gave to a landing: `first_ordinal` is the row_ordinal of its first row."""

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
        files: the source files in it, in order.
    """

    path: Path
    attempt_id: str
    source: str
    format: str
    completeness: str
    landed_at: datetime
    rules_version: int
    files: tuple[LandedFile, ...]

    @property
    def row_count(self) -> int:
        """Rows in the landed file."""
        return sum(file.row_count for file in self.files)

    def footer(self) -> str:
        """Return what the Parquet footer carries, as JSON."""
        facts: dict[str, Any] = {
            key: value for key, value in asdict(self).items() if key != "path"
        }
        return json.dumps({**facts, "landed_at": self.landed_at.isoformat(), "footer_version": FOOTER_VERSION})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the footer of a landed file.

        Raises:
            ProcessingError: the file is no landed file, or is damaged.
        """
        try:
            row = duckdb.execute(
                "SELECT decode(value) FROM parquet_kv_metadata($1) WHERE decode(key) = $2", [str(path), FOOTER_KEY]
            ).fetchone()
        except duckdb.Error as error:
            raise ProcessingError(f"{path} is damaged or no Parquet file: move it away and run again") from error
        if row is None:
            raise ProcessingError(f"{path} carries no {FOOTER_KEY} footer: it was not landed here; move it away")
        facts = cast("dict[str, Any]", json.loads(row[0]))
        facts.pop("footer_version")
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
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sophia-hash") as pool:
        hashes = pool.map(_content_sha256, [file.path for file in files])
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
        files=landed,
    )
    rows = _hash_identities(connection, source.format, identity)
    place_file(landing.path, lambda path: _write(connection, rows, landing.footer(), path))
    sync_folder(landing.path.parent)
    connection.execute("DROP TABLE raw")
    return landing


def _content_sha256(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _landed_files(
    connection: duckdb.DuckDBPyConnection, files: Sequence[SourceFile], hashes: Iterable[str]
) -> Iterator[LandedFile]:
    counted = connection.execute("SELECT file_name, min(rowid), count(*) FROM raw GROUP BY file_name").fetchall()
    spans = {str(name): (int(first), int(count)) for name, first, count in counted}
    for file, sha256 in zip(files, hashes, strict=True):
        first, count = spans.get(file.path, (0, 0))
        yield LandedFile(file.path, file.size_bytes, file.modified_ns, sha256, first, count)


def landings(folder: Path) -> Iterator[Landing]:
    """Yield every landed file of a source's landing folder."""
    for path in sorted(folder.glob("*.parquet")):
        yield Landing.read(path)


def _hash_identities(connection: duckdb.DuckDBPyConnection, file_format: Format, identity: Identity) -> str:
    """Return a SELECT of `raw` with its identifiers hashed: each distinct one once, then joined back."""
    identity.install(connection)
    columns = ["raw.rowid AS row_ordinal", "raw.file_name", "raw.defect"]
    joins: list[str] = []
    for number, column in enumerate(file_format.columns):
        if not column.is_identity or identity.secret is None:
            columns.append(f'raw."{column.name}"')
            continue
        connection.execute(
            f'CREATE OR REPLACE TABLE person_{number} AS SELECT "{column.name}" AS plain, identity_hash("{column.name}") '
            f'AS hashed FROM (SELECT DISTINCT "{column.name}" FROM raw WHERE "{column.name}" <> \'\')'
        )
        columns.append(f'person_{number}.hashed AS "{column.name}"')
        joins.append(f'LEFT JOIN person_{number} ON person_{number}.plain = raw."{column.name}"')
    return f"SELECT {', '.join(columns)} FROM raw {' '.join(joins)}"


def _write(connection: duckdb.DuckDBPyConnection, rows: str, footer: str, path: Path) -> None:
    connection.execute(
        f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"KV_METADATA {{{FOOTER_KEY}: {literal(footer)}}})"
    )

