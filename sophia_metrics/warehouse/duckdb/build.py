"""Building marts: a day of a mart is computed again when its inputs are no longer those it came from.

Each built day remembers a hash over the paths of its input files (which never change) and the text of its
SQL. So a crash between a commit and the build, or a new version of the SQL, heals at the next build.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl

from sophia_metrics import schema
from sophia_metrics.frames import fetch_frame
from sophia_metrics.marts import MARTS, Mart
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.ledger import insert_frame
from sophia_metrics.warehouse.duckdb.manifest import DayFile, add_files, files_of
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.protocol import BuildReport
from sophia_metrics.working import working_connection

__all__ = ["build_marts"]

DAY_MARTS = tuple(mart for mart in MARTS if mart.table.storage is Storage.DAY_FILES)
ROWS_AT_ONCE = 4_000_000
"""Days are built together up to so many input rows: memory depends on this, not on the history."""

FilesByDay = dict[date, tuple[DayFile, ...]]


def build_marts(state: StateFile, store: DayFileStore, folder: Path, memory_limit: str) -> BuildReport:
    """Build the stale days of every mart in day files, inputs before outputs, and switch them in at once."""
    with state.transaction() as connection:
        files = _files_by_table(connection)
        known = {
            (str(mart), day): str(sha256)
            for mart, day, sha256 in connection.execute(
                "SELECT mart, day_on, inputs_sha256 FROM mart_builds"
            ).fetchall()
        }
        stale = {mart.name: _stale_days(mart, files, known) for mart in DAY_MARTS}
        cards = fetch_frame(connection, "SELECT * FROM core_price_cards") if any(stale.values()) else None
    if cards is None:
        return BuildReport({})
    version = f"build-{uuid4().hex}"
    built: dict[str, tuple[date, ...]] = {}
    with working_connection(folder, memory_limit) as connection:
        connection.register("core_price_cards", cards)
        for mart in DAY_MARTS:
            days = _stale_days(mart, files, known)
            written = [
                file
                for chunk in _chunks(days, _rows_by_day(mart, files))
                for file in _build_days(connection, store, mart, chunk, files, version)
            ]
            kept = {day: found for day, found in files[mart.name].items() if day not in days}
            files[mart.name] = {**kept, **_by_day(written)}
            built[mart.name] = days
    _switch(state, files, built)
    return BuildReport({mart: days for mart, days in built.items() if days})


def _files_by_table(connection: duckdb.DuckDBPyConnection) -> dict[str, FilesByDay]:
    names = [table.name for table in schema.stored(Storage.DAY_FILES)]
    grouped: dict[str, list[DayFile]] = {name: [] for name in names}
    for file in files_of(connection, names):
        grouped[file.table_name].append(file)
    return {name: _by_day(found) for name, found in grouped.items()}


def _by_day(files: Iterable[DayFile]) -> FilesByDay:
    grouped: defaultdict[date, list[DayFile]] = defaultdict(list)
    for file in files:
        grouped[file.day_on].append(file)
    return {day: tuple(found) for day, found in grouped.items()}


def _inputs(mart: Mart, files: Mapping[str, FilesByDay]) -> tuple[str, ...]:
    """Return the inputs in day files; price cards never change and need no watching."""
    return tuple(name for name in mart.inputs if name in files)


def _stale_days(mart: Mart, files: Mapping[str, FilesByDay], known: Mapping[tuple[str, date], str]) -> tuple[date, ...]:
    """Return the days whose inputs differ from what the mart was built from, days without inputs included."""
    days = {day for name in _inputs(mart, files) for day in files[name]}
    days |= {day for name, day in known if name == mart.name}
    return tuple(sorted(day for day in days if known.get((mart.name, day)) != _inputs_sha256(mart, day, files)))


def _inputs_sha256(mart: Mart, day: date, files: Mapping[str, FilesByDay]) -> str | None:
    paths = sorted(file.path for name in _inputs(mart, files) for file in files[name].get(day, ()))
    if not paths:
        return None
    return hashlib.sha256("\n".join([mart.sql_sha256, *paths]).encode()).hexdigest()


def _rows_by_day(mart: Mart, files: Mapping[str, FilesByDay]) -> dict[date, int]:
    rows: defaultdict[date, int] = defaultdict(int)
    for name in _inputs(mart, files):
        for day, found in files[name].items():
            rows[day] += sum(file.row_count for file in found)
    return rows


def _chunks(days: Sequence[date], rows: Mapping[date, int]) -> Iterator[tuple[date, ...]]:
    """Cut days into runs of at most ROWS_AT_ONCE input rows; a larger day stands alone."""
    chunk: list[date] = []
    size = 0
    for day in days:
        if chunk and size + rows.get(day, 0) > ROWS_AT_ONCE:
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(day)
        size += rows.get(day, 0)
    if chunk:
        yield tuple(chunk)


def _build_days(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    mart: Mart,
    days: Sequence[date],
    files: Mapping[str, FilesByDay],
    version: str,
) -> tuple[DayFile, ...]:
    for name in _inputs(mart, files):
        found = [file for day in days for file in files[name].get(day, ())]
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {store.relation(schema.table(name), found)}")
    built = f"built_{mart.name}"
    connection.execute(f"CREATE OR REPLACE TABLE {built} AS {mart.sql}")
    written = store.write(connection, mart.table, built, days, version)
    connection.execute(f"DROP TABLE {built}")
    return written


def _switch(state: StateFile, files: Mapping[str, FilesByDay], built: Mapping[str, Sequence[date]]) -> None:
    rows = [
        {"mart": mart.name, "day_on": day, "inputs_sha256": sha256}
        for mart in DAY_MARTS
        for day in built[mart.name]
        if (sha256 := _inputs_sha256(mart, day, files)) is not None
    ]
    with state.transaction() as connection:
        for name, days in built.items():
            connection.execute(
                "DELETE FROM manifest WHERE table_name = $1 AND list_contains($2, day_on)", [name, list(days)]
            )
            connection.execute(
                "DELETE FROM mart_builds WHERE mart = $1 AND list_contains($2, day_on)", [name, list(days)]
            )
            add_files(connection, [file for day in days for file in files[name].get(day, ())])
        insert_frame(
            connection,
            state_tables.MART_BUILDS,
            pl.DataFrame(rows, schema={"mart": pl.String, "day_on": pl.Date, "inputs_sha256": pl.String}),
        )
