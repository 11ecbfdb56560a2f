"""Worked examples of marts as folders of CSV: loading them, building over them, and comparing what comes out."""

import csv
import math
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from sophia_metrics import schema
from sophia_metrics.calendars import calendar_frame
from sophia_metrics.marts import Mart
from sophia_metrics.periods import Terms, period_frame
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema import Kind, Table
from sophia_metrics.schema.ddl import create_table, sql_type
from sophia_metrics.schema.focus import SELLERS
from sophia_metrics.schema.state import BUDGET_PERIODS, CALENDAR_DAYS

CASE_FOLDERS = sorted(path.parent for path in (Path(__file__).parent / "marts").glob("*/*/expect.csv"))

REQUIRED = {
    Kind.TEXT: "'any'",
    Kind.COUNT: "0",
    Kind.MONEY: "0",
    Kind.QUANTITY: "0",
    Kind.REAL: "0",
    Kind.BOOLEAN: "FALSE",
    Kind.DATE: "DATE '2026-11-20'",
    Kind.INSTANT: "TIMESTAMP '2026-11-20 12:00:00'",
}
"""What a required column holds that a given CSV does not have; any other column is null then."""
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "core_usage_events": {
        "event_id": "'event-' || row_ordinal",
        "usage_on": "CAST(CAST(started_at AS TIMESTAMP) AS DATE)",
        "source_role": "'ledger'",
        "record_kind": "'call'",
        "provider": "'openai'",
        "model": "'gpt-5'",
        "status": "'ok'",
        "request_count": "1",
        "price_status": "'priced'",
    },
    "mart_cost_daily": dict.fromkeys(("team", "project", "environment"), "'(none)'"),
    "mart_cost_parts": {
        **dict.fromkeys(("team", "project", "environment", "route"), "'(none)'"),
        "price_tier": "'standard'",
    },
    "mart_cost_15min": {
        "usage_on": "CAST(CAST(period_at AS TIMESTAMP) AS DATE)",
        **dict.fromkeys(("team", "project", "environment"), "'(none)'"),
    },
    "mart_source_daily": dict.fromkeys(("team", "project", "environment"), "'(none)'"),
    "core_watermarks": {"source_role": "'ledger'"},
    "core_budgets": {
        "origin": "'configured'",
        "scope_type": "'all'",
        "scope_value": "'all'",
        "time_zone": "'UTC'",
        "thresholds": "'[0.8, 1]'",
        "warning_ratio": "0.8",
        "valid_from_at": "TIMESTAMP '2026-01-01'",
    },
    "core_forecast_snapshots": {
        "time_zone": "'UTC'",
        "scope_type": "'all'",
        "scope_value": "'all'",
        "through_p50_usd": "p50_usd",
    },
    "mart_budget_days": {
        "time_zone": "'UTC'",
        "scope_type": "'all'",
        "scope_value": "'all'",
        "is_weekend": "dayofweek(CAST(day_on AS DATE)) IN (0, 6)",
        "has_calls": "cost_usd IS NOT NULL AND CAST(cost_usd AS DECIMAL(38, 12)) <> 0",
    },
}
"""The same for the columns that marts look at, as SQL over the columns that the CSV has."""

Row = dict[str, object]


def at(text: str) -> datetime:
    """Return an instant as the tables hold it: UTC, without saying so."""
    return datetime.fromisoformat(text)


