"""What a published version holds of the state: its tables, and the day files that its views list.

A version is a copy of the state as of its publish, but for what no reader needs. So where it is newer than a backup,
nothing that was published is lost with the state file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics import schema
from sophia_metrics.frames import fetch_frame
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.usage.landing import readable_landings
from sophia_metrics.usage.positions import position_frame
from sophia_metrics.warehouse.duckdb.damage import true_files
from sophia_metrics.warehouse.duckdb.fingerprints import fingerprints
from sophia_metrics.warehouse.duckdb.versions import LISTED, version_files
from sophia_metrics.warehouse.ledger import insert_frame, replace_rows
from sophia_metrics.warehouse.manifest import Piece, add_files, files_of, remove_files

__all__ = ["DECISIONS", "PublishedState", "newest_version", "take_decisions", "take_over"]

DECISIONS = (
    state_tables.BUDGETS,
    state_tables.ALERT_RULES,
    state_tables.ALERT_SILENCES,
    state_tables.ALERT_EPISODES,
    state_tables.ALERT_DELIVERIES,
    state_tables.ALERT_ACKNOWLEDGEMENTS,
    state_tables.QUARANTINE_VERDICTS,
    state_tables.PRICE_CARDS,
    state_tables.PRICE_CARD_UNITS,
    state_tables.TOMBSTONES,
    state_tables.RETENTION,
    state_tables.HEARTBEATS,
    state_tables.PIPELINE_RUNS,
    state_tables.VERSIONS,
    state_tables.RECOVERIES,
)
"""What landing cannot tell. It is taken over before anything else, so that no alert fires again, nobody who was
forgotten comes back, and what has expired stays so."""

PARTLY_SHOWN = frozenset({state_tables.INGEST_LEDGER.name, state_tables.QUALITY_VERDICTS.name})
"""Tables of which a version shows the last days only: their older rows stay."""


@dataclass(frozen=True, slots=True)
class PublishedState:
    """A version that can be read: its number, and the rows of its state tables."""

    number: int
    rows: dict[str, pl.DataFrame]
    paths: frozenset[str]


def newest_version(serving: Path) -> PublishedState | None:
    """Return the newest version that can be read as a whole. None: there is none."""
    for number, path in sorted(version_files(serving).items(), reverse=True):
        try:
            return _read(number, path)
        except duckdb.Error:
            continue
    return None


def take_decisions(connection: duckdb.DuckDBPyConnection, rows: dict[str, pl.DataFrame]) -> None:
    """Let the decisions in a state be these."""
    for table in DECISIONS:
        _replace(connection, table, rows)


def take_over(
    connection: duckdb.DuckDBPyConnection, published: PublishedState, folder: Path
) -> frozenset[tuple[str, date]]:
    """Bring a state, in which everything is older, to what a version holds; return days of which a file is gone.

    How far source files are read is taken from landing.
    """
    attempts = connection.execute("SELECT DISTINCT attempt_id FROM core_ingest_ledger").fetchall()
    for table in schema.stored(Storage.STATE):
        _replace(connection, table, published.rows)
    _take_positions(connection, folder, {str(attempt) for (attempt,) in attempts})
    return _take_manifest(connection, published, folder)


def _read(number: int, path: Path) -> PublishedState:
    with duckdb.connect(path, read_only=True) as version:
        version.execute("SET TimeZone = 'UTC'")
        there = fingerprints(version)
        rows = {
            table.name: fetch_frame(version, f"SELECT * FROM {table.name}")
            for table in schema.stored(Storage.STATE)
            if table.name in there
        }
        views = version.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall()
    return PublishedState(number, rows, frozenset(path for (sql,) in views for path in LISTED.findall(sql)))


def _replace(connection: duckdb.DuckDBPyConnection, table: Table, rows: dict[str, pl.DataFrame]) -> None:
    """Let a table hold these rows; columns that another version of the program had are left out."""
    if table.name not in rows:
        return
    found = rows[table.name]
    names = [name for name in table.names if name in found.columns]
    frame = found.select(pl.col(name).cast(polars_schema(table)[name]) for name in names)
    if table.name in PARTLY_SHOWN:
        replace_rows(connection, table, frame)
    else:
        connection.execute(f"DELETE FROM {table.name}")
        insert_frame(connection, table, frame)


def _take_positions(connection: duckdb.DuckDBPyConnection, folder: Path, known: Collection[str]) -> None:
    """Note how far the files of attempts were read that the older state did not know."""
    rows = connection.execute(
        "SELECT DISTINCT attempt_id FROM core_ingest_ledger WHERE status IN ('committed', 'held')"
    ).fetchall()
    wanted = {str(attempt) for (attempt,) in rows} - set(known)
    landed = [each for source in sorted((folder / "landing").glob("*")) for each in readable_landings(source)]
    for landing in sorted(landed, key=lambda each: (each.landed_at, each.ordinal)):
        if landing.attempt_id in wanted:
            replace_rows(connection, state_tables.FILE_POSITIONS, position_frame(landing))


def _take_manifest(
    connection: duckdb.DuckDBPyConnection, published: PublishedState, folder: Path
) -> frozenset[tuple[str, date]]:
    tables = {table.folder: table for table in schema.stored(Storage.DAY_FILES)}
    listed = {file.path: file for file in files_of(connection, [table.name for table in tables.values()])}
    wanted = {path for path in published.paths if "=0001-01-01/" not in path}
    remove_files(connection, [file for path, file in listed.items() if path not in wanted])
    unknown = [_day_file(tables, path) for path in sorted(wanted - listed.keys())]
    added = true_files(folder, unknown)
    add_files(connection, added.values())
    return frozenset(file.table_day for file in unknown if file.path not in added)


def _day_file(tables: Mapping[str, Table], path: str) -> Piece:
    """Return the day file of a path, of which nothing else is known."""
    place, _, name = path.rpartition("/")
    table = tables[place.rpartition("/")[0]]
    return Piece(table.name, date.fromisoformat(place.rpartition("=")[2]), path, 0, 0, name.removesuffix(".parquet"))
