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
from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.usage.erasing import tag_texts
from sophia_metrics.usage.staging import PERSONAL
from sophia_metrics.usage.tombstones import FORGOTTEN
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore, rows_by_day
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.protocol import Changed, Erasure
from sophia_metrics.warehouse.state_connection import StateConnection, fetch_first
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_erasure"]

IDENTIFIERS = ("user_hash", "session_id", "api_key_id")
NAMING = ("account_id", "team", "project", "environment")
KEPT_TEXTS = ("provider", "model", "status")
"""The texts among the kept_values of core_quarantine."""

TABLES = (core.USAGE_EVENTS, core.QUARANTINE)
JSON_COLUMNS = {core.USAGE_EVENTS: "tags", core.QUARANTINE: "kept_values"}
IS_PERSON = "{} IN (SELECT value FROM forgotten_values WHERE is_person)"
IS_ANYONE = "{} IN (SELECT value FROM forgotten_values)"


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
        counts = [_count(state, store, table, change, memory_limit) for table in TABLES]
        return Changed(
            sum(sum(each.values()) for each in counts), tuple(sorted({day for each in counts for day in each}))
        )
    with state.transaction() as locked:
        _record(locked, change)
    days = {table: list(_count(state, store, table, change, memory_limit)) for table in TABLES}
    counted: list[int] = []

    def write(found: tuple[Piece, ...], unique: str) -> Switch:
        switch, counts = Switch(), 0
        with working_connection(store.folder, memory_limit) as connection:
            for table in TABLES:
                own = [file for file in found if file.table_name == table.name]
                written = _write(connection, store, table, own, change, f"erasure-{unique}")
                switch, counts = switch + written.switch, counts + written.row_count
        counted[:] = [counts]
        return switch

    def finish(locked: StateConnection, switch: Switch) -> Changed:
        _record(locked, change)  # a version that was published meanwhile shows them too
        return Changed(counted[0], switch.days(table.name for table in TABLES))

    return switch_optimistically(
        state,
        DayFileFacts(store),
        find=lambda locked: tuple(
            file for table, some in days.items() for file in files_of(locked, [table.name], some)
        ),
        write=write,
        finish=finish,
    )


def _record(locked: StateConnection, change: Erasure) -> None:
    """Write the tombstones; every version that there is may show these people."""
    row = fetch_first(locked, "SELECT coalesce(max(version), 0) FROM core_versions")
    version = int(row[0]) if row else 0
    reaches = change.tombstones.reaches
    given = [list(reaches), [reach.value for reach in reaches.values()]]
    locked.execute("CREATE OR REPLACE TEMP TABLE given AS SELECT unnest($1) AS tombstone, unnest($2) AS reach", given)
    locked.execute(
        "UPDATE core_tombstones SET last_version = $1, "
        "reach = CASE WHEN given.reach = 'person' THEN given.reach ELSE core_tombstones.reach END "
        "FROM given WHERE given.tombstone = core_tombstones.tombstone",
        [version],
    )
    locked.execute(
        "INSERT INTO core_tombstones (tombstone, reach, forgotten_at, last_version) "
        "SELECT tombstone, reach, $1, $2 FROM given ANTI JOIN core_tombstones USING (tombstone)",
        [change.now, version],
    )
    locked.execute("DROP TABLE given")


def _count(state: StateFile, store: DayFileStore, table: Table, change: Erasure, memory_limit: str) -> dict[date, int]:
    """Return in how many rows of a table somebody is, by day."""
    with state.transaction() as locked:
        files = files_of(locked, [table.name])
    with working_connection(store.folder, memory_limit) as connection:
        relation = f"({store.relation(table, files)})"
        if not _mark(connection, table, relation, change):
            return {}
        return rows_by_day(connection, f"{relation} WHERE {_holds(table)}", str(table.day))


