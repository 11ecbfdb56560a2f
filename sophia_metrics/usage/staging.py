"""Staging: landed rows become usage events with an identity and a verdict, before anything is decided.

A staged slice is a working DuckDB connection with these relations:

    mapped        one row a landed row, in the columns of an event (a view over the landed file)
    keys          row_ordinal, file_name, event_id, started_at, rule, is_ignored: narrow, so that looking
                  for duplicates is cheap
    staged        the rows that may enter core: core_usage_events without its money
    staged_units  row_ordinal, event_id, usage_on, started_at, unit, quantity of those rows
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Column, Kind
from sophia_metrics.schema.ddl import sql_type
from sophia_metrics.pricing.knowledge import Learned
from sophia_metrics.sources.format import Format
from sophia_metrics.usage.landing import Landing, quote
from sophia_metrics.usage.rules import first_broken_rule
from sophia_metrics.sources.terms import SourceTerms

__all__ = ["STAGED_COLUMNS", "Slice", "stage"]

PRICED_NAMES = frozenset(column.name for column in core.PRICED)
STAGED_COLUMNS: tuple[Column, ...] = tuple(
    column for column in core.USAGE_EVENTS.columns if column.name not in PRICED_NAMES
)
"""The columns of core_usage_events that are known before pricing."""

BOOKKEEPING = frozenset({"event_id", "usage_on", "source", "source_role", "ingested_at", "attempt_id"})
CONTROL = (
    Column("row_ordinal", Kind.COUNT, "Row in the landed file, from 0."),
    Column("file_name", Kind.TEXT, "The source file."),
    Column("defect", Kind.TEXT, "What the reader found wrong with the row. Null: nothing."),
    Column("is_ignored", Kind.BOOLEAN, "The row is not usage."),
    Column("native_id", Kind.TEXT, "The source's own id of the event. Null: it has none."),
    Column("total_input_tokens", Kind.COUNT, "All input tokens, as the source counts them."),
)
MAPPED_COLUMNS = (*CONTROL, *(column for column in STAGED_COLUMNS if column.name not in BOOKKEEPING))
DEFAULTS = {
    "is_ignored": "false",
    "record_kind": "'call'",
    "version_rank": "0",
    "request_count": "1",
    "status": "'ok'",
    "usage_quality": "CASE WHEN input_tokens IS NULL OR output_tokens IS NULL THEN 'missing' ELSE 'exact' END",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """The staged rows of one landing; see the relations at the head of this module.

    `connection` is a working connection that belongs to the slice, `now` the present (naive UTC), and
    `prices` what was learnt about prices on the way, to be committed with the rows. `held_because` says why
    the gate holds the slice: then only the ledger hears of it. None: it may be committed.
    """

    connection: duckdb.DuckDBPyConnection
    terms: SourceTerms
    landing: Landing
    now: datetime
    prices: Learned
    held_because: str | None = None


def stage(
    connection: duckdb.DuckDBPyConnection, landing: Landing, file_format: Format, terms: SourceTerms, now: datetime
) -> None:
    """Give every landed row its event_id and the first rule that it breaks.

    Args:
        connection: a working connection.
        landing: the landed file.
        file_format: the format of its rows, for the mapping.
        terms: what the configuration says of the source.
        now: the present (naive UTC); times beyond it are suspicious.
    """
    connection.execute("SET VARIABLE now = (SELECT $1::TIMESTAMP)", [now])
    connection.execute(f"CREATE OR REPLACE VIEW landed AS SELECT * FROM read_parquet({quote(str(landing.path))})")
    mapped_names = _create_mapped(connection, file_format)
    _create_keys(connection, terms.name, mapped_names)
    _create_staged(connection, landing, terms, now)
    _create_units(connection, file_format)


def _create_mapped(connection: duckdb.DuckDBPyConnection, file_format: Format) -> Sequence[str]:
    """Create `mapped`: the format's mapping with every column of an event, typed; return the names that it fills."""
    described = connection.execute(f"DESCRIBE {file_format.mapping}").fetchall()
    given = {str(row[0]) for row in described}
    selected = ", ".join(f"{_typed(column, given)} AS {column.name}" for column in MAPPED_COLUMNS)
    connection.execute(f"CREATE OR REPLACE VIEW mapped AS SELECT {selected} FROM ({file_format.mapping})")
    return [column.name for column in MAPPED_COLUMNS if column.name in given]


