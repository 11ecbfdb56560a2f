"""Parquet files into stage tables of Snowflake: every row, every digit, and nothing left behind."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.schema.column import Column, Kind
from sophia_metrics.warehouse.snowflake.loading import (
    drop_leftovers,
    drop_stage_tables,
    leftover_stage_tables,
    load,
)
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name

pytest_plugins = ("tests.snowflake_fixtures",)

NOW = datetime(2026, 11, 23, 12)
COLUMNS = (
    Column("event_id", Kind.TEXT, ""),
    Column("usage_on", Kind.DATE, ""),
    Column("input_tokens", Kind.COUNT, ""),
    Column("cost_usd", Kind.MONEY, ""),
    Column("rate_usd", Kind.RATE, ""),
    Column("started_at", Kind.INSTANT, ""),
    Column("is_stream", Kind.BOOLEAN, ""),
    Column("latency_ms", Kind.REAL, ""),
)
ROWS = pl.DataFrame(
    {
        "event_id": ["ü'\"\n", "b", None],
        "usage_on": [date(2026, 11, 23), date(1, 1, 1), None],
        "input_tokens": [2**63 - 1, -1, None],
        "cost_usd": [Decimal("12345678901234567890123456.123456789012"), Decimal("-0.000000000001"), None],
        "rate_usd": [Decimal("0.000000000000000001"), Decimal("99999999999999999999.999999999999999999"), None],
        "started_at": [datetime(2026, 11, 23, 23, 59, 59, 999999), datetime(1969, 12, 31, 23, 59, 59, 1), None],
        "is_stream": [True, False, None],
        "latency_ms": [0.1, 1e-300, None],
    },
    schema={
        "event_id": pl.String,
        "usage_on": pl.Date,
        "input_tokens": pl.Int64,
        "cost_usd": pl.Decimal(38, 12),
        "rate_usd": pl.Decimal(38, 18),
        "started_at": pl.Datetime("us"),
        "is_stream": pl.Boolean,
        "latency_ms": pl.Float64,
    },
)


def loaded(session, name):
    return session.fetch_frame(f"SELECT {', '.join(column.name for column in COLUMNS)} FROM {name}")


def stage_tables(session):
    return [row["name"].lower() for row in session.run_rows("SHOW TABLES") if row["name"].startswith("STAGE_")]


@pytest.mark.parametrize("writer", ["polars", "duckdb"])
def test_a_file_is_loaded_with_every_digit_and_microsecond(snowflake, tmp_path, writer):
    session, path = snowflake.session(), tmp_path / "with space.parquet"
    if writer == "polars":
        ROWS.write_parquet(path)
    else:
        with duckdb.connect() as connection:
            connection.register("rows", ROWS)
            connection.execute(f"COPY (SELECT * FROM rows) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    name = stage_table_name("attempt", "usage_events", NOW)

    assert load(session, name, COLUMNS, [path]) == 3
    assert_frame_equal(loaded(session, name), ROWS, check_row_order=False)


def test_several_files_are_loaded_though_they_have_one_name(snowflake, tmp_path):
    session, paths = snowflake.session(), [tmp_path / str(place) / "data.parquet" for place in range(3)]
    for path in paths:
        path.parent.mkdir()
        ROWS.write_parquet(path)
    name = stage_table_name("attempt", "usage_events", NOW)

    assert load(session, name, COLUMNS, paths) == 9
    assert loaded(session, name).height == 9


def test_no_file_makes_an_empty_table(snowflake):
    session, name = snowflake.session(), stage_table_name("attempt", "usage_events", NOW)

    assert load(session, name, COLUMNS, []) == 0
    assert loaded(session, name).schema == ROWS.schema


def test_columns_are_matched_by_name_and_what_a_file_lacks_is_null(snowflake, tmp_path):
    session, name = snowflake.session(), stage_table_name("attempt", "usage_events", NOW)
    ROWS.select("latency_ms", "event_id").write_parquet(tmp_path / "a.parquet")

    load(session, name, COLUMNS, [tmp_path / "a.parquet"])

    found = loaded(session, name)
    assert found["latency_ms"].to_list() == ROWS["latency_ms"].to_list()
    assert found["cost_usd"].null_count() == 3


def test_an_attempt_has_another_table_each_time_so_nothing_is_put_where_something_was():
    names = {stage_table_name("attempt", "usage_events", NOW) for _ in range(100)}

    assert len(names) == 100
    assert len({name[: len("stage_") + 16] for name in names}) == 1


def test_the_files_do_not_stay_in_a_stage(snowflake, tmp_path):
    session, name = snowflake.session(), stage_table_name("attempt", "usage_events", NOW)
    ROWS.write_parquet(tmp_path / "a.parquet")

    load(session, name, COLUMNS, [tmp_path / "a.parquet"])

    assert snowflake.statements.verbs == ["CREATE", "CREATE", "PUT", "COPY", "DROP"]
    assert session.run_rows("SHOW STAGES") == []


def test_a_file_that_is_none_leaves_its_stage_table_to_be_dropped_by_its_name(snowflake, tmp_path):
    session, name = snowflake.session(), stage_table_name("attempt", "usage_events", NOW)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 is not all")

    with pytest.raises(ProcessingError, match=r"a\.parquet is no Parquet file"):
        load(session, name, COLUMNS, [tmp_path / "a.parquet"])

    drop_stage_tables(session, [name])
    assert stage_tables(session) == []


def test_a_path_with_a_quote_is_refused(snowflake, tmp_path):
    session, name = snowflake.session(), stage_table_name("attempt", "usage_events", NOW)
    ROWS.write_parquet(tmp_path / "it's.parquet")

    with pytest.raises(ConfigurationError, match="has a quote"):
        load(session, name, COLUMNS, [tmp_path / "it's.parquet"])


def test_loading_inside_a_transaction_is_refused(snowflake, tmp_path):
    session = snowflake.session()
    session.run("CREATE TABLE write_lock (lock_name VARCHAR, turn BIGINT)")
    session.run("INSERT INTO write_lock VALUES ('write', 0)")

    with pytest.raises(RuntimeError, match="would commit"), session.transaction():
        load(session, stage_table_name("attempt", "usage_events", NOW), COLUMNS, [])


def test_stage_tables_older_than_a_day_are_dropped_and_no_others(snowflake):
    session = snowflake.session()
    old = stage_table_name("died", "usage_events", NOW - timedelta(days=1, seconds=1))
    young = stage_table_name("runs", "usage_events", NOW - timedelta(days=1))
    for name in (old, young, "stage_of_mine", "stagecoach"):
        session.run(f"CREATE TABLE {name} (a INT)")

    assert leftover_stage_tables(session, NOW) == (old,)
    assert drop_leftovers(session, NOW) == (old,)
    assert sorted(stage_tables(session)) == sorted([young, "stage_of_mine"])


def test_only_stage_tables_are_dropped(snowflake):
    with pytest.raises(ValueError, match="core_usage_events is no stage table"):
        drop_stage_tables(snowflake.session(), ["core_usage_events"])
