"""Erasing people from core: the day files in which they are, are written anew without them, in one switch.

Counts and money are copied, so that every total stays. What tells of a person goes; see `staging.PERSONAL`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.frames import fetch_row
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore, rows_by_day
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.erased_rows import (
    ERASED_TABLES,
    JSON_COLUMNS,
    erased_columns,
    holds_people,
    mark_people,
    record_tombstones,
)
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.protocol import Changed, Erasure
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_erasure"]


@dataclass(frozen=True, slots=True)
class _Written:
    """The files of an erasure, and in how many rows somebody was."""

    switch: Switch
    row_count: int


def commit_erasure(state: StateFile, store: DayFileStore, change: Erasure, memory_limit: str) -> Changed:
    """Write the tombstones, then the day files that hold one of these people, without them.

    Returns how many rows held somebody. Rows that are committed meanwhile are refused until they too were looked
    through; see `forgotten`.
    """
    if change.is_dry_run:
        counts = [_count(state, store, table, change, memory_limit) for table in ERASED_TABLES]
        return Changed(
            sum(sum(each.values()) for each in counts), tuple(sorted({day for each in counts for day in each}))
        )
    with state.transaction() as locked:
        record_tombstones(locked, change)
    days = {table: list(_count(state, store, table, change, memory_limit)) for table in ERASED_TABLES}
    counted: list[int] = []

    def write(found: tuple[Piece, ...], unique: str) -> Switch:
        switch, counts = Switch(), 0
        with working_connection(store.folder, memory_limit) as connection:
            for table in ERASED_TABLES:
                own = [file for file in found if file.table_name == table.name]
                written = _write(connection, store, table, own, change, f"erasure-{unique}")
                switch, counts = switch + written.switch, counts + written.row_count
        counted[:] = [counts]
        return switch

    def finish(locked: StateConnection, switch: Switch) -> Changed:
        record_tombstones(locked, change)  # a version that was published meanwhile shows them too
        return Changed(counted[0], switch.days(table.name for table in ERASED_TABLES))

    return switch_optimistically(
        state,
        DayFileFacts(store),
        find=lambda locked: tuple(
            file for table, some in days.items() for file in files_of(locked, [table.name], some)
        ),
        write=write,
        finish=finish,
    )


def _count(state: StateFile, store: DayFileStore, table: Table, change: Erasure, memory_limit: str) -> dict[date, int]:
    """Return in how many rows of a table somebody is, by day."""
    with state.transaction() as locked:
        files = files_of(locked, [table.name])
    with working_connection(store.folder, memory_limit) as connection:
        relation = f"({store.relation(table, files)})"
        if not mark_people(connection, table, relation, change):
            return {}
        return rows_by_day(connection, f"{relation} WHERE {holds_people(table)}", str(table.day))


def _write(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    table: Table,
    files: Sequence[Piece],
    change: Erasure,
    version: str,
) -> _Written:
    """Write those of the files anew in which somebody is, each for itself: memory does not depend on the day."""
    relation = f"({store.relation(table, files)})"
    if not files or not mark_people(connection, table, relation, change):
        return _Written(Switch(), 0)
    holding = _holding(connection, store, table, files)
    erased = erased_columns(table)
    selected = ", ".join(f"{erased.get(name, f'there.{name}')} AS {name}" for name in table.names)
    added: list[Piece] = []
    for number, some in enumerate(_one_a_day(holding)):
        connection.execute(
            f"CREATE OR REPLACE VIEW erased_rows AS SELECT {selected} FROM ({store.relation(table, some)}) AS there "
            f"LEFT JOIN cleaned_json ON cleaned_json.json_text = there.{JSON_COLUMNS[table]}"
        )
        rows = {file.day_on: file.row_count for file in some}
        added += store.write(connection, table, "erased_rows", rows, f"{version}-{number}")
    _check_totals(added, tuple(holding))
    return _Written(Switch(tuple(added), tuple(holding)), sum(holding.values()))


def _holding(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, table: Table, files: Sequence[Piece]
) -> dict[Piece, int]:
    """Return the files in which somebody is, and in how many of their rows."""
    counts: dict[Piece, int] = {}
    for file in files:
        rows = fetch_row(
            connection, f"SELECT count(*) FROM ({store.relation(table, [file])}) WHERE {holds_people(table)}"
        )
        if rows and rows[0]:
            counts[file] = int(rows[0])
    return counts


def _one_a_day(files: Collection[Piece]) -> Iterator[list[Piece]]:
    """Yield the files in runs that have at most one of each day."""
    by_day: defaultdict[date, list[Piece]] = defaultdict(list)
    for file in files:
        by_day[file.day_on].append(file)
    for place in range(max(map(len, by_day.values()), default=0)):
        yield [own[place] for own in by_day.values() if place < len(own)]


def _check_totals(added: Collection[Piece], removed: Collection[Piece]) -> None:
    """Refuse a switch that would lose a row.

    Raises:
        ServiceUnavailableError: a file that was read is not what the manifest says.
    """
    if sum(file.row_count for file in added) != sum(file.row_count for file in removed):
        raise ServiceUnavailableError(
            "a day file has other rows than the manifest says: nothing was erased in core; look for damage first"
        )
