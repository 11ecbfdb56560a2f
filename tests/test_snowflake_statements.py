"""Every statement that the product sends to a warehouse carries over to Snowflake."""

import ast
import importlib
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlglot
from sqlglot import exp

import sophia_metrics
from sophia_metrics.costs.settled_scopes import QUARTERS
from sophia_metrics.quality import batch
from sophia_metrics.quality.suites import DAILY, PRESENT
from sophia_metrics.warehouse.snowflake.dialect import parse, render
from sophia_metrics.warehouse.snowflake.portability import tables_read

ROOT = Path(sophia_metrics.__file__).parent.parent
SQL = ROOT / "sophia_metrics" / "sql"

SENT = ("alerts", "findings", "kpi", "maintenance", "marts", "quality", "suggestions")
"""Folders of statements that a warehouse computes."""
LOCAL = ("change", "invoices", "pricing", "reports", "sinks", "sources")
"""Those that only DuckDB ever runs: over rows in a working connection, or over the published file."""

LOCALS = {
    "sophia_metrics/cli/snowflake_query.py": [
        {"query": "SELECT usage_on, count(*) FROM core_usage_events GROUP BY usage_on"}
    ],
    "sophia_metrics/costs/settled_scopes.py": [
        {"sql": QUARTERS.format(value="'all'", filter="TRUE")},
        {"sql": QUARTERS.format(value="model", filter="model IN ($value_0, $value_1)")},
    ],
    "sophia_metrics/quality/batch.py": [
        {"sql": batch.batch_query(suite, "CAST($now AS TIMESTAMP)", part=part, part_count=3)}
        for suite in (*DAILY, *PRESENT)
        for part in (0, 1, 2)
    ],
    "sophia_metrics/quality/judging.py": [{"sql": (SQL / "quality" / "days_to_judge.sql").read_text(encoding="utf-8")}],
    "sophia_metrics/usage/collect.py": [
        {"order": SimpleNamespace(model="a-model")},
        {"order": SimpleNamespace(model=None)},
    ],
    "sophia_metrics/usage/forget.py": [
        {"column": column, "events": f"FROM core_usage_events WHERE {column} IS NOT NULL AND"}
        for column in ("session_id", "key_hash")
    ],
    "sophia_metrics/usage/landing_retention.py": [
        {"sql": (SQL / "maintenance" / "old_landings.sql").read_text(encoding="utf-8")}
    ],
}
"""What the local names mean that stand in the statement of a Query: one entry for each statement."""


def queries():
    """Yield every `Query(…)` of the product: its file, and the expression of its statement."""
    for package in ("sophia_metrics", "tasks", "flows"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if not any(isinstance(node, ast.ImportFrom) and _brings_query(node) for node in ast.walk(tree)):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Query":
                    yield str(path.relative_to(ROOT)), ast.unparse(node.args[0])


def _brings_query(node):
    return node.module == "sophia_metrics.warehouse.protocol" and "Query" in [each.name for each in node.names]


def statements():
    """Yield the texts of every statement, with where it stands."""
    for folder in SENT:
        for path in sorted((SQL / folder).glob("*.sql")):
            yield pytest.param(path.read_text(encoding="utf-8"), id=f"{folder}/{path.stem}")
    for file, expression in queries():
        module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        for number, names in enumerate(LOCALS.get(file, [{}])):
            text = eval(expression, {**vars(module), **names})  # noqa: S307 - expressions of our own source
            yield pytest.param(text, id=f"{file}-{expression[:40]}-{number}")


def bound(tree):
    """Return a statement as the session makes it: `?` for each value, and `x IN (…)` for `list_contains($name, x)`."""

    def replaced(node):
        if isinstance(node, exp.ArrayContains) and isinstance(node.this, exp.Placeholder):
            return exp.In(this=node.expression.copy(), expressions=[exp.Placeholder()])
        return exp.Placeholder() if isinstance(node, exp.Placeholder) else node

    return tree.transform(replaced)


@pytest.mark.parametrize("sql", list(statements()))
def test_a_statement_carries_over_to_snowflake_and_reads_the_same_tables_there(sql):
    there = sqlglot.parse_one(render(bound(parse(sql))), read="snowflake")

    assert tables_read(there) == tables_read(parse(sql))


def test_every_statement_of_a_query_was_looked_at():
    assert len(list(queries())) > 30
    assert set(LOCALS) <= {file for file, _ in queries()}


def test_every_folder_of_statements_is_either_sent_or_local():
    folders = {each.name for each in resources.files("sophia_metrics").joinpath("sql").iterdir()}

    assert folders == {*SENT, *LOCAL}
