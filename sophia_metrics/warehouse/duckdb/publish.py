"""Publishing: readers see numbered versions, each a small DuckDB file that nobody writes again.

A version holds the small tables and views over explicit lists of day files. It begins as a copy of the version
before it, so that only what changed is written. One symbolic link names the
current version and moves only forwards. Readers never wait: a version that they have open stays as it is.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics import schema
from sophia_metrics.calendars import local_day, settled_on
from sophia_metrics.durable import hash_file, place_file, point_to, sync_folder
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.marts import MARTS
from sophia_metrics.schema import core, findings
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.sources.quoting import literal
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.duckdb.damage import refuse_wrong_days
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.serving_marts import (
    VIEW_MARTS,
    create_serving_marts,
    create_view,
    fingerprint_of,
    time_zones,
)
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.versions import superfluous_versions, version_files, version_name
from sophia_metrics.warehouse.holding import day_held_because, note_held, note_released
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import Piece, files_of
from sophia_metrics.warehouse.protocol import BEHIND, Publication
from sophia_metrics.warehouse.staleness import stale_days

__all__ = ["CURRENT_NAME", "SHOWN_DAYS", "SHOWN_SINCE", "publish_version"]

CURRENT_NAME = "current.duckdb"
SHOWN_DAYS = 90
SHOWN_SINCE = {
    "core_ingest_ledger": "finished_at",
    "core_quality_verdicts": "judged_at",
    "core_forecast_snapshots": "made_at",
}
"""Tables that grow with every run, of which a version shows the last SHOWN_DAYS days, and by which instant."""
HEARTBEAT_SECONDS = 600
"""After so long a publish shows new heartbeats, although nothing else changed."""
FORMAT = 3
"""Raised when the layout of a serving version changes, so that the next publish writes one."""

BLOCK_BYTES = 16384
"""A version holds many small tables, and a table takes a block at least: with DuckDB's 256 KiB each, a version a minute
would be gigabytes a day."""

CONTENT = {
    "manifest": ("path",),
    "core_ingest_ledger": ("attempt_id", "file_name", "status"),
    "core_price_cards": ("price_id", "known_from_at", "known_to_at"),
    "core_quarantine_verdicts": state_tables.QUARANTINE_VERDICTS.names,
    "core_tombstones": ("tombstone", "last_version"),
    "core_services": state_tables.SERVICES.names,
    "core_budgets": state_tables.BUDGETS.names,
    **{table.name: table.names for table in findings.FINDINGS},
    findings.FORECAST_SNAPSHOTS.name: findings.FORECAST_SNAPSHOTS.key,
    "core_recoveries": state_tables.RECOVERIES.names,
    "core_alert_episodes": ("episode_id", "state", "kept_back_by"),
    "core_alert_deliveries": ("episode_id", "channel", "sequence_number", "status"),
    "core_alert_acknowledgements": ("episode_id", "acknowledged_at"),
}
"""By which columns a version differs from another. Their hashes are added up where the rows are."""

LAYOUT = hashlib.sha256(
    "\n".join(
        [
            f"format {FORMAT}",
            *(create_table(table) for table in schema.stored(Storage.STATE, Storage.SERVING)),
            *sorted(VIEW_MARTS),
            *(table.name for table in schema.stored(Storage.VIEW)),
        ]
    ).encode()
).hexdigest()
"""A version is copied for the next one only where its tables are these."""


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
        content = _content_sha256(connection, store.folder, now)
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
    return not _aged(connection, newest.published_at, now)


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
    place_file(path, lambda beside: _write(connection, store, files, beside, previous, now))
    sync_folder(serving)
    connection.execute(
        "UPDATE core_versions SET size_bytes = $1, file_sha256 = $2 WHERE version = $3",
        [path.stat().st_size, hash_file(path), number],
    )


def _shows_forgotten(connection: duckdb.DuckDBPyConnection, number: int) -> bool:
    """Say whether a version may show somebody who was forgotten: in a copy of it, what is deleted leaves traces."""
    return fetch_row(connection, "SELECT 1 FROM core_tombstones WHERE last_version >= $1 LIMIT 1", [number]) is not None


def _content_sha256(connection: duckdb.DuckDBPyConnection, folder: Path, now: datetime) -> str:
    """Hash everything that a version shows, but for when it was collected and which runs there were."""
    parts = [f"format {FORMAT}", str(folder), *(each.sql_sha256 for each in MARTS), *_days_now(connection, now)]
    for name, columns in CONTENT.items():
        parts.append(f"{name} {fetch_row(connection, f'SELECT {fingerprint_of(columns)} FROM {name}')}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _days_now(connection: duckdb.DuckDBPyConnection, now: datetime) -> list[str]:
    """Return which day it is in each time zone, and which days are settled: time alone changes what is shown."""
    sources = connection.execute(
        "SELECT source, settled_through_at FROM core_watermarks WHERE source_role = 'ledger' ORDER BY source"
    ).fetchall()
    return [
        f"{zone} {local_day(now, zone)} {[(source, at and settled_on(at, zone)) for source, at in sources]}"
        for zone in time_zones(connection)
    ]


def _aged(connection: duckdb.DuckDBPyConnection, published_at: datetime, now: datetime) -> bool:
    """Say whether readers would soon take a source for stale, or a flow for late, although nothing changed."""
    rows = connection.execute(
        "SELECT collected_at, expected_within_seconds FROM core_watermarks UNION ALL "
        f"SELECT succeeded_at, {HEARTBEAT_SECONDS * 2} FROM core_heartbeats "
        "WHERE succeeded_at IS NOT NULL AND expected_within_seconds IS NOT NULL"
    ).fetchall()
    return any(
        collected > published_at and now - published_at > timedelta(seconds=seconds / 2) for collected, seconds in rows
    )


def _write(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    files: Sequence[Piece],
    path: Path,
    previous: Path | None,
    now: datetime,
) -> None:
    """Write a version as a copy of the previous one, in which only what differs is written again."""
    version = _open_copy(previous, path)
    try:
        version.execute("SET TimeZone = 'UTC'")
        version.execute("BEGIN")
        shown = {table.name: _bring_up(connection, version, table, now) for table in schema.stored(Storage.STATE)}
        for table in schema.stored(Storage.DAY_FILES):
            found = [file for file in files if file.table_name == table.name]
            create_view(version, table.name, _readable(table, store.relation(table, found)))
        create_serving_marts(version, store, files, time_zones(connection), shown, now)
        version.execute(f"COMMENT ON TABLE {state_tables.VERSIONS.name} IS {literal(LAYOUT)}")
        version.execute("COMMIT")
        version.execute("CHECKPOINT")  # closing would do it too, and says nothing where the disk is full
    finally:
        version.close()


def _is_whole(path: Path, size_bytes: int | None, file_sha256: str | None) -> bool:
    """Say whether a version is there as it was published; nothing was noted of one that an older program published."""
    if not path.is_file():
        return False
    return size_bytes is None or (path.stat().st_size == size_bytes and hash_file(path) == file_sha256)


def _open_copy(previous: Path | None, path: Path) -> duckdb.DuckDBPyConnection:
    """Open a copy of the previous version, or an empty file where that is gone, damaged or laid out otherwise."""
    if previous is not None and previous.exists():
        shutil.copyfile(previous, path)
        try:
            version = duckdb.connect(path)
        except duckdb.Error:
            path.unlink()
        else:
            names = [state_tables.VERSIONS.name]
            if fetch_row(version, "SELECT comment FROM duckdb_tables() WHERE table_name = $1", names) == (LAYOUT,):
                return version
            version.close()
            path.unlink()
    return duckdb.connect(path, config={"default_block_size": BLOCK_BYTES})


def _bring_up(
    connection: duckdb.DuckDBPyConnection, version: duckdb.DuckDBPyConnection, table: Table, now: datetime
) -> str:
    """Give a state table of a version the rows that the state has: those that it lacks are copied, no others.

    Returns what tells these rows from others.
    """
    version.execute(create_table(table))
    columns = ", ".join(table.names)
    since = f"{literal((now - timedelta(days=SHOWN_DAYS)).isoformat(sep=' '))}::TIMESTAMP"
    shown = f"{SHOWN_SINCE[table.name]} >= {since}" if table.name in SHOWN_SINCE else "true"
    rows = f"FROM {table.name} WHERE {shown}"
    same = f"SELECT {fingerprint_of(table.names)} "
    wanted = fetch_row(connection, same + rows)
    if wanted == fetch_row(version, f"{same} FROM {table.name}"):
        return str(wanted)
    version.register("wanted", fetch_frame(connection, f"SELECT hash({columns}) AS row_hash {rows}"))
    version.execute(f"DELETE FROM {table.name} WHERE hash({columns}) NOT IN (SELECT row_hash FROM wanted)")
    lacking = fetch_frame(version, f"SELECT row_hash FROM wanted EXCEPT SELECT hash({columns}) FROM {table.name}")
    version.unregister("wanted")
    connection.register("lacking", lacking)
    incoming = fetch_frame(connection, f"SELECT {columns} {rows} AND hash({columns}) IN (SELECT row_hash FROM lacking)")
    connection.unregister("lacking")
    insert_frame(version, table, incoming)
    return str(wanted)


def _readable(table: Table, rows: str) -> str:
    """Return the rows of a table as readers see them: quarantined rows come with their newest verdict."""
    if table is not core.QUARANTINE:
        return rows
    return (
        f"WITH found AS ({rows}), decided AS ("
        "SELECT quarantine_id, verdict, verdict_at FROM core_quarantine_verdicts "
        "QUALIFY row_number() OVER (PARTITION BY quarantine_id ORDER BY verdict_at DESC) = 1) "
        "SELECT found.*, coalesce(decided.verdict, 'open') AS verdict, decided.verdict_at "
        "FROM found LEFT JOIN decided ON decided.quarantine_id = found.quarantine_id"
    )
