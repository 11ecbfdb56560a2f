"""Publishing: readers see numbered versions, each a small DuckDB file that nobody writes again.

A version holds the small tables and views over explicit lists of day files. It begins as a copy of the version
before it, so that only what changed is written. One symbolic link names the
current version and moves only forwards. Readers never wait: a version that they have open stays as it is.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from sophia_metrics import schema
from sophia_metrics.durable import hash_file, place_file, point_to, sync_folder
from sophia_metrics.frames import fetch_row
from sophia_metrics.schema.column import Storage
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.duckdb.damage import refuse_wrong_days
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.version_content import content_sha256, is_aged
from sophia_metrics.warehouse.duckdb.version_file import write_version
from sophia_metrics.warehouse.duckdb.versions import superfluous_versions, version_files, version_name
from sophia_metrics.warehouse.holding import day_held_because, note_held, note_released
from sophia_metrics.warehouse.manifest import files_of
from sophia_metrics.warehouse.protocol import BEHIND, Publication
from sophia_metrics.warehouse.staleness import stale_days

__all__ = ["CURRENT_NAME", "publish_version"]

CURRENT_NAME = "current.duckdb"


@dataclass(frozen=True, slots=True)
class _Newest:
    """The version that was published last.

    number: 0: nothing was ever published.
    published_at: naive UTC. None: nothing was ever published.
    content_sha256: the hash over everything that it shows. None: nothing was ever published.
    is_whole: its file is there as it was published.
    """

    number: int
    published_at: datetime | None
    content_sha256: str | None
    is_whole: bool

    def stays(self, held_because: str | None = None, *, is_behind: bool = False) -> Publication:
        """Return that readers go on with this version."""
        return Publication(
            self.number, is_new=False, published_at=self.published_at, held_because=held_because, is_behind=is_behind
        )


def publish_version(
    state: StateFile, store: DayFileStore, serving: Path, now: datetime, keep_versions: int
) -> Publication:
    """Write the next version and move the pointer; where nothing changed or a day is held, the current version stays.

    The lock is held throughout, so that versions are published in the order of their numbers.
    """
    with state.transaction() as connection:
        refuse_wrong_days(connection)
        newest = _read_newest(connection, serving)
        if (reason := day_held_because(connection)) is not None:
            note_held(serving, reason, now)
            return newest.stays(reason)
        note_released(serving)
        if any(stale_days(connection).values()):
            return newest.stays(BEHIND, is_behind=True)
        content = content_sha256(connection, store.folder, now)
        if _still_shows(connection, newest, content, now):
            point_to(serving / CURRENT_NAME, version_name(newest.number))
            return newest.stays()
        is_copied = newest.is_whole and not _shows_forgotten(connection, newest.number)
        previous = serving / version_name(newest.number) if is_copied else None
        number = max(newest.number, *version_files(serving), 0) + 1
        _note_version(connection, number, content, now)
        _place_version(connection, store, serving, number, previous, now)
        point_to(serving / CURRENT_NAME, version_name(number))
        for path in superfluous_versions(connection, serving, now, keep_versions):
            path.unlink(missing_ok=True)
    return Publication(number, is_new=True, published_at=now)


def _read_newest(connection: duckdb.DuckDBPyConnection, serving: Path) -> _Newest:
    row = fetch_row(
        connection,
        "SELECT version, published_at, content_sha256, size_bytes, file_sha256 FROM core_versions "
        "ORDER BY version DESC LIMIT 1",
    )
    if row is None:
        return _Newest(0, None, None, is_whole=False)
    number, published_at, content, size_bytes, file_sha256 = row
    path = serving / version_name(int(number))
    return _Newest(int(number), published_at, content, _is_whole(path, size_bytes, file_sha256))


def _still_shows(connection: duckdb.DuckDBPyConnection, newest: _Newest, content: str, now: datetime) -> bool:
    """Say whether the newest version is whole and shows this content, and nothing in it has aged."""
    if newest.published_at is None or not newest.is_whole or newest.content_sha256 != content:
        return False
    return not is_aged(connection, newest.published_at, now)


def _note_version(connection: duckdb.DuckDBPyConnection, number: int, content: str, now: datetime) -> None:
    """Note a version before it is written, so that it shows itself and the runs that it is the first to show."""
    sample = fetch_row(connection, "SELECT source FROM core_watermarks WHERE source = $1", [SAMPLE_SOURCE])
    connection.execute(
        "UPDATE core_pipeline_runs SET version = $1 WHERE version IS NULL AND run_status <> 'running'",
        [number],
    )
    connection.execute(
        "INSERT INTO core_versions (version, published_at, content_sha256, is_sample) VALUES ($1, $2, $3, $4)",
        [number, now, content, sample is not None],
    )


def _place_version(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    serving: Path,
    number: int,
    previous: Path | None,
    now: datetime,
) -> None:
    """Write the file of a version, and note its size and hash."""
    path = serving / version_name(number)
    files = files_of(connection, [table.name for table in schema.stored(Storage.DAY_FILES)])
    place_file(path, lambda beside: write_version(connection, store, files, beside, previous, now))
    sync_folder(serving)
    connection.execute(
        "UPDATE core_versions SET size_bytes = $1, file_sha256 = $2 WHERE version = $3",
        [path.stat().st_size, hash_file(path), number],
    )


def _shows_forgotten(connection: duckdb.DuckDBPyConnection, number: int) -> bool:
    """Say whether a version may show somebody who was forgotten: in a copy of it, what is deleted leaves traces."""
    return fetch_row(connection, "SELECT 1 FROM core_tombstones WHERE last_version >= $1 LIMIT 1", [number]) is not None


def _is_whole(path: Path, size_bytes: int | None, file_sha256: str | None) -> bool:
    """Say whether a version is there as it was published; nothing was noted of one that an older program published."""
    if not path.is_file():
        return False
    return size_bytes is None or (path.stat().st_size == size_bytes and hash_file(path) == file_sha256)
