"""Staging: landed rows become usage events with an identity and a verdict, before anything is decided.

Staging leaves these relations in a working connection:

    mapped        one row a landed row: the columns of an event, event_id, and the first rule that it breaks
    keys          row_ordinal, file_name, event_id, started_at, rule, is_ignored of those rows
    staged        the rows that may enter core: core_usage_events without its money
    staged_units  row_ordinal, event_id, usage_on, started_at, unit, quantity of the latter

The wide row is built once; everything after reads it from memory.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from sophia_metrics.frames import fetch_row
from sophia_metrics.pricing.knowledge import Learned
from sophia_metrics.quality.staged_usage import MAX_COUNT
from sophia_metrics.quoting import literal
from sophia_metrics.schema import core
from sophia_metrics.schema.column import Column, Kind
from sophia_metrics.schema.ddl import sql_type
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.usage.earlier import EarlierPart
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.roles import role_expression
from sophia_metrics.usage.rules import UNIT_RULES, first_broken_rule

__all__ = [
    "KEPT_COLUMNS",
    "PERSONAL",
    "STAGED_COLUMNS",
    "WITH_KEPT",
    "Slice",
    "create_landed",
    "create_mapped",
    "has_rows_without_id",
    "leave_out",
    "stage",
    "values_sha256",
]

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
    Column("has_fraction", Kind.BOOLEAN, "A count is no whole number."),
    Column("has_absurd_count", Kind.BOOLEAN, "A count is beyond what its column holds."),
    Column("has_expired", Kind.BOOLEAN, "The rows of its day are kept no longer."),
)
MAPPED_COLUMNS = (*CONTROL, *(column for column in STAGED_COLUMNS if column.name not in BOOKKEEPING))
WITHOUT_ID = "event_id IS NULL AND rule IS NULL AND NOT is_ignored"
PERSONAL = ("user_hash", "session_id", "prompt_hash", "prefix_hash", "request_id", "trace_id", "span_id", "parent_id")
"""The columns that a row of somebody who was forgotten has no more; its API key goes where nobody else uses it."""

KEPT_COLUMNS = {"is_forgotten": "BOOLEAN", "kept_values_sha256": "VARCHAR", "kept_row_sha256": "VARCHAR"}
"""What a landed file has besides its format's columns, where somebody was forgotten in it: which rows are theirs, and
the hashes of the rows as they were, so that they keep their ids."""
WITH_KEPT = "LEFT JOIN kept ON kept.row_ordinal = mapped.row_ordinal"
Earlier = Callable[[], Sequence[EarlierPart]]
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
    the gate holds the slice: then only the ledger hears of it. None: it may be committed. `tombstone_count` says
    how many tombstones there were when the landed rows were looked through for people who were forgotten.
    """

    connection: duckdb.DuckDBPyConnection
    terms: SourceTerms
    landing: Landing
    now: datetime
    prices: Learned
    held_because: str | None = None
    tombstone_count: int = 0


def stage(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    file_format: Format,
    terms: SourceTerms,
    now: datetime,
    earlier: Earlier = lambda: (),
    kept_from_on: date | None = None,
) -> None:
    """Give every landed row its event_id and the first rule that it breaks.

    Args:
        connection: a working connection.
        landing: the landed file.
        file_format: the format of its rows, for the mapping.
        terms: what the configuration says of the source.
        now: the present (naive UTC); times beyond it are suspicious.
        earlier: finds the landed files with what stands before these rows in their files; asked only where rows have no
            id of their own, which equal rows before them tell apart.
        kept_from_on: the first UTC day whose rows are kept. None: all are, or the rows are not judged by that.

    Raises:
        EarlierPartError: what stands before these rows is held, or cannot be told. `mapped` and `keys` are there, the
            rest is not.
    """
    _set_variables(connection, terms.name, now, kept_from_on)
    create_landed(connection, _rows(landing), file_format)
    mapped_names = _create_mapped(connection, file_format)
    _create_views(connection, landing, terms, now)
    if _has_rows_without_id(connection):
        _create_earlier_rows(connection, earlier(), file_format, mapped_names)
        create_landed(connection, _rows(landing), file_format)
        _create_kept(connection)
        _identify_by_values(connection, mapped_names)
    _create_units(connection, file_format)


