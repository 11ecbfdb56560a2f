"""The marts on Snowflake: the worked examples, and a few thousand random rows, by the rendered SQL on fakesnow.

fakesnow runs in this process and computes with DuckDB: it shows that the rendered statements are Snowflake's language as
sqlglot reads it, that no meaning is lost in the rendering, and that tables made by the Snowflake DDL hold the digits. It
cannot show what Snowflake itself computes: how many decimals a product of NUMBERs keeps, that the division and the mean
of NUMBERs are NUMBERs, that a division by zero is an error, how a DOUBLE is rounded. The guard refuses statements in
which that matters; each of its rules is tested in test_snowflake_dialect.py, with Snowflake's rule as the reason. Nor
does it show Snowflake's reserved words, its limits on subqueries, or its speed.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import fakesnow
import fakesnow.transforms
import pytest
import snowflake.connector
from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.marts import Mart, mart
from sophia_metrics.schema import Table
from sophia_metrics.schema.ddl import Engine, create_table
from sophia_metrics.warehouse.snowflake.dialect import parse, render
from tests.mart_cases import (
    CASE_FOLDERS,
    Row,
    case_keys,
    create_inputs,
    differences,
    expected_of,
    load_case,
    present_of,
    rows_of,
)

pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result:UserWarning")  # fakesnow's own


@pytest.fixture(scope="module")
def account():
    """A connection to fakesnow. Without its own rewriting of SUM, which computes with DOUBLEs: Snowflake does not."""
    with pytest.MonkeyPatch.context() as patched, fakesnow.patch():
        patched.setattr(fakesnow.transforms, "numeric_agg_implicit_cast", lambda expression: expression)
        with snowflake.connector.connect(database="sophia", schema="metrics") as connection:
            yield connection


def rendered(each: Mart, now: datetime | None) -> str:
    """Return a mart's statement as it is sent to Snowflake, with the present in the place of `$now`."""

    def bound(node: exp.Expr) -> exp.Expr:
        return exp.cast(exp.Literal.string(str(now)), "TIMESTAMP") if isinstance(node, exp.Placeholder) else node

    return render(parse(each.sql).transform(bound))


def literal(value: object) -> str:
    if value is None or isinstance(value, int | Decimal):
        return "NULL" if value is None else str(value).upper()
    return f"'{value}'"


def fill(account: Any, table: Table, rows: Sequence[Row]) -> None:
    """Make a table anew with these rows, by the DDL for Snowflake and a plain INSERT."""
    cursor = account.cursor()
    cursor.execute(f"DROP TABLE IF EXISTS {table.name}")
    cursor.execute(create_table(table, Engine.SNOWFLAKE))
    if rows:
        values = ", ".join(f"({', '.join(literal(row[name]) for name in table.names)})" for row in rows)
        cursor.execute(f"INSERT INTO {table.name} ({', '.join(table.names)}) VALUES {values}")


def answer(account: Any, each: Mart, now: datetime | None) -> list[Row]:
    """Run a mart on Snowflake."""
    found = account.cursor().execute(rendered(each, now)).fetchall()
    return [dict(zip(each.table.names, row, strict=True)) for row in found]


@pytest.mark.parametrize("folder", CASE_FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_case_on_snowflake(account, folder):
    each, now = mart(folder.parent.name), present_of(folder)
    with duckdb.connect() as local:
        load_case(local, folder)
        create_inputs(local, each, now)
        expected = expected_of(local, folder, each.table)
        for name in each.inputs:
            fill(account, schema.table(name), rows_of(local.execute(f"SELECT * FROM {name}")))

    assert differences(answer(account, each, now), expected, case_keys(folder, each.table)) == []
