"""Publishing: readers see numbered versions, each a small DuckDB file that nobody writes again.

A version holds the small tables and views over explicit lists of day files. One symbolic link names the
current version and moves only forwards. Readers never wait: a version that they have open stays as it is.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics import schema
from sophia_metrics.durable import place_file, point_to, sync_folder
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.marts import MARTS, mart
from sophia_metrics.schema import core
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.manifest import DayFile, files_of
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.protocol import Publication

__all__ = ["CURRENT_NAME", "publish_version"]

CURRENT_NAME = "current.duckdb"
LEDGER_DAYS = 90
KEEP_FOR = timedelta(hours=24)
FORMAT = 1
"""Raised when the layout of a serving version changes, so that the next publish writes one."""

VIEW_MARTS = frozenset({"mart_freshness"})
"""Marts that read the clock: they are computed by whoever reads them."""


def publish_version(
    state: StateFile, store: DayFileStore, serving: Path, now: datetime, keep_versions: int
) -> Publication:
    """Write the next version and move the pointer; where nothing changed, the current version stays.

    The lock is held throughout, so that versions are published in the order of their numbers.
    """
    with state.transaction() as connection:
        files = files_of(connection, [table.name for table in schema.stored(Storage.DAY_FILES)])
        content = _content_sha256(connection, files, store.folder)
        row = fetch_row(
            connection,
            "SELECT version, published_at, content_sha256 FROM core_versions ORDER BY version DESC LIMIT 1",
        )
        number = int(row[0]) if row else 0
        if (
            row
            and row[2] == content
            and (serving / version_name(number)).exists()
            and not _aged(connection, row[1], now)
        ):
            point_to(serving / CURRENT_NAME, version_name(number))
            return Publication(number, is_new=False, published_at=row[1])
        number = max(number, *(int(path.stem[1:]) for path in serving.glob("v*.duckdb")), 0) + 1
        sample = fetch_row(connection, "SELECT source FROM core_watermarks WHERE source = $1", [SAMPLE_SOURCE])
        connection.execute(
            "UPDATE core_pipeline_runs SET version = $1 WHERE version IS NULL AND run_status <> 'running'",
            [number],
        )
        connection.execute(
            "INSERT INTO core_versions VALUES ($1, $2, $3, $4)", [number, now, content, sample is not None]
        )
        place_file(serving / version_name(number), lambda path: _write(connection, store, files, path, now))
        sync_folder(serving)
        point_to(serving / CURRENT_NAME, version_name(number))
        kept = _kept_names(connection, now, keep_versions)
        for path in serving.glob("v*.duckdb"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
    return Publication(number, is_new=True, published_at=now)


def version_name(number: int) -> str:
    """Return the file name of a version; names sort as numbers do."""
    return f"v{number:06d}.duckdb"


def _content_sha256(connection: duckdb.DuckDBPyConnection, files: Iterable[DayFile], folder: Path) -> str:
    """Hash everything that a version shows, but for when it was collected and which runs there were."""
    parts = [
        f"format {FORMAT}",
        str(folder),
        *(each.sql_sha256 for each in MARTS),
        *(file.path for file in files),
    ]
    for query in (
        "SELECT attempt_id, file_name, status FROM core_ingest_ledger ORDER BY ALL",
        "SELECT price_id, known_to_at FROM core_price_cards ORDER BY ALL",
        "SELECT * FROM core_quarantine_verdicts ORDER BY ALL",
    ):
        parts += [repr(row) for row in connection.execute(query).fetchall()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _aged(connection: duckdb.DuckDBPyConnection, published_at: datetime, now: datetime) -> bool:
    """Say whether readers would soon take a collected source for a stale one, although nothing changed."""
    rows = connection.execute("SELECT collected_at, expected_within_seconds FROM core_watermarks").fetchall()
    return any(
        collected > published_at and now - published_at > timedelta(seconds=seconds / 2) for collected, seconds in rows
    )


def _write(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    files: tuple[DayFile, ...],
    path: Path,
    now: datetime,
) -> None:
    version = duckdb.connect(path)
    try:
        version.execute("SET TimeZone = 'UTC'")
        version.execute("BEGIN")
        for table in schema.stored(Storage.STATE):
            _copy(version, table, _state_rows(connection, table, now))
        for table in schema.stored(Storage.DAY_FILES):
            found = [file for file in files if file.table_name == table.name]
            _create_view(version, table, store.relation(table, found))
        version.execute(f"CREATE TEMP VIEW {core.USAGE_EVENTS.name} AS {_newest_events(store, files)}")
        for each in MARTS:
            if each.table.storage is Storage.SERVING:
                _create_serving_mart(version, each.name)
        version.execute("COMMIT")
    finally:
        version.close()


def _state_rows(connection: duckdb.DuckDBPyConnection, table: Table, now: datetime) -> pl.DataFrame:
    if table is state_tables.INGEST_LEDGER:
        since = now - timedelta(days=LEDGER_DAYS)
        return fetch_frame(connection, f"SELECT * FROM {table.name} WHERE finished_at >= $since", {"since": since})
    return fetch_frame(connection, f"SELECT * FROM {table.name}")


def _copy(version: duckdb.DuckDBPyConnection, table: Table, rows: pl.DataFrame) -> None:
    version.execute(create_table(table))
    version.register("incoming", rows)
    version.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM incoming")
    version.unregister("incoming")


def _create_view(version: duckdb.DuckDBPyConnection, table: Table, rows: str) -> None:
    if table is core.QUARANTINE:
        rows = (
            f"WITH found AS ({rows}), decided AS ("
            "SELECT quarantine_id, verdict, verdict_at FROM core_quarantine_verdicts "
            "QUALIFY row_number() OVER (PARTITION BY quarantine_id ORDER BY verdict_at DESC) = 1) "
            "SELECT found.*, coalesce(decided.verdict, 'open') AS verdict, decided.verdict_at "
            "FROM found LEFT JOIN decided ON decided.quarantine_id = found.quarantine_id"
        )
    version.execute(f"CREATE VIEW {table.name} AS {rows}")


def _newest_events(store: DayFileStore, files: Iterable[DayFile]) -> str:
    """Return a relation over the last two days that have events: enough for the last 15 minutes of data."""
    events = [file for file in files if file.table_name == core.USAGE_EVENTS.name]
    newest = set(sorted({file.day_on for file in events})[-2:])
    return store.relation(core.USAGE_EVENTS, [file for file in events if file.day_on in newest])


def _create_serving_mart(version: duckdb.DuckDBPyConnection, name: str) -> None:
    sql = mart(name).sql
    if name in VIEW_MARTS:
        body = re.sub(r"\$now\b", "(now() AT TIME ZONE 'UTC')", sql)
        version.execute(f"CREATE VIEW {name} AS {body}")
        return
    version.execute(create_table(mart(name).table))
    version.execute(f"INSERT INTO {name} BY NAME {sql}")


def _kept_names(connection: duckdb.DuckDBPyConnection, now: datetime, keep_versions: int) -> frozenset[str]:
    """Return the names of the versions to keep: the last ones by number, and all of the last 24 hours."""
    rows = connection.execute("SELECT version, published_at FROM core_versions ORDER BY version DESC").fetchall()
    return frozenset(
        version_name(version)
        for place, (version, published_at) in enumerate(rows)
        if place < keep_versions or now - published_at < KEEP_FOR
    )