def has_rows_without_id(connection: duckdb.DuckDBPyConnection, landing: Landing, file_format: Format) -> bool:
    """Say whether a landed file has rows that only their number among equal rows of their file tells apart."""
    _set_variables(connection, landing.source, landing.landed_at)
    create_landed(connection, _rows(landing), file_format)
    _create_mapped(connection, file_format)
    return _has_rows_without_id(connection)


def _set_variables(
    connection: duckdb.DuckDBPyConnection, source: str, now: datetime, kept_from_on: date | None = None
) -> None:
    connection.execute("SET VARIABLE now = (SELECT $1::TIMESTAMP)", [now])
    connection.execute("SET VARIABLE kept_from = (SELECT $1::DATE)", [kept_from_on])
    connection.execute("SET VARIABLE source = (SELECT $1::VARCHAR)", [source])


def create_landed(connection: duckdb.DuckDBPyConnection, rows: str, file_format: Format) -> None:
    """Create `landed` from a SELECT of landed rows; columns that the format has got since are null in it."""
    added = [column for column in file_format.columns if column.is_added]
    if added:
        there = {str(row[0]) for row in connection.execute(f"DESCRIBE {rows}").fetchall()}
        added = [column for column in added if column.name not in there]
    nulls = "".join(f", CAST(NULL AS {column.duckdb_type}) AS {column.name}" for column in added)
    connection.execute(f"CREATE OR REPLACE VIEW landed AS SELECT *{nulls} FROM ({rows})")


def _rows(landing: Landing) -> str:
    return f"SELECT * FROM read_parquet({literal(str(landing.path))})"


def _create_kept(connection: duckdb.DuckDBPyConnection) -> bool:
    """Create `kept`: what the landed file keeps of rows in which somebody was forgotten; say whether it keeps any."""
    has = {str(row[0]) for row in connection.execute("DESCRIBE landed").fetchall()} >= {*KEPT_COLUMNS}
    columns = ", ".join(f"{name if has else f'CAST(NULL AS {kind})'} AS {name}" for name, kind in KEPT_COLUMNS.items())
    rows = "FROM landed WHERE kept_row_sha256 IS NOT NULL" if has else "WHERE false"
    ordinal = "row_ordinal" if has else "CAST(NULL AS BIGINT) AS row_ordinal"
    connection.execute(f"CREATE OR REPLACE TABLE kept AS SELECT {ordinal}, {columns} {rows}")
    return has


def create_mapped(
    connection: duckdb.DuckDBPyConnection, file_format: Format, source: str, now: datetime
) -> Sequence[str]:
    """From `landed`, create `mapped` and `kept`; return the names of the columns that the mapping fills.

    `mapped` has every column of an event, typed, with its event_id and rule; `now` is naive UTC. It has nothing of who
    was forgotten; `kept` says which rows are theirs, and the hashes by which those rows are known.
    """
    _set_variables(connection, source, now)
    return _create_mapped(connection, file_format)


def _create_mapped(connection: duckdb.DuckDBPyConnection, file_format: Format) -> Sequence[str]:
    has_kept = _create_kept(connection)
    described = connection.execute(f"DESCRIBE {file_format.mapping}").fetchall()
    given = {str(row[0]): str(row[1]) for row in described}
    kept = {*given, *DEFAULTS, *(column.name for column in CONTROL)}
    judged = {
        "has_fraction": _any_count(given, "{0} <> trunc({0}) OR NOT isfinite({0})"),
        "has_absurd_count": _any_count(given, f"abs({{0}}) > {MAX_COUNT}"),
        "has_expired": "coalesce(CAST(started_at AS TIMESTAMP) < getvariable('kept_from'), false)",
    }
    kept_names = [column.name for column in MAPPED_COLUMNS if column.name in kept]
    typed = ", ".join(
        f"{judged.get(column.name) or _typed(column, given)} AS {column.name}" for column in MAPPED_COLUMNS
    )
    connection.execute(
        f"CREATE OR REPLACE TABLE mapped_rows AS "
        f"SELECT {', '.join(_without_person(name, has_kept=has_kept) for name in kept_names)}, "
        "substr(sha256(getvariable('source') || chr(31) || native_id), 1, 32) AS event_id, "
        f"CAST(started_at AS DATE) AS usage_on, {first_broken_rule()} AS rule "
        f"FROM (SELECT {typed} FROM ({file_format.mapping}))"
    )
    wide = ", ".join(
        column.name if column.name in kept else f"CAST(NULL AS {sql_type(column.kind)}) AS {column.name}"
        for column in MAPPED_COLUMNS
    )
    connection.execute(f"CREATE OR REPLACE VIEW mapped AS SELECT {wide}, event_id, usage_on, rule FROM mapped_rows")
    return [column.name for column in MAPPED_COLUMNS if column.name in given]