def _mark(connection: duckdb.DuckDBPyConnection, table: Table, relation: str, change: Erasure) -> bool:
    """Find the values of a relation that are somebody's, and the JSON texts that hold one; say whether there is any."""
    column = JSON_COLUMNS[table]
    connection.execute(
        f"CREATE OR REPLACE TABLE json_texts AS SELECT DISTINCT {column} AS json_text FROM {relation} "
        f"WHERE {column} IS NOT NULL"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE json_entries AS WITH entries AS (SELECT json_text, unnest(map_entries("
        "CAST(CAST(json_text AS JSON) AS MAP(VARCHAR, VARCHAR)))) AS entry FROM json_texts) "
        f"SELECT json_text, entry.key AS key, entry.value AS text, list_append({tag_texts('entry.key')}, entry.value) "
        "AS texts FROM entries"
    )
    texts = "unnest(texts)" if table is core.USAGE_EVENTS else "text"
    columns = (*IDENTIFIERS, *NAMING) if table is core.USAGE_EVENTS else ()
    values = [f"SELECT {name} FROM {relation}" for name in columns]
    if not change.tombstones.mark(connection, " UNION ALL ".join([*values, f"SELECT {texts} FROM json_entries"])):
        return False
    _clean_json(connection, table)
    return True


def _clean_json(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create `cleaned_json`: for each JSON text in which somebody is, what it is without them."""
    if table is core.USAGE_EVENTS:
        is_theirs = "coalesce(list_has_any(getvariable('forgotten_people'), texts), false)"
        cleaned = (
            f"nullif(CAST(to_json(map_from_entries(list((key, text)) FILTER (NOT {is_theirs}))) AS VARCHAR), '{{}}')"
        )
    else:
        listed = ", ".join(f"'{name}'" for name in KEPT_TEXTS)
        is_theirs = f"key IN ({listed}) AND coalesce(list_contains(getvariable('forgotten_people'), text), false)"
        patch = f"list(json_object(key, NULL)) FILTER ({is_theirs})"
        cleaned = f"CAST(list_reduce({patch}, lambda one, other: json_merge_patch(one, other)) AS VARCHAR)"
    connection.execute(
        f"CREATE OR REPLACE TABLE cleaned_json AS SELECT json_text, {cleaned} AS cleaned FROM json_entries "
        f"GROUP BY json_text HAVING bool_or({is_theirs})"
    )


def _holds(table: Table) -> str:
    """Return the predicate of the rows in which somebody is."""
    in_json = f"{JSON_COLUMNS[table]} IN (SELECT json_text FROM cleaned_json)"
    if table is not core.USAGE_EVENTS:
        return in_json
    person = " OR ".join(IS_PERSON.format(name) for name in IDENTIFIERS)
    linked = " OR ".join(IS_ANYONE.format(name) for name in IDENTIFIERS)
    named = " OR ".join(IS_PERSON.format(name) for name in NAMING)
    free = f"(user_hash IS NULL OR {IS_PERSON.format('user_hash')})"
    return f"coalesce({person} OR {free} AND ({linked} OR {named}) OR {in_json}, false)"


def _erased(table: Table) -> dict[str, str]:
    """Return, for each column that changes, what it is without these people."""
    column = JSON_COLUMNS[table]
    if table is not core.USAGE_EVENTS:
        patched = f"CAST(json_merge_patch({column}, cleaned_json.cleaned) AS VARCHAR)"
        return {column: f"CASE WHEN cleaned_json.json_text IS NULL THEN {column} ELSE {patched} END"}
    of_session, of_key = (IS_ANYONE.format(name) for name in ("session_id", "api_key_id"))
    theirs = f"coalesce({IS_PERSON.format('user_hash')} OR user_hash IS NULL AND ({of_session} OR {of_key}), false)"
    erased = {name: f"CASE WHEN {theirs} THEN NULL ELSE {name} END" for name in PERSONAL}
    erased["session_id"] = f"CASE WHEN {theirs} OR {IS_PERSON.format('session_id')} THEN NULL ELSE session_id END"
    erased["api_key_id"] = (
        f"CASE WHEN {IS_PERSON.format('api_key_id')} OR {theirs} AND {of_key} THEN NULL ELSE api_key_id END"
    )
    for name in NAMING:
        condition = f"({theirs} OR user_hash IS NULL) AND {IS_PERSON.format(name)}"
        erased[name] = f"CASE WHEN {condition} THEN '{FORGOTTEN}' ELSE {name} END"
    erased[column] = f"CASE WHEN cleaned_json.json_text IS NULL THEN {column} ELSE cleaned_json.cleaned END"
    return erased


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
    if not files or not _mark(connection, table, relation, change):
        return _Written(Switch(), 0)
    holding = _holding(connection, store, table, files)
    erased = _erased(table)
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
        rows = fetch_row(connection, f"SELECT count(*) FROM ({store.relation(table, [file])}) WHERE {_holds(table)}")
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
