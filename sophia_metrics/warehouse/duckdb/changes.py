"""From changed events to day files: appended where nothing is replaced, else the pieces concerned are written anew."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

import duckdb

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.damage import refuse_damage
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore, filled_columns, rows_by_day
from sophia_metrics.warehouse.facts import REPLACED_BY
from sophia_metrics.warehouse.manifest import Piece, Switch

__all__ = [
    "COMPACT_AT",
    "FULL_ROWS",
    "absorbed",
    "write_changes",
    "write_observations",
    "write_quarantine",
]

COMPACT_AT = 8
"""A day never has so many files that are not full: some of them are written anew as one instead."""

GROWTH = 2
"""A file is absorbed while it has at most so many times the rows of those that are absorbed already."""

FULL_ROWS = 200_000
"""A file of more rows is absorbed no more, and written anew only by itself: memory does not depend on the day."""


def write_changes(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    found: Sequence[Piece],
    version: str,
    *,
    priced: str = "priced_events",
) -> Switch:
    """Write priced events and `priced_units`, which replace the rows of `replaced`, beside the files found.

    `priced` names the events. They may be a view that computes when it is read, so days and filled columns are
    looked up in `events`, which it prices. A file is written anew where a row of it is replaced, or where its day
    would have too many files; every other file stays.
    """
    replaced = rows_by_day(connection, "replaced")
    events = _write_table(connection, store, core.USAGE_EVENTS, priced, found, version, replaced)
    return events + _write_table(connection, store, core.USAGE_UNITS, "priced_units", found, version, replaced)


def write_quarantine(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, rows: str, found: Sequence[Piece], version: str
) -> Switch:
    """Write rows beside the files found; nothing that stands there is replaced."""
    return _write_table(connection, store, core.QUARANTINE, rows, found, version, {})


def write_observations(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    table: Table,
    rows: str,
    found: Sequence[Piece],
    version: str,
) -> Switch:
    """Write rows, which replace those with the keys of `replaced`, beside the files found."""
    replaced = rows_by_day(connection, "replaced", str(table.day))
    return _write_table(connection, store, table, rows, found, version, replaced)


def absorbed(sizes: Sequence[int], fresh: int) -> tuple[int, ...]:
    """Return which of a day's files are written anew together with some fresh rows, by their numbers of rows.

    There are never COMPACT_AT files, and a row is written anew about as often as the day doubles.
    """
    if len(sizes) + 1 < COMPACT_AT:
        return ()
    taken: list[int] = []
    rows = fresh
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place]):
        if taken and sizes[place] > GROWTH * rows:
            break
        taken.append(place)
        rows += sizes[place]
    return tuple(taken)


def _write_table(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    table: Table,
    fresh: str,
    found: Sequence[Piece],
    version: str,
    replaced: Collection[date],
) -> Switch:
    """Write the fresh rows by day; a file that is written anew keeps those of its rows that are not replaced.

    `replaced` are the days of the rows of `replaced`.
    """
    counts = rows_by_day(connection, "events" if fresh == "priced_events" else fresh, str(table.day))
    files = [file for file in found if file.table_name == table.name]
    holding = _holding(connection, store, table, [file for file in files if file.day_on in replaced])
    crowding = _crowding(files, holding, counts)
    anew = tuple(file for file in files if file in holding or file in crowding)
    columns = _computed_columns(connection, table, fresh)
    full = [file for file in anew if file.row_count > FULL_ROWS]
    added = _write_anew(
        connection, store, table, fresh, [file for file in anew if file not in full], counts, version, columns
    )
    none = f"(SELECT {', '.join(table.names)} FROM ({store.relation(table, ())}))"
    for number, file in enumerate(full):
        added += _write_anew(connection, store, table, none, [file], {}, f"{version}-{number}", columns)
    return Switch(added, anew)


def _write_anew(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    table: Table,
    fresh: str,
    anew: Sequence[Piece],
    counts: Mapping[date, int],
    version: str,
    columns: Sequence[str] | None,
) -> tuple[Piece, ...]:
    """Write the fresh rows, by day as counted, together with what stays of some files."""
    if not anew:
        return store.write(connection, table, fresh, counts, version, columns=columns)
    refuse_damage(store.folder, anew)
    rows = defaultdict(int, counts)
    for file in anew:
        rows[file.day_on] += file.row_count
    names = ", ".join(table.names)
    same = ", ".join(REPLACED_BY.get(table, table.key))
    replacing = f" ANTI JOIN replaced USING ({same})" if same else ""
    connection.execute(
        f"CREATE OR REPLACE VIEW next_rows AS SELECT {names} FROM {fresh} "
        f"UNION ALL SELECT {names} FROM ({store.relation(table, anew)}){replacing}"
    )
    if columns is not None:
        columns = [*columns, *(name for name in store.stored_columns(connection, anew) if name not in columns)]
    return store.write(connection, table, "next_rows", rows, version, columns=columns)


def _holding(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, table: Table, files: Collection[Piece]
) -> frozenset[Piece]:
    """Return those of the files that hold a row which is replaced."""
    if not files:
        return frozenset()
    by_path = {str(store.folder / file.path): file for file in files}
    rows = connection.execute(
        "SELECT DISTINCT filename FROM read_parquet($1, filename = true) "
        f"SEMI JOIN replaced USING ({', '.join(REPLACED_BY.get(table, table.key))})",
        [list(by_path)],
    ).fetchall()
    return frozenset(by_path[path] for (path,) in rows)


def _crowding(files: Iterable[Piece], holding: Collection[Piece], fresh: Mapping[date, int]) -> frozenset[Piece]:
    """Return the files that are written anew only because their days would have too many."""
    others: defaultdict[date, list[Piece]] = defaultdict(list)
    rows = defaultdict(int, fresh)
    for file in files:
        if file in holding:
            rows[file.day_on] += file.row_count
        elif file.row_count <= FULL_ROWS:
            others[file.day_on].append(file)
    return frozenset(
        pieces[place]
        for day, pieces in others.items()
        if rows[day]
        for place in absorbed([piece.row_count for piece in pieces], rows[day])
    )


def _computed_columns(connection: duckdb.DuckDBPyConnection, table: Table, fresh: str) -> list[str] | None:
    """Return the columns that are worth writing, where that is known without computing every row."""
    if fresh != "priced_events":
        return None
    money = {column.name for column in core.PRICED}
    staged = filled_columns(connection, [name for name in table.names if name not in money], "events")
    return [name for name in table.names if name in staged or name in money]