def _without_person(name: str, *, has_kept: bool) -> str:
    if not has_kept or name not in PERSONAL:
        return name
    theirs = "row_ordinal IN (SELECT row_ordinal FROM kept WHERE is_forgotten)"
    return f"CASE WHEN {theirs} THEN NULL ELSE {name} END AS {name}"


def _any_count(given: Mapping[str, str], condition: str) -> str:
    """Return a predicate over the mapping: of a count that is not read as a whole number the condition holds."""
    counts = [column.name for column in MAPPED_COLUMNS if column.kind is Kind.COUNT]
    real = [name for name in counts if given.get(name, "").startswith(("DOUBLE", "FLOAT", "DECIMAL", "HUGEINT"))]
    return " OR ".join(f"coalesce({condition.format(name)}, false)" for name in real) or "false"


def _typed(column: Column, given: Collection[str]) -> str:
    default = DEFAULTS.get(column.name, "NULL")
    value = column.name if column.name in given else "NULL"
    expression = value if default == "NULL" else f"coalesce({value}, {default})"
    cast = "TRY_CAST" if column.kind is Kind.COUNT else "CAST"  # what no BIGINT holds broke a rule for its parts
    return f"{cast}({expression} AS {sql_type(column.kind)})"


def _has_rows_without_id(connection: duckdb.DuckDBPyConnection) -> bool:
    return fetch_row(connection, f"SELECT 1 FROM mapped WHERE {WITHOUT_ID} LIMIT 1") is not None


def _create_earlier_rows(
    connection: duckdb.DuckDBPyConnection,
    parts: Sequence[EarlierPart],
    file_format: Format,
    mapped_names: Sequence[str],
) -> None:
    """Create `earlier_rows`: by file, how often the values of a row without an id stand before this landing."""
    connection.execute("CREATE OR REPLACE TABLE earlier_counts (file VARCHAR, values_sha256 VARCHAR, row_count BIGINT)")
    if parts:
        connection.execute("ALTER TABLE mapped_rows RENAME TO mapped_rows_of_landing")
        for part in parts:
            create_landed(connection, _rows(part.landing), file_format)
            _create_mapped(connection, file_format)
            names = ", ".join(map(literal, part.names))
            connection.execute(
                "INSERT INTO earlier_counts "
                f"SELECT file_name, {values_sha256(mapped_names)} AS values_sha256, count(*) "
                f"FROM mapped {WITH_KEPT} WHERE {WITHOUT_ID} AND file_name IN ({names}) GROUP BY ALL"
            )
        connection.execute("DROP TABLE mapped_rows")
        connection.execute("ALTER TABLE mapped_rows_of_landing RENAME TO mapped_rows")
    connection.execute(
        "CREATE OR REPLACE TABLE earlier_rows AS "
        "SELECT file, values_sha256, CAST(sum(row_count) AS BIGINT) AS row_count FROM earlier_counts GROUP BY ALL"
    )


