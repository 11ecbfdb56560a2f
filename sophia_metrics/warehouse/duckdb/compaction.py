"""Compaction: a day that lies in several small pieces becomes one file, once nobody writes to it any more.

No row changes. The day has another file, so its marts are built once more and come out the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import duckdb

from sophia_metrics import schema
from sophia_metrics.cutting import cut
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.warehouse.duckdb.changes import FULL_ROWS
from sophia_metrics.warehouse.duckdb.contents import modified_at
from sophia_metrics.warehouse.duckdb.damage import refuse_damage
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.protocol import Changed, Compaction
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_compaction"]

QUIET_FOR = timedelta(days=1)
ROWS_AT_ONCE = 4_000_000
"""Days are written together up to so many rows: memory depends on this, not on the history."""

TABLES = tuple(table for table in schema.stored(Storage.DAY_FILES) if table.name.startswith("core_"))
"""A mart day is one file already: it is built as a whole."""

Pieces = dict[date, tuple[Piece, ...]]


def commit_compaction(state: StateFile, store: DayFileStore, change: Compaction, memory_limit: str) -> Changed:
    """Write each day that lies in small pieces, and that nobody has written to for a day, as one file."""
    with state.transaction() as locked:
        listed = files_of(locked, [table.name for table in TABLES])
    row_count = 0
    days: set[date] = set()
    for table in TABLES:
        pieces = _pieces(store, [file for file in listed if file.table_name == table.name], change.now)
        rows = {day: _rows(files) for day, files in pieces.items()}
        for chunk in cut(rows, rows.__getitem__, ROWS_AT_ONCE):
            if change.is_dry_run:
                written = Changed(sum(rows[day] for day in chunk), chunk)
            else:
                written = _compact(state, store, table, chunk, change.now, memory_limit)
            row_count += written.event_count
            days.update(written.days)
    return Changed(row_count, tuple(sorted(days)))


def _compact(
    state: StateFile, store: DayFileStore, table: Table, days: Sequence[date], now: datetime, memory_limit: str
) -> Changed:
    """Compact some days of a table; one that somebody has written to meanwhile is left as it is."""
    with working_connection(store.folder, memory_limit) as connection:
        return switch_optimistically(
            state,
            DayFileFacts(store),
            find=lambda locked: files_of(locked, [table.name], days),
            write=lambda found, unique: _write(
                connection, store, table, _pieces(store, found, now), f"compact-{unique}"
            ),
            finish=lambda _, switch: Changed(_rows(switch.added), switch.days([table.name])),
        )


def _write(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, table: Table, pieces: Pieces, version: str
) -> Switch:
    files = tuple(file for found in pieces.values() for file in found)
    if not files:
        return Switch()
    refuse_damage(store.folder, files)
    connection.execute(f"CREATE OR REPLACE VIEW compacted AS {store.relation(table, files)}")
    columns = store.stored_columns(connection, files)
    counts = {day: _rows(found) for day, found in pieces.items()}
    return Switch(store.write(connection, table, "compacted", counts, version, columns=columns), files)


def _pieces(store: DayFileStore, files: Iterable[Piece], now: datetime) -> Pieces:
    """Return by day the small files of which there are several, where no file of the day is young."""
    by_day: defaultdict[date, list[Piece]] = defaultdict(list)
    for file in files:
        by_day[file.day_on].append(file)
    found: Pieces = {}
    for day, own in sorted(by_day.items()):
        small = tuple(file for file in own if file.row_count <= FULL_ROWS)
        if len(small) > 1 and all(_is_quiet(store, file, now) for file in own):
            found[day] = small
    return found


def _is_quiet(store: DayFileStore, file: Piece, now: datetime) -> bool:
    """Say whether a file was written a day ago or earlier; one that is gone is nothing to be written anew from."""
    path = store.folder / file.path
    return path.exists() and now - modified_at(path.stat()) >= QUIET_FOR


def _rows(files: Iterable[Piece]) -> int:
    return sum(file.row_count for file in files)
