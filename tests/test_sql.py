"""Every SQL file keeps the rules of the house, and the marts carry over to Snowflake."""

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot.errors import ParseError

import sophia_metrics
from sophia_metrics.marts import MARTS
from tests import portability
from tests.portability import MART_RULES, parse_one_statement, tables_read, to_snowflake

SQL = Path(sophia_metrics.__file__).parent / "sql"
FILES = sorted(SQL.rglob("*.sql"))
HEADER = re.compile(
    r"-- question: \S.*\?\n"
    r"-- grain: \S.*\n"
    r"-- sources: \S.*\n"
    r"-- owner: \S.*\n(?!--)"
)


def named(path):
    return str(path.relative_to(SQL).with_suffix(""))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_opens_with_question_grain_sources_and_owner(path):
    assert HEADER.match(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_is_one_statement_with_explicit_columns(path):
    assert portability.star_projections(parse_one_statement(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_mart_reads_the_relations_that_its_header_names(mart):
    assert tables_read(parse_one_statement(mart.sql)) == set(mart.inputs)


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_mart_names_the_grain_of_its_table(mart):
    assert f"\n-- grain: {', '.join(mart.table.key)}\n" in mart.sql


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
@pytest.mark.parametrize("rule", MART_RULES, ids=lambda rule: rule.__name__)
def test_a_mart_carries_over_to_snowflake(mart, rule):
    assert rule(parse_one_statement(mart.sql)) == []


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_mart_renders_to_snowflake_and_reads_the_same_tables_there(mart):
    there = sqlglot.parse_one(to_snowflake(parse_one_statement(mart.sql)), read="snowflake")

    assert {table.lower() for table in tables_read(there)} == set(mart.inputs)


def test_each_mart_has_a_file_and_each_file_a_mart():
    assert {path.stem for path in (SQL / "marts").iterdir()} == {mart.name for mart in MARTS}


BAD_EXAMPLES = [
    ("star_projections", "SELECT * FROM events"),
    ("star_projections", "SELECT events.* FROM events"),
    ("star_projections", "SELECT * EXCLUDE (team) FROM events"),
    ("star_projections", "SELECT COLUMNS(*) FROM events"),
    ("asof_joins", "SELECT a.x FROM a ASOF JOIN b ON a.at >= b.at"),
    ("asof_joins", "SELECT a.x FROM a ASOF LEFT JOIN b ON a.at >= b.at"),
    ("arg_extremes", "SELECT arg_max(model, started_at) FROM events"),
    ("arg_extremes", "SELECT min_by(model, started_at) FROM events"),
    ("group_by_all", "SELECT team, COUNT(*) FROM events GROUP BY ALL"),
    ("filtered_aggregates", "SELECT COUNT(*) FILTER (WHERE status = 'ok') FROM events"),
    ("distinct_on", "SELECT DISTINCT ON (team) team, started_at FROM events"),
    ("unknown_functions", "SELECT bit_string(tags) FROM events"),
    ("uncast_products", "SELECT input_tokens * rate_input_usd FROM events"),
    ("uncast_products", "SELECT SUM(input_tokens * rate_input_usd) FROM events"),
    ("uncast_products", "SELECT CAST(SUM(input_tokens * rate_input_usd) AS DECIMAL(38, 12)) FROM events"),
    ("uncast_products", "SELECT CAST(input_tokens AS DOUBLE) * rate_input_usd FROM events"),
    ("uncast_divisions", "SELECT cost_usd / request_count FROM events"),
    ("uncast_divisions", "SELECT CAST(cost_usd / request_count AS DOUBLE) FROM events"),
    ("uncast_divisions", "SELECT CAST(cost_usd AS DOUBLE) / request_count FROM events"),
    ("uncast_divisions", "SELECT input_tokens // 1000 FROM events"),
]


@pytest.mark.parametrize(("rule", "sql"), BAD_EXAMPLES)
def test_the_guard_catches_what_does_not_carry_over(rule, sql):
    assert getattr(portability, rule)(parse_one_statement(sql)) != []


GOOD_EXAMPLES = [
    "SELECT COUNT(*) AS call_count FROM events",
    "SELECT CAST(input_tokens * rate_input_usd AS DECIMAL(38, 18)) AS cost_usd FROM events",
    "SELECT CAST((a_tokens + b_tokens) * rate_usd - paid_usd AS DECIMAL(38, 18)) AS saving_usd FROM events",
    "SELECT CAST(cost_usd AS DOUBLE) * 1000 / CAST(NULLIF(calls, 0) AS DOUBLE) AS unit_usd FROM events",
    "SELECT event_id FROM events QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY started_at) = 1",
]


@pytest.mark.parametrize("sql", GOOD_EXAMPLES)
def test_the_guard_lets_pass_what_carries_over(sql):
    assert [found for rule in MART_RULES for found in rule(parse_one_statement(sql))] == []


def test_every_rule_has_an_example_that_it_catches():
    assert {rule.__name__ for rule in MART_RULES} == {rule for rule, _ in BAD_EXAMPLES}


def test_two_statements_in_a_file_are_refused():
    with pytest.raises(ValueError, match="one statement a file, found 2"):
        parse_one_statement("SELECT 1 AS one; SELECT 2 AS two")


def test_a_file_that_is_not_sql_is_refused():
    with pytest.raises(ParseError):
        parse_one_statement("SELECT FROM WHERE")
