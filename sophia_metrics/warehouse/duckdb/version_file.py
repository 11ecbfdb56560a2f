"""The file of a version: it begins as a copy of the version before it, so that only what changed is written."""

import hashlib
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics import schema
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.quoting import literal
from sophia_metrics.schema import core
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.serving_marts import (
    VIEW_MARTS,
    create_serving_marts,
    create_view,
    fingerprint_of,
    time_zones,
)
from sophia_metrics.warehouse.duckdb.version_content import FORMAT
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import Piece

__all__ = ["SHOWN_DAYS", "SHOWN_SINCE", "write_version"]

SHOWN_DAYS = 90
SHOWN_SINCE = {
    "core_ingest_ledger": "finished_at",
    "core_quality_verdicts": "judged_at",
    "core_forecast_snapshots": "made_at",
}
"""Tables that grow with every run, of which a version shows the last SHOWN_DAYS days, and by which instant."""

BLOCK_BYTES = 16384
"""A version holds many small tables, and a table takes a block at least: with DuckDB's 256 KiB each, a version a minute
would be gigabytes a day."""

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


def write_version(
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
