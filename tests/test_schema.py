"""The schema: names keep their word, every engine understands the types, the dictionary is current."""

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
import sqlglot
from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.schema import TABLES, Column, Kind, Storage, Table
from sophia_metrics.schema.ddl import Engine, create_table, select_typed, sql_type
from sophia_metrics.schema.dictionary import render
from sophia_metrics.schema.focus import FOCUS_COST_AND_USAGE
from sophia_metrics.schema.names import kind_of_name
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.snowflake.constructs import RESERVED

DICTIONARY = Path(__file__).parent.parent / "docs" / "tables.md"

COLUMNS = [(table, column) for table in TABLES for column in table.columns]
EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)

ONE_VALUE = {
    Kind.TEXT: "text",
    Kind.BOOLEAN: True,
    Kind.DATE: date(2026, 11, 23),
    Kind.INSTANT: datetime.fromisoformat("2026-11-23 12:34:56.123456"),
    Kind.COUNT: 9_007_199_254_740_993,
    Kind.MONEY: Decimal("12345678901234567890123456.123456789012"),
    Kind.RATE: Decimal("12345678901234567890.123456789012345678"),
    Kind.QUANTITY: Decimal("1.000001"),
    Kind.REAL: 0.1,
}


def test_a_name_keeps_its_word_about_the_kind():
    wrong = [
        f"{table.name}.{column.name} is {column.kind}"
        for table, column in COLUMNS
        if kind_of_name(column.name) not in {None, column.kind}
    ]

    assert wrong == []


def test_instants_days_and_truths_show_in_the_name():
    telling = {Kind.INSTANT, Kind.DATE, Kind.BOOLEAN}
    silent = [
        f"{table.name}.{column.name} is {column.kind}"
        for table, column in COLUMNS
        if column.kind in telling
        and kind_of_name(column.name) is not column.kind
        and column.name != "billing_period_start"  # as FOCUS calls it
        and table is not FOCUS_COST_AND_USAGE
    ]

    assert silent == []


@pytest.fixture(scope="module")
def duckdb_reserved():
    with duckdb.connect() as connection:
        sql = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        return {name for (name,) in connection.execute(sql).fetchall()}


@EACH_TABLE
def test_no_name_is_a_reserved_word_of_either_engine(table, duckdb_reserved):
    assert {table.name, *table.names} & (duckdb_reserved | RESERVED) == set()


@EACH_TABLE
def test_every_table_and_column_is_explained_in_sentences(table):
    docs = [table.doc, *(column.doc for column in table.columns)]

    assert [doc for doc in docs if not doc.endswith((".", "…")) or "|" in doc or "\n" in doc] == []


@EACH_TABLE
def test_a_table_kept_by_day_has_a_required_day(table):
    days = [column for column in table.columns if column.name == table.day]

    assert (table.storage is Storage.DAY_FILES) == bool(days)
    assert all(day.kind is Kind.DATE and day.is_required for day in days)


def test_table_names_are_unique():
    names = [table.name for table in TABLES]

    assert len(set(names)) == len(names)


def test_the_same_name_has_the_same_kind_everywhere():
    kinds = {}
    for _, column in COLUMNS:
        kinds.setdefault(column.name, set()).add(column.kind)

    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


@EACH_TABLE
def test_duckdb_creates_the_table_with_these_types_and_requirements(table):
    with duckdb.connect() as connection:
        connection.execute(create_table(table))
        found = connection.execute(f"DESCRIBE {table.name}").fetchall()

    assert [(name, kind, null) for name, kind, null, *_ in found] == [
        (column.name, sql_type(column.kind), "NO" if column.is_required else "YES") for column in table.columns
    ]


@EACH_TABLE
def test_snowflakes_create_table_parses_with_the_same_columns(table):
    tree = sqlglot.parse_one(create_table(table, Engine.SNOWFLAKE, name="stage_table"), read="snowflake")

    assert tree.find(exp.Table).name == "stage_table"
    assert [column.name for column in tree.find_all(exp.ColumnDef)] == list(table.names)


@EACH_TABLE
def test_rows_go_from_polars_to_duckdb_and_back_unchanged(table):
    rows = [{column.name: ONE_VALUE[column.kind] for column in table.columns}]
    frame = pl.DataFrame(rows, schema=polars_schema(table))
    with duckdb.connect() as connection:
        connection.register("given", frame.to_arrow())
        connection.execute(create_table(table))
        connection.execute(f"INSERT INTO {table.name} {select_typed(table, 'given')}")
        back = pl.DataFrame(connection.sql(f"SELECT * FROM {table.name}").to_arrow_table())

    assert back.schema == polars_schema(table)
    assert back.to_dicts() == rows


def test_a_table_is_found_by_its_name():
    assert schema.table("mart_cost_daily") is schema.marts.COST_DAILY


def test_an_unknown_table_is_a_key_error():
    with pytest.raises(KeyError):
        schema.table("mart_of_nowhere")


def test_stored_lists_the_tables_of_a_storage():
    assert schema.marts.FRESHNESS in schema.stored(Storage.SERVING)
    assert schema.marts.COST_DAILY not in schema.stored(Storage.SERVING, Storage.STATE)


def test_a_key_that_is_no_column_is_refused():
    with pytest.raises(ValueError, match="table t: unknown or repeated columns"):
        Table("t", "A table.", ("missing",), (Column("a", Kind.TEXT, "A."),), Storage.STATE)


# --- the dictionary ----------------------------------------------------------------------------------------


def test_the_dictionary_in_the_docs_is_current():
    assert DICTIONARY.read_text(encoding="utf-8") == render(), (
        "run: uv run python -m sophia_metrics.schema.dictionary > docs/tables.md"
    )


def test_the_module_prints_the_dictionary():
    printed = subprocess.run(
        [sys.executable, "-m", "sophia_metrics.schema.dictionary"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )

    assert printed.stdout == render()


def test_the_dictionary_shows_every_table_that_has_readers_and_no_other():
    shown = {line.removeprefix("### ") for line in render().splitlines() if line.startswith("### ")}

    assert shown == {table.name for table in TABLES if table.storage is not Storage.INTERNAL}


def test_the_dictionary_names_grain_types_null_and_meaning():
    table = Table(
        "core_things",
        "Things that were seen.",
        ("thing_id", "seen_on"),
        (
            Column("thing_id", Kind.TEXT, "Which one.", is_required=True),
            Column("seen_on", Kind.DATE, "UTC day.", is_required=True),
            Column("worth_usd", Kind.MONEY, "Null: unknown."),
        ),
        Storage.DAY_FILES,
        day="seen_on",
    )

    assert (
        "### core_things\n\n"
        "Things that were seen. One row for each `thing_id`, `seen_on`. Kept by UTC day: `seen_on`.\n\n"
        "| column | DuckDB | Snowflake | null | meaning |\n"
        "|---|---|---|---|---|\n"
        "| `thing_id` | VARCHAR | VARCHAR | never | Which one. |\n"
        "| `seen_on` | DATE | DATE | never | UTC day. |\n"
        "| `worth_usd` | DECIMAL(38,12) | NUMBER(38,12) | yes | Null: unknown. |\n"
    ) in render([table])