def _typed(column: Column, given: set[str]) -> str:
    default = DEFAULTS.get(column.name, "NULL")
    value = column.name if column.name in given else "NULL"
    expression = value if default == "NULL" else f"coalesce({value}, {default})"
    return f"CAST({expression} AS {sql_type(column.kind)})"


def _create_keys(connection: duckdb.DuckDBPyConnection, source: str, mapped_names: Sequence[str]) -> None:
    """Create `keys`. A row without a native id is identified by its values and its occurrence in its file."""
    connection.execute("SET VARIABLE source = (SELECT $1::VARCHAR)", [source])
    connection.execute(
        "CREATE OR REPLACE TABLE keys AS "
        "SELECT row_ordinal, file_name, substr(sha256(getvariable('source') || chr(31) || native_id), 1, 32) AS event_id, "
        f"started_at, {first_broken_rule()} AS rule, is_ignored FROM mapped"
    )
    without = "event_id IS NULL AND rule IS NULL AND NOT is_ignored"
    if not _any(connection, f"FROM keys WHERE {without}"):
        return
    control = {column.name for column in CONTROL}
    values = " || ".join(
        f"coalesce('{name}=' || CAST({name} AS VARCHAR) || chr(31), '')" for name in mapped_names if name not in control
    )
    connection.execute(
        "CREATE OR REPLACE TABLE keys AS "
        f"WITH hashed AS (SELECT row_ordinal, sha256({values}) AS values_sha256 FROM mapped), "
        "numbered AS (SELECT keys.row_ordinal, values_sha256, row_number() OVER "
        "(PARTITION BY file_name, values_sha256 ORDER BY keys.row_ordinal) AS occurrence "
        f"FROM keys INNER JOIN hashed ON hashed.row_ordinal = keys.row_ordinal WHERE {without}) "
        "SELECT keys.row_ordinal, file_name, coalesce(event_id, substr(sha256(getvariable('source') || chr(31) || "
        "values_sha256 || chr(31) || CAST(occurrence AS VARCHAR)), 1, 32)) AS event_id, started_at, rule, is_ignored "
        "FROM keys LEFT JOIN numbered ON numbered.row_ordinal = keys.row_ordinal"
    )


def _create_staged(connection: duckdb.DuckDBPyConnection, landing: Landing, terms: SourceTerms, now: datetime) -> None:
    for name, value in (("role", terms.role), ("attempt_id", landing.attempt_id)):
        connection.execute(f"SET VARIABLE {name} = (SELECT $1::VARCHAR)", [value])
    ours = {
        "event_id": "keys.event_id",
        "usage_on": "CAST(mapped.started_at AS DATE)",
        "source": "getvariable('source')",
        "source_role": "getvariable('role')",
        "ingested_at": "getvariable('now')",
        "attempt_id": "getvariable('attempt_id')",
    }
    selected = ", ".join(f"{ours.get(column.name, f'mapped.{column.name}')} AS {column.name}" for column in STAGED_COLUMNS)
    connection.execute(
        f"CREATE OR REPLACE VIEW staged AS SELECT keys.row_ordinal, keys.file_name, {selected} FROM mapped "
        "INNER JOIN keys ON keys.row_ordinal = mapped.row_ordinal WHERE keys.rule IS NULL AND NOT keys.is_ignored"
    )


def _create_units(connection: duckdb.DuckDBPyConnection, file_format: Format) -> None:
    rows = file_format.units or "SELECT 0 AS row_ordinal, '' AS unit, 0 AS quantity WHERE false"
    connection.execute(
        "CREATE OR REPLACE TABLE staged_units AS "
        "SELECT keys.row_ordinal, keys.event_id, CAST(keys.started_at AS DATE) AS usage_on, keys.started_at, "
        "CAST(billed.unit AS VARCHAR) AS unit, CAST(billed.quantity AS DECIMAL(38,6)) AS quantity "
        f"FROM ({rows}) AS billed INNER JOIN keys ON keys.row_ordinal = billed.row_ordinal "
        "WHERE keys.rule IS NULL AND NOT keys.is_ignored AND billed.quantity > 0"
    )


def _any(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    return connection.execute(f"SELECT 1 {rows} LIMIT 1").fetchone() is not None
