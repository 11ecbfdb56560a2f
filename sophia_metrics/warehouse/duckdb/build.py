"""Building marts: a day of a mart is computed again when its inputs are no longer those it came from.

Each built day remembers a hash over the paths of its input files (which never change) and the text of its
SQL. So a crash between a commit and the build, or a new version of the SQL, heals at the next build.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl

from sophia_metrics import schema
from sophia_metrics.cutting import cut
from sophia_metrics.frames import fetch_frame
from sophia_metrics.marts import Mart
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.ddl import select_typed
from sophia_metrics.schema.focus import SELLERS
from sophia_metrics.warehouse.damaged_days import forget_damage
from sophia_metrics.warehouse.duckdb.damage import refuse_wrong_days
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore, rows_by_day
from sophia_metrics.warehouse.duckdb.facts import date_unlisted, refuse_swept
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import (
    Piece,
    add_files,
    files_of,
    remove_days,
)
from sophia_metrics.warehouse.protocol import BuildReport
from sophia_metrics.warehouse.staleness import DAY_MARTS, DAY_TABLES, day_inputs, hash_inputs, stale_days
from sophia_metrics.working import working_connection

__all__ = [
    "FilesByDay",
    "build_marts",
    "chunks",
    "compute_days",
    "files_by_table",
    "rows_of_days",
]

ROWS_AT_ONCE = 4_000_000
"""Days are built together up to so many input rows: memory depends on this, not on the history."""

FilesByDay = dict[date, tuple[Piece, ...]]


def build_marts(state: StateFile, store: DayFileStore, folder: Path, memory_limit: str) -> BuildReport:
    """Build the stale days of every mart in day files, inputs before outputs, and switch them in at once."""
    with state.transaction() as connection:
        refuse_wrong_days(connection)
        stale = stale_days(connection)
        if not any(stale.values()):
            return BuildReport({})
        files = files_by_table(connection, {day for days in stale.values() for day in days})
        cards = fetch_frame(connection, "SELECT * FROM core_price_cards")
    version = f"build-{uuid4().hex}"
    with working_connection(folder, memory_limit) as connection:
        connection.register("core_price_cards", cards)
        wanted = {name: frozenset(days) for name, days in stale.items()}
        for chunk in chunks(sorted({day for days in stale.values() for day in days}), rows_of_days(files)):
            together = {name: [day for day in chunk if day in days] for name, days in wanted.items()}
            _build_days(connection, store, together, files, version)
    _switch(state, files, stale)
    return BuildReport({mart: days for mart, days in stale.items() if days})


def files_by_table(connection: duckdb.DuckDBPyConnection, days: Collection[date] | None) -> dict[str, FilesByDay]:
    """Return the files of some days (None: of all) by table and day."""
    grouped: dict[str, list[Piece]] = {name: [] for name in DAY_TABLES}
    for file in files_of(connection, DAY_TABLES, days):
        grouped[file.table_name].append(file)
    return {name: _by_day(found) for name, found in grouped.items()}


def _by_day(files: Iterable[Piece]) -> FilesByDay:
    grouped: defaultdict[date, list[Piece]] = defaultdict(list)
    for file in files:
        grouped[file.day_on].append(file)
    return {day: tuple(found) for day, found in grouped.items()}


def _inputs_sha256(mart: Mart, day: date, files: Mapping[str, FilesByDay]) -> str | None:
    return hash_inputs(mart, (file.path for name in day_inputs(mart) for file in files[name].get(day, ())))


def rows_of_days(files: Mapping[str, FilesByDay]) -> dict[date, int]:
    """Return how many rows all tables together have of each day."""
    rows: defaultdict[date, int] = defaultdict(int)
    for by_day in files.values():
        for day, found in by_day.items():
            rows[day] += sum(file.row_count for file in found)
    return rows


def chunks(days: Sequence[date], rows: Mapping[date, int]) -> Iterator[tuple[date, ...]]:
    """Cut days into runs of at most ROWS_AT_ONCE input rows; a larger day stands alone."""
    return cut(days, lambda day: rows.get(day, 0), ROWS_AT_ONCE)


def _build_days(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    stale: Mapping[str, Sequence[date]],
    files: Mapping[str, FilesByDay],
    version: str,
) -> None:
    """Build some days of every mart, and put the files written in the place of those that were there."""
    for mart, days, built in compute_days(connection, store, stale, files):
        counts = rows_by_day(connection, built, str(mart.table.day))
        for day in days:
            files[mart.name].pop(day, None)
        files[mart.name].update(_by_day(store.write(connection, mart.table, built, counts, version)))


def compute_days(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    wanted: Mapping[str, Sequence[date]],
    files: Mapping[str, FilesByDay],
) -> Iterator[tuple[Mart, Sequence[date], str]]:
    """Compute some days of marts, inputs before outputs: yield each, its days, and the table with its rows.

    A mart that was computed just now for the same days is read from memory, and not from its files.
    """
    connection.register(SELLERS.name, seller_frame())
    there: dict[str, Sequence[date]] = {}
    for mart in DAY_MARTS:
        days = wanted.get(mart.name, ())
        if not days:
            continue
        for name in day_inputs(mart):
            if there.get(name) != days:
                found = [file for day in days for file in files[name].get(day, ())]
                connection.execute(f"CREATE OR REPLACE VIEW {name} AS {store.relation(schema.table(name), found)}")
                there[name] = days
        built = f"built_{mart.name}"
        connection.execute(f"CREATE OR REPLACE TABLE {built} AS {mart.sql}")
        connection.execute(f"CREATE OR REPLACE VIEW {mart.name} AS {select_typed(mart.table, built)}")
        there[mart.name] = days
        yield mart, days, built
    for mart in DAY_MARTS:
        connection.execute(f"DROP TABLE IF EXISTS built_{mart.name}")


def _switch(state: StateFile, files: Mapping[str, FilesByDay], built: Mapping[str, Sequence[date]]) -> None:
    rows = [
        {"mart": mart.name, "day_on": day, "inputs_sha256": sha256}
        for mart in DAY_MARTS
        for day in built[mart.name]
        if (sha256 := _inputs_sha256(mart, day, files)) is not None
    ]
    with state.transaction() as connection:
        for name, days in built.items():
            gone = remove_days(connection, [(name, day) for day in days])
            date_unlisted(state.folder, gone)
            forget_damage(connection, [(name, day) for day in days])
            connection.execute(
                "DELETE FROM mart_builds WHERE mart = $1 AND list_contains($2, day_on)", [name, list(days)]
            )
            added = [file for day in days for file in files[name].get(day, ())]
            refuse_swept(state.folder, added)
            add_files(connection, added)
        insert_frame(
            connection,
            state_tables.MART_BUILDS,
            pl.DataFrame(rows, schema={"mart": pl.String, "day_on": pl.Date, "inputs_sha256": pl.String}),
        )
