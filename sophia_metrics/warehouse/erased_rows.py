"""What a row of core is without people who are forgotten: which rows hold them, and what stays of those.

Counts and money are copied, so that every total stays. What tells of a person goes; see `staging.PERSONAL`.
"""

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.usage.erasing import tag_texts
from sophia_metrics.usage.staging import PERSONAL
from sophia_metrics.usage.tombstones import FORGOTTEN
from sophia_metrics.warehouse.mirrored import refuse_mirror
from sophia_metrics.warehouse.protocol import Erasure
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = [
    "ERASED_TABLES",
    "JSON_COLUMNS",
    "erased_columns",
    "holds_people",
    "mark_people",
    "record_tombstones",
]

IDENTIFIERS = ("user_hash", "session_id", "api_key_id")
NAMING = ("account_id", "team", "project", "environment")
KEPT_TEXTS = ("provider", "model", "status")
"""The texts among the kept_values of core_quarantine."""

ERASED_TABLES = (core.USAGE_EVENTS, core.QUARANTINE)
JSON_COLUMNS = {core.USAGE_EVENTS: "tags", core.QUARANTINE: "kept_values"}
IS_PERSON = "{} IN (SELECT value FROM forgotten_values WHERE is_person)"
IS_ANYONE = "{} IN (SELECT value FROM forgotten_values)"


def record_tombstones(locked: StateConnection, change: Erasure) -> None:
    """Write the tombstones; every version that there is may show these people.

    Raises:
        ConfigurationError: the state is a mirror: people are forgotten where usage is committed.
    """
    refuse_mirror(locked)
    row = fetch_row(locked, "SELECT coalesce(max(version), 0) FROM core_versions")
    version = int(row[0]) if row else 0
    reaches = change.tombstones.reaches
    given = {"tombstone": list(reaches), "reach": [reach.value for reach in reaches.values()]}
    locked.register("given", pl.DataFrame(given, schema={"tombstone": pl.String, "reach": pl.String}))
    locked.execute(
        "UPDATE core_tombstones SET last_version = $1, "
        "reach = CASE WHEN given.reach = 'person' THEN given.reach ELSE core_tombstones.reach END "
        "FROM given WHERE given.tombstone = core_tombstones.tombstone",
        [version],
    )
    locked.execute(
        "INSERT INTO core_tombstones (tombstone, reach, forgotten_at, last_version) "
        "SELECT tombstone, reach, $1, $2 FROM given "
        "WHERE tombstone NOT IN (SELECT tombstone FROM core_tombstones)",
        [change.now, version],
    )
    locked.unregister("given")


def mark_people(connection: duckdb.DuckDBPyConnection, table: Table, relation: str, change: Erasure) -> bool:
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


def holds_people(table: Table) -> str:
    """Return the predicate of the rows in which somebody is."""
    in_json = f"{JSON_COLUMNS[table]} IN (SELECT json_text FROM cleaned_json)"
    if table is not core.USAGE_EVENTS:
        return in_json
    person = " OR ".join(IS_PERSON.format(name) for name in IDENTIFIERS)
    linked = " OR ".join(IS_ANYONE.format(name) for name in IDENTIFIERS)
    named = " OR ".join(IS_PERSON.format(name) for name in NAMING)
    free = f"(user_hash IS NULL OR {IS_PERSON.format('user_hash')})"
    return f"coalesce({person} OR {free} AND ({linked} OR {named}) OR {in_json}, false)"


def erased_columns(table: Table) -> dict[str, str]:
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