def columns_of(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def typed(connection: duckdb.DuckDBPyConnection, path: Path, table: Table, columns: Sequence[str]) -> list[Row]:
    """Read a CSV whose cells have the types of the table's columns; an empty cell is null."""
    kinds = {column.name: sql_type(column.kind) for column in table.columns}
    casts = ", ".join(f"CAST({name} AS {kinds[name]}) AS {name}" for name in columns)
    return rows_of(connection.execute(f"SELECT {casts} FROM read_csv(?, all_varchar = true)", [str(path)]))


def load(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Create the table that a given CSV is named for, and fill it."""
    table = schema.table(path.stem)
    present = columns_of(path)
    required = {column.name: REQUIRED[column.kind] for column in table.columns if column.is_required}
    defaults = required | dict(DEFAULTS.get(table.name, {}))
    values = {name: default for name, default in defaults.items() if name not in present}
    connection.execute(create_table(table))
    columns = ", ".join([*present, *(f"{default} AS {name}" for name, default in values.items())])
    numbered = "SELECT *, row_number() OVER () AS row_ordinal FROM read_csv(?, all_varchar = true)"
    connection.execute(f"INSERT INTO {table.name} BY NAME SELECT {columns} FROM ({numbered})", [str(path)])


def rows_of(cursor: duckdb.DuckDBPyConnection) -> list[Row]:
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def present_of(folder: Path) -> datetime | None:
    """Return the present of a case. None: its mart does not know of one."""
    params = folder / "params.toml"
    return tomllib.loads(params.read_text(encoding="utf-8"))["now"] if params.exists() else None


def load_case(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Create and fill the tables that a case gives."""
    for path in (folder / "given").glob("*.csv"):
        load(connection, path)


def expected_of(connection: duckdb.DuckDBPyConnection, folder: Path, table: Table) -> list[Row]:
    """Return what a case expects; a column that it does not name may be anything."""
    return typed(connection, folder / "expect.csv", table, columns_of(folder / "expect.csv"))


def create_inputs(connection: duckdb.DuckDBPyConnection, each: Mart, now: datetime | None) -> None:
    """Create the tables that a mart reads and nobody has given: they are empty.

    The calendar is the real one around `now`, for UTC and the time zones of the budgets, and so are their periods and
    who sells.
    """
    for name in each.inputs:
        connection.execute(create_table(schema.table(name)))
    if SELLERS.name in each.inputs and connection.execute(f"SELECT 1 FROM {SELLERS.name} LIMIT 1").fetchone() is None:
        connection.register("sellers", seller_frame().to_arrow())
        connection.execute(f"INSERT INTO {SELLERS.name} SELECT * FROM sellers")
    if CALENDAR_DAYS.name in each.inputs and now is not None:
        budgets = "SELECT DISTINCT time_zone FROM core_budgets" if "core_budgets" in each.inputs else "SELECT 'UTC'"
        zones = [zone for (zone,) in connection.execute(budgets).fetchall()]
        connection.register("calendar", calendar_frame(["UTC", *zones], now).to_arrow())
        connection.execute(f"INSERT INTO {CALENDAR_DAYS.name} SELECT * FROM calendar")
    if BUDGET_PERIODS.name in each.inputs and now is not None:
        kinds = connection.execute("SELECT DISTINCT time_zone, period, coalesce(start_day, 1) FROM core_budgets")
        terms = [Terms(*row) for row in kinds.fetchall()]
        connection.register("periods", period_frame(terms, now).to_arrow())
        connection.execute(f"INSERT INTO {BUDGET_PERIODS.name} SELECT * FROM periods")


def build(connection: duckdb.DuckDBPyConnection, each: Mart, now: datetime | None = None) -> list[Row]:
    """Run a mart over the tables of the connection."""
    create_inputs(connection, each, now)
    return rows_of(connection.execute(each.sql, dict.fromkeys(each.parameters, now)))


def in_order(rows: list[Row], keys: Sequence[str]) -> list[Row]:
    return sorted(rows, key=lambda row: [str(row[key]) for key in keys])


def is_same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return left == right


def differences(left: list[Row], right: list[Row], keys: Sequence[str]) -> list[str]:
    """Say where two sets of rows differ, whatever their order; doubles may differ in the ninth digit."""
    if [[row[key] for key in keys] for row in in_order(left, keys)] != [
        [row[key] for key in keys] for row in in_order(right, keys)
    ]:
        return [f"other rows: {in_order(left, keys)} and {in_order(right, keys)}"]
    return [
        f"{name} of {[ours[key] for key in keys]}: {ours[name]!r} and {theirs[name]!r}"
        for ours, theirs in zip(in_order(left, keys), in_order(right, keys), strict=True)
        for name in theirs
        if not is_same(ours[name], theirs[name])
    ]


def case_keys(folder: Path, table: Table) -> list[str]:
    """Return the columns of the key of a table that a case looks at."""
    return [key for key in table.key if key in columns_of(folder / "expect.csv")]