def _identify_by_values(connection: duckdb.DuckDBPyConnection, mapped_names: Sequence[str]) -> None:
    """Give the rows without a native id one: the hash of their values and the occurrence in their file."""
    connection.execute(
        "CREATE OR REPLACE TABLE mapped_rows AS "
        f"WITH hashed AS (SELECT mapped.row_ordinal AS ordinal, file_name AS file, {values_sha256(mapped_names)} "
        f"AS values_sha256 FROM mapped {WITH_KEPT} WHERE {WITHOUT_ID}), "
        "numbered AS (SELECT ordinal, file, values_sha256, "
        "row_number() OVER (PARTITION BY file, values_sha256 ORDER BY ordinal) AS occurrence FROM hashed), "
        "identified AS (SELECT ordinal, substr(sha256(getvariable('source') || chr(31) || numbered.values_sha256 "
        "|| chr(31) || CAST(occurrence + coalesce(earlier_rows.row_count, 0) AS VARCHAR)), 1, 32) AS values_id "
        "FROM numbered LEFT JOIN earlier_rows USING (file, values_sha256)) "
        "SELECT mapped_rows.* REPLACE (coalesce(event_id, values_id) AS event_id) "
        "FROM mapped_rows LEFT JOIN identified ON identified.ordinal = mapped_rows.row_ordinal"
    )


def values_sha256(mapped_names: Sequence[str]) -> str:
    """Return the hash of a row's values, over `mapped` joined with `kept`; it stays when somebody is forgotten."""
    control = {column.name for column in CONTROL}
    values = " || ".join(
        f"coalesce('{name}=' || CAST({name} AS VARCHAR) || chr(31), '')" for name in mapped_names if name not in control
    )
    return f"coalesce(kept.kept_values_sha256, sha256({values}))"


def leave_out(
    connection: duckdb.DuckDBPyConnection, landing: Landing, terms: SourceTerms, now: datetime, outdated: str
) -> None:
    """Take the rows of a relation, by row_ordinal, out of `staged` and `staged_units`; `keys` keeps them.

    The other arguments are those of `stage`.
    """
    ordinals = f"SELECT row_ordinal FROM {outdated}"
    _create_views(connection, landing, terms, now, f" AND row_ordinal NOT IN ({ordinals})")
    connection.execute(f"DELETE FROM staged_units WHERE row_ordinal IN ({ordinals})")


def _create_views(
    connection: duckdb.DuckDBPyConnection, landing: Landing, terms: SourceTerms, now: datetime, but: str = ""
) -> None:
    """Create `keys` and `staged`. What is ours stands in the view as literals: cursors share no variables."""
    ours = {
        "source": literal(terms.name),
        "source_role": role_expression(terms),
        "ingested_at": f"TIMESTAMP {literal(now.isoformat(sep=' '))}",
        "attempt_id": literal(landing.attempt_id),
    }
    if terms.account is not None:
        ours["account_id"] = f"coalesce(account_id, {literal(terms.account)})"
    selected = ", ".join(f"{ours.get(column.name, column.name)} AS {column.name}" for column in STAGED_COLUMNS)
    connection.execute(
        "CREATE OR REPLACE VIEW keys AS "
        "SELECT row_ordinal, file_name, event_id, started_at, rule, is_ignored FROM mapped"
    )
    connection.execute(
        f"CREATE OR REPLACE VIEW staged AS SELECT row_ordinal, file_name, {selected} FROM mapped "
        f"WHERE rule IS NULL AND NOT is_ignored{but}"
    )


def _create_units(connection: duckdb.DuckDBPyConnection, file_format: Format) -> None:
    rows = file_format.units or "SELECT 0 AS row_ordinal, '' AS unit, 0 AS quantity WHERE false"
    connection.execute(f"CREATE OR REPLACE TABLE billed_units AS SELECT * FROM ({rows}) WHERE quantity <> 0")
    for rule in UNIT_RULES:
        connection.execute(
            f"UPDATE mapped_rows SET rule = '{rule.name}' WHERE rule IS NULL AND row_ordinal IN "
            f"(SELECT row_ordinal FROM billed_units WHERE {rule.broken})"
        )
    connection.execute(
        "CREATE OR REPLACE TABLE staged_units AS "
        "SELECT keys.row_ordinal, keys.event_id, CAST(keys.started_at AS DATE) AS usage_on, keys.started_at, "
        "CAST(billed.unit AS VARCHAR) AS unit, CAST(billed.quantity AS DECIMAL(38,6)) AS quantity "
        "FROM billed_units AS billed INNER JOIN keys ON keys.row_ordinal = billed.row_ordinal "
        "WHERE keys.rule IS NULL AND NOT keys.is_ignored"
    )
