"""Every SQL file keeps the rules of the house. That they carry over is tested in test_snowflake_statements.py."""

import re
from pathlib import Path

import pytest
from sqlglot.errors import ParseError

import sophia_metrics
from sophia_metrics.marts import MARTS
from sophia_metrics.warehouse.snowflake.dialect import parse
from sophia_metrics.warehouse.snowflake.portability import CLOCK, STAR, tables_read

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
    assert STAR.find(parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_asks_no_clock(path):
    assert CLOCK.find(parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_mart_reads_the_relations_that_its_header_names(mart):
    assert tables_read(parse(mart.sql)) == set(mart.inputs)


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_a_mart_names_the_grain_of_its_table(mart):
    assert f"\n-- grain: {', '.join(mart.table.key)}\n" in mart.sql


def test_each_mart_has_a_file_and_each_file_a_mart():
    assert {path.stem for path in (SQL / "marts").iterdir()} == {mart.name for mart in MARTS}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM events",
        "SELECT events.* FROM events",
        "SELECT * EXCLUDE (team) FROM events",
        "SELECT COLUMNS(*) FROM events",
    ],
)
def test_a_star_is_found(sql):
    assert STAR.find(parse(sql)) != []


def test_a_clock_is_found():
    assert CLOCK.find(parse("SELECT team FROM events WHERE usage_on < current_date")) != []


def test_counting_rows_is_no_star():
    assert STAR.find(parse("SELECT COUNT(*) AS call_count FROM events")) == []


def test_two_statements_in_a_file_are_refused():
    with pytest.raises(ValueError, match="one statement at a time, found 2"):
        parse("SELECT 1 AS one; SELECT 2 AS two")


def test_a_file_that_is_not_sql_is_refused():
    with pytest.raises(ParseError):
        parse("SELECT FROM WHERE")


@pytest.mark.parametrize("column", ["provider", "route"])
def test_the_daily_sums_of_litellm_tell_who_ran_a_model_by_the_rule_of_its_logs(column):
    # A mapping is hashed as a whole with what it lands, so that the two cannot share a part.
    rules = [
        next(each.sql() for each in parse(path.read_text(encoding="utf-8")).expressions if each.alias == column)
        for path in (SQL / "sources" / "litellm.sql", SQL / "sources" / "litellm_daily.sql")
    ]

    assert rules[0] == rules[1]
