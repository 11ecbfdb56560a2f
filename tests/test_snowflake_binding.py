"""A statement and its values: what was rendered for other values of the same shapes is what is rendered anew."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from sophia_metrics.warehouse.snowflake.binding import bind
from sophia_metrics.warehouse.snowflake.shape import MAX_BOUND_ITEMS
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name
from sophia_metrics.warehouse.snowflake.statement import Part, ReadInstead, Statement
from sophia_metrics.warehouse.snowflake.template import template

NOW = datetime(2026, 11, 18, 12)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
    st.decimals(-1000, 1000, allow_nan=False, places=3),
    st.floats(allow_nan=False),
)
DAYS = st.lists(st.dates(), max_size=4)
FEW = "SELECT $one AS one, day_on FROM core_sums WHERE list_contains($days, day_on) AND $one IS NOT NULL"


@given(st.lists(st.tuples(VALUES, DAYS), min_size=2, max_size=6))
def test_what_was_bound_before_changes_nothing_in_a_statement(bound):
    remembered = [bind(FEW, {"one": one, "days": days}) for one, days in bound]
    anew = []
    for one, days in bound:
        template.cache_clear()
        anew.append(bind(FEW, {"one": one, "days": days}))

    assert remembered == anew


def test_values_of_one_shape_are_rendered_once():
    template.cache_clear()
    for amount, day in ((Decimal("1.25"), date(2026, 11, 1)), (Decimal("2.50"), date(2026, 11, 2))):
        found = bind("SELECT $1 AS cost_usd WHERE day_on = $2", [amount, day])

        assert found.values == (str(amount), day.isoformat())
    assert template.cache_info().misses == 1


def test_a_null_a_list_of_another_length_and_a_long_list_are_other_statements():
    sql = "SELECT day_on FROM core_sums WHERE list_contains($1, number)"

    assert bind(sql, [[7, 8]]).sql == "SELECT day_on FROM core_sums WHERE number IN (?, ?)"
    assert bind(sql, [[7]]).sql == "SELECT day_on FROM core_sums WHERE number IN (?)"
    assert bind(sql, [[]]).sql == "SELECT day_on FROM core_sums WHERE FALSE"
    assert bind(sql, [None]).sql == "SELECT day_on FROM core_sums WHERE NULL"
    assert "PARSE_JSON(?)" in bind(sql, [list(range(MAX_BOUND_ITEMS + 1))]).sql


def test_each_attempt_names_its_own_stage_tables_in_a_statement_that_is_remembered():
    template.cache_clear()
    for attempt in ("first", "second"):
        read, into = (stage_table_name(attempt, noun, NOW) for noun in ("inputs", "outputs"))
        parts = (Part(read), Part("built_sums", "days"))
        instead = ReadInstead("sums", ("day_on", "number"), "day_on", parts)
        statement = Statement("SELECT day_on, number FROM sums", (instead,), (into, ("day_on", "number")))

        found = bind(statement, {"days": [date(2026, 11, 1)]})

        assert found.sql == (
            f"INSERT INTO {into} (day_on, number) SELECT day_on, number FROM (SELECT day_on, number FROM {read} "
            "UNION ALL SELECT day_on, number FROM built_sums WHERE day_on IN (CAST(? AS DATE))) AS sums"
        )
    assert template.cache_info().misses == 1


def test_values_and_frames_come_in_the_order_in_which_they_stand():
    frame = pl.DataFrame({"number": [1]})

    found = bind("SELECT $2 AS a FROM few JOIN few AS more USING (number) WHERE a = $1", ["x", "y"], {"few": frame})

    assert found.values == ("y", '[{"number":"1"}]', '[{"number":"1"}]', "x")
