"""Expectations: each fails on the row meant for it; the compiled SQL and Great Expectations say the same of the same rows."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from sophia_metrics import schema
from sophia_metrics.errors import ProcessingError, ServiceUnavailableError
from sophia_metrics.frames import fetch_frame
from sophia_metrics.quality.batch import Batch, batch_query
from sophia_metrics.quality.check import AtLeast, AtMost, NotAbove, NotAfterNow, NotEmpty, NotNull, OneOf, Same, Unique
from sophia_metrics.quality.checkpoint import Checkpoint
from sophia_metrics.quality.dictionary import render
from sophia_metrics.quality.expectation import Dimension, Severity
from sophia_metrics.quality.suite import compile_count, counted
from sophia_metrics.quality.suites import DAILY, PRESENT, STAGED, SUITES
from sophia_metrics.quality.verdict import GREAT_EXPECTATIONS, SQL, Verdict, held_because, merged
from sophia_metrics.schema.ddl import sql_type
from sophia_metrics.usage.staging import MAPPED_COLUMNS
from tests.test_docs import ROOT

NOW = datetime(2026, 11, 20, 12)
DAY = date(2026, 11, 19)
EACH_SUITE = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
SUM_LAYERS = ("core", "quarters", "hours", "days", "uses")
TYPES = {
    **{column.name: sql_type(column.kind) for table in schema.TABLES for column in table.columns},
    **{column.name: sql_type(column.kind) for column in MAPPED_COLUMNS},
    "rule": "VARCHAR",
    "started_on": "DATE",
    "parts_usd": "DECIMAL(38,12)",
    "has_cost": "BOOLEAN",
    "has_basis": "BOOLEAN",
    **{f"{layer}_request_count": "HUGEINT" for layer in SUM_LAYERS},
    **{f"{layer}_cost_usd": "DECIMAL(38,12)" for layer in SUM_LAYERS},
}
GOOD = {"VARCHAR": "ok", "BOOLEAN": False, "DATE": DAY, "TIMESTAMP": NOW - timedelta(days=1), "DOUBLE": 0.5}
GOOD_BY_NAME = {
    "record_kind": "call",
    "usage_quality": "exact",
    "price_status": "priced",
    "defect": None,
    "rule": None,
    "has_cost": True,
    "has_basis": True,
}
BROKEN = {
    "before_retention": {"has_expired": True},
    "line_too_long": {"defect": "line_too_long"},
    "malformed_json": {"defect": "malformed_json"},
    "malformed_row": {"defect": "malformed_row"},
    "wrong_type": {"defect": "wrong_type"},
    "fractional_count": {"has_fraction": True},
    "count_too_large": {"output_tokens": 10**12 + 1},
    "bucket_too_long": {"record_kind": "bucket", "ended_at": NOW + timedelta(days=2)},
    "negative_duration": {"latency_ms": -0.5},
    "number_is_not_finite": {"ttft_ms": float("nan")},
    "negative_quantity": {"rule": "negative_quantity"},
}
"""Rows that break what is no simple check of a column."""


def good_row(suite, number):
    """A row that breaks nothing; its key is its number."""
    row = {}
    for name in suite.columns:
        kind = TYPES[name]
        row[name] = GOOD_BY_NAME.get(name, GOOD.get(kind, Decimal(7) if kind.startswith("DECIMAL") else 7))
    keys = [each.check.columns for each in suite.expectations if isinstance(each.check, Unique)]
    texts = [name for key in keys for name in key if TYPES[name] == "VARCHAR"]
    return {**row, **dict.fromkeys(texts[:1], f"ok {number}")}


def bad_rows(expectation, good):  # noqa: PLR0911 - one return a kind of check
    """Return the rows in which one thing is wrong."""
    match expectation.check:
        case Unique():
            return [good, good]
        case NotNull(column):
            return [{**good, column: None}]
        case NotEmpty(column):
            return [{**good, column: ""}, {**good, column: None}]
        case AtLeast(column, minimum):
            return [{**good, column: minimum - timedelta(days=1) if isinstance(minimum, datetime) else -1}]
        case AtMost(column, maximum):
            return [{**good, column: maximum + 1}]
        case NotAfterNow(column):
            return [{**good, column: good[column] + timedelta(days=5)}]
        case OneOf(column, known):
            return [{**good, column: True if isinstance(known[0], bool) else "another"}]
        case NotAbove(column, other):
            return [{**good, column: good[other] + 1}]
        case Same(column, _):
            value = good[column]
            other = (
                not value if isinstance(value, bool) else value + (timedelta(days=-1) if isinstance(value, date) else 1)
            )
            return [{**good, column: other}, {**good, column: None}]
    return [{**good, **BROKEN[expectation.name]}]


def unknown_row(suite):
    """A row of which nothing is known but what must be."""
    checks = [each.check for each in suite.expectations]
    needed = {name for each in checks if isinstance(each, Unique | NotEmpty | NotNull) for name in each.columns}
    needed |= {name for each in checks if isinstance(each, Same) and needed & {*each.columns} for name in each.columns}
    return {name: value if name in needed else None for name, value in good_row(suite, "unknown").items()}


def relation(connection, suite, rows):
    """Give the suite these rows, and return it."""
    columns = ", ".join(f"{name} {TYPES[name]}" for name in suite.columns)
    connection.execute(f"CREATE OR REPLACE TABLE given ({columns})")
    marks = ", ".join("?" for _ in suite.columns)
    for row in rows:
        connection.execute(f"INSERT INTO given VALUES ({marks})", [row[name] for name in suite.columns])
    return replace(suite, rows=f"SELECT {', '.join(suite.columns)} FROM given")


def rows_that_break_everything(suite):
    return [row for number, each in enumerate(suite.expectations) for row in bad_rows(each, good_row(suite, number))]


def count_by_sql(connection, suite):
    row = fetch_frame(connection, compile_count([suite]), {"now": NOW} if "$now" in compile_count([suite]) else {}).row(
        0
    )
    return {name: failed for (_, name), (failed, _) in counted([suite], row).items()}


def count_by_great_expectations(connection, suite, checkpoint, scratch, **part):
    sql = batch_query(suite, "TIMESTAMP '2026-11-20 12:00:00'", **part)
    verdicts = checkpoint.judge([Batch(suite, fetch_frame(connection, sql))], scratch)
    return {each.expectation: each.failed_count for each in verdicts}


@pytest.fixture(scope="module")
def checkpoint():
    """Great Expectations in its process: ten seconds to import, once."""
    with Checkpoint(NOW) as started:
        yield started


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        yield opened


@EACH_SUITE
def test_good_rows_and_unknown_values_break_nothing_with_either_engine(connection, suite, checkpoint, tmp_path):
    given = relation(connection, suite, [*(good_row(suite, number) for number in range(3)), unknown_row(suite)])

    assert {name: failed for name, failed in count_by_sql(connection, given).items() if failed} == {}
    assert count_by_great_expectations(connection, given, checkpoint, tmp_path) == count_by_sql(connection, given)


@EACH_SUITE
def test_each_expectation_broken_fails_with_both_engines_on_as_many_rows(connection, suite, checkpoint, tmp_path):
    given = relation(connection, suite, rows_that_break_everything(suite))
    by_sql = count_by_sql(connection, given)

    assert [name for name, failed in by_sql.items() if not failed] == []
    assert count_by_great_expectations(connection, given, checkpoint, tmp_path) == by_sql


@EACH_SUITE
def test_each_expectation_fails_on_the_row_meant_for_it_among_good_ones(connection, suite):
    for each in suite.expectations:
        given = relation(connection, suite, [good_row(suite, "good"), *bad_rows(each, good_row(suite, "bad"))])

        assert count_by_sql(connection, given)[each.name] == len(bad_rows(each, good_row(suite, "bad")))


def test_rows_cut_into_parts_are_judged_as_if_they_were_together(connection, checkpoint, tmp_path):
    suite = next(each for each in DAILY if each.name == "mart_cost_daily")
    given = relation(connection, suite, rows_that_break_everything(suite))
    parts = [
        count_by_great_expectations(connection, given, checkpoint, tmp_path, part=part, part_count=3)
        for part in range(3)
    ]

    assert {name: sum(part[name] for part in parts) for name in parts[0]} == count_by_sql(connection, given)


def test_data_docs_name_no_other_host_and_hold_no_value(connection, checkpoint, tmp_path):
    suite = next(each for each in SUITES if each.name == "core_usage_events")
    secret = {
        "event_id": "an-id-of-somebody",
        "model": "a-model-of-somebody",
        "status": "my prompt is nobody's business",
    }
    given = relation(connection, suite, [{**good_row(suite, 1), **secret}, {**good_row(suite, 2), **secret}])
    count_by_great_expectations(connection, given, checkpoint, tmp_path)
    page = checkpoint.build_docs(tmp_path / "docs")
    text = "".join(each.read_text() for each in page.parent.rglob("*.html"))

    assert "repeated_event_id" in text
    assert re.findall(r"(?:https?:)?//[\w-]+\.[\w.]+", text) == []
    assert "<script" not in text
    assert [value for value in secret.values() if value in text] == []


def test_a_checkpoint_that_does_not_answer_in_time_says_what_to_do(connection, tmp_path):
    suite = PRESENT[0]
    given = relation(connection, suite, [good_row(suite, 1)])
    with (
        Checkpoint(NOW, deadline_seconds=0.01) as started,
        pytest.raises(ServiceUnavailableError, match=r"within 0.01 s: .* checkpoint = false under \[quality\]"),
    ):
        count_by_great_expectations(connection, given, started, tmp_path)


def test_rows_that_great_expectations_cannot_read_are_an_error_and_no_verdict(tmp_path):
    with (
        Checkpoint(NOW) as started,
        pytest.raises(ProcessingError, match="Great Expectations failed on mart_freshness"),
    ):
        started.judge([Batch(PRESENT[0], pl.DataFrame({"another_column": [1]}))], tmp_path)


# --- the definitions ---------------------------------------------------------------------------------------


@EACH_SUITE
def test_an_expectation_has_a_name_of_its_own_and_says_why(suite):
    names = [each.name for each in suite.expectations]

    assert len(set(names)) == len(names)
    assert [each.name for each in suite.expectations if not each.why or each.why.endswith(".")] == []


def test_every_dimension_is_guarded():
    assert {each.dimension for suite in SUITES for each in suite.expectations} == set(Dimension)


def test_suites_judged_by_day_read_tables_that_are_kept_by_day():
    kept = {table.name for table in schema.stored(schema.Storage.DAY_FILES)}

    assert {name for suite in DAILY for name in suite.tables} <= kept
    assert STAGED not in DAILY


def test_the_page_in_the_docs_lists_every_expectation():
    page = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")

    assert render() in page, "run: uv run python -m sophia_metrics.quality.dictionary, and put it into docs/quality.md"


# --- verdicts ----------------------------------------------------------------------------------------------


def verdict(failed, checked=10, *, by=SQL, severity=Severity.ERROR, name="one"):
    return Verdict("suite", name, severity, Dimension.VALIDITY, "it is wrong", failed, checked, by, failed == 0)


def test_rows_judged_in_parts_add_up():
    (both,) = merged([verdict(0), verdict(2)])

    assert (both.failed_count, both.checked_count, both.is_passed, both.observed) == (2, 20, False, 0.1)


def test_rows_judged_by_two_engines_do_not_add_up_and_pass_only_with_both():
    (both,) = merged([verdict(0), verdict(2, by=GREAT_EXPECTATIONS)])

    assert (both.failed_count, both.checked_count, both.is_passed) == (2, 10, False)
    assert both.checked_by == "sql+great_expectations"


def test_only_errors_hold_back_and_the_first_is_named():
    failures = [verdict(1, severity=Severity.WARNING), verdict(1, name="two"), verdict(1, name="three")]

    assert held_because([failures[0]]) is None
    assert held_because(failures) == "suite, two: it is wrong (1 of 10 rows), and 1 more"


def test_of_no_rows_no_share_is_known():
    assert verdict(0, 0).observed is None
