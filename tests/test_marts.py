"""The marts: worked examples as folders of CSV, and what must hold for any usage at all."""

import math
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics import marts, schema
from sophia_metrics.marts import MARTS, catalogue, mart
from sophia_metrics.schema import Table
from sophia_metrics.schema.ddl import create_table, sql_type
from sophia_metrics.schema.marts import COST_MEASURES
from sophia_metrics.schema.polars_types import polars_schema
from tests.mart_cases import (
    CASE_FOLDERS,
    Row,
    at,
    build,
    case_keys,
    columns_of,
    differences,
    expected_of,
    load_case,
    present_of,
    rows_of,
)

# --- worked examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", CASE_FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_case(folder):
    each = mart(folder.parent.name)
    with duckdb.connect() as connection:
        load_case(connection, folder)
        expected = expected_of(connection, folder, each.table)
        found = build(connection, each, present_of(folder))

    assert differences(found, expected, case_keys(folder, each.table)) == []


@pytest.mark.parametrize("each", MARTS, ids=lambda each: each.name)
def test_each_mart_has_three_cases_one_of_them_with_every_column(each):
    cases = [columns_of(folder / "expect.csv") for folder in CASE_FOLDERS if folder.parent.name == each.name]

    assert len(cases) >= 3
    assert each.table.names in [tuple(columns) for columns in cases]


def test_every_case_belongs_to_a_mart_and_gives_only_what_the_mart_reads():
    strange = [
        f"{folder.parent.name}/{folder.name}: {path.name}"
        for folder in CASE_FOLDERS
        for path in (folder / "given").iterdir()
        if path.stem not in mart(folder.parent.name).inputs
    ]

    assert strange == []


# --- the catalogue -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("each", MARTS, ids=lambda each: each.name)
def test_a_mart_yields_the_columns_of_its_table_with_their_types(each):
    with duckdb.connect() as connection:
        for name in each.inputs:
            connection.execute(create_table(schema.table(name)))
        parameters = dict.fromkeys(each.parameters, at("2026-11-23"))
        found = [(column[0], str(column[1])) for column in connection.execute(each.sql, parameters).description]

    assert found == [(column.name, sql_type(column.kind)) for column in each.table.columns]


def test_every_public_table_that_is_called_a_mart_is_in_the_catalogue():
    public = schema.stored(schema.Storage.DAY_FILES, schema.Storage.SERVING, schema.Storage.VIEW)

    assert {each.name for each in MARTS} == {
        table.name for table in public if table.name.startswith(("mart_", "focus_"))
    }


def test_a_mart_is_built_after_the_marts_that_it_reads():
    order = [each.name for each in MARTS]

    assert order.index("mart_cost_15min") < order.index("mart_cost_hourly") < order.index("mart_cost_daily")


def test_a_wrong_build_order_is_refused():
    with pytest.raises(ValueError, match="mart_cost_daily reads mart_cost_hourly, which is built later"):
        catalogue([schema.marts.COST_DAILY])


def test_a_mart_without_sql_is_refused():
    nowhere = Table("mart_nowhere", "", (), (), schema.Storage.SERVING)

    with pytest.raises(ValueError, match=r"mart_nowhere has no SQL: add .*mart_nowhere\.sql"):
        catalogue([nowhere])


def test_no_mart_needs_to_know_more_than_the_time():
    assert {each.name: each.parameters for each in MARTS if each.parameters} == dict.fromkeys(
        (
            "mart_anomalies",
            "mart_budget_days",
            "mart_budget_status",
            "mart_cost_forecast",
            "mart_freshness",
            "mart_pipeline_runs",
            "mart_reconciliation",
            "mart_service_availability",
            "mart_service_health",
        ),
        ("now",),
    )


def test_the_hash_of_the_sql_is_its_own_for_each_mart():
    assert len({each.sql_sha256 for each in MARTS}) == len(MARTS)


def test_another_list_of_who_sells_builds_the_marts_that_ask_for_it_again(monkeypatch):
    before = {each.name: each.sql_sha256 for each in MARTS}
    monkeypatch.setattr(marts, "_sellers", lambda: "spelling,seller\nmy-cloud,aws")

    assert {each.name for each in MARTS if each.sql_sha256 != before[each.name]} == {
        "focus_cost_and_usage",
        "mart_reconciliation",
        "mart_reconciliation_days",
    }


def test_a_name_that_is_no_mart_is_a_key_error():
    with pytest.raises(KeyError):
        mart("core_usage_events")


# --- what holds for any usage ------------------------------------------------------------------------------


FIRST_DAY = date(2026, 11, 20)
CARDS = {"card": Decimal("0.000003"), "odd": Decimal("0.000000333333333333"), "no-input": None}


def maybe(values):
    return st.one_of(st.none(), values)


AMOUNTS = maybe(st.decimals(0, 1000, places=12))
TOKENS = maybe(st.integers(0, 500_000))
MILLISECONDS = maybe(st.floats(0, 1e6, allow_nan=False))
INSTANTS = st.one_of(
    st.sampled_from([at("2026-11-20"), at("2026-11-20 23:59:59.999999"), at("2026-11-21")]),
    st.datetimes(at("2026-11-20"), at("2026-11-22 23:59:59")),
)
EVENTS = st.fixed_dictionaries(
    {
        "started_at": INSTANTS,
        "length": maybe(st.sampled_from([timedelta(0), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)])),
        "source_role": st.sampled_from(["ledger", "ledger", "ledger", "reconcile"]),
        "record_kind": st.sampled_from(["call", "call", "call", "bucket"]),
        "team": maybe(st.sampled_from(["search", "support"])),
        "project": maybe(st.just("ranking")),
        "model": st.sampled_from(["gpt-5", "gpt-5-mini"]),
        "status": st.sampled_from(["ok", "ok", "error", "cancelled"]),
        "is_cache_hit": maybe(st.booleans()),
        "request_count": st.integers(0, 50),
        **dict.fromkeys(
            (
                "input_tokens",
                "cache_read_tokens",
                "cache_write_5m_tokens",
                "cache_write_1h_tokens",
                "output_tokens",
                "reasoning_tokens",
            ),
            TOKENS,
        ),
        **dict.fromkeys(("latency_ms", "ttft_ms"), MILLISECONDS),
        **dict.fromkeys(
            (
                "cost_usd",
                "list_cost_usd",
                "cost_reported_usd",
                "cost_computed_usd",
                "cost_cache_read_usd",
                "cost_cache_write_usd",
            ),
            AMOUNTS,
        ),
        "price_status": st.sampled_from(["priced", "partial", "unpriced", "free", "subscription", "invalid"]),
        "price_id": maybe(st.sampled_from([*CARDS, "gone"])),
    }
)
USAGE = st.lists(EVENTS, max_size=25)
BUILDS_TABLES = settings(deadline=None, max_examples=25)
"""An example takes a tenth of a second: DuckDB plans and runs all five marts."""
DAILY_MARTS = [
    each
    for each in MARTS
    if each.table.storage is schema.Storage.DAY_FILES
    and each.name.startswith(("mart_cost", "mart_latency", "mart_model"))
]
"""Those over usage events; others observe caches and services."""


def whole_event(event: Row, ordinal: int) -> Row:
    started_at, length = event["started_at"], event["length"]
    is_call = event["record_kind"] == "call"
    return {
        **{name: value for name, value in event.items() if name != "length"},
        "event_id": f"event-{ordinal}",
        "usage_on": started_at.date(),
        "ended_at": None if length is None else started_at + length,
        "ingested_at": at("2026-11-23"),
        "request_count": 1 if is_call else event["request_count"],
        "source": "a-source",
        "attempt_id": "an-attempt",
        "version_rank": 0,
        "provider": "openai",
        "usage_quality": "exact",
    }


def tables_of(usage: list[Row]) -> dict[str, list[Row]]:
    """Build all daily marts over these events, in order, each from the ones before."""
    events = schema.table("core_usage_events")
    rows = [whole_event(event, ordinal) for ordinal, event in enumerate(usage)]
    cards = [
        {
            "price_id": name,
            "provider": "openai",
            "model": "gpt-5",
            "service_tier": "standard",
            "price_book": "list",
            "known_from_at": at("2026-01-01"),
            "tier_low_tokens": 0,
            "is_low_inclusive": True,
            "rate_input_usd": rate,
            "origin": "a list",
        }
        for name, rate in CARDS.items()
    ]
    with duckdb.connect() as connection:
        for table, given_rows in ((events, rows), (schema.table("core_price_cards"), cards)):
            frame = pl.DataFrame(given_rows, schema=polars_schema(table)).to_arrow()
            connection.register(f"given_{table.name}", frame)
            connection.execute(create_table(table))
            connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM given_{table.name}")
        for each in DAILY_MARTS:
            for name in (each.name, *each.inputs):
                connection.execute(create_table(schema.table(name)))
            connection.execute(f"INSERT INTO {each.name} {each.sql}")
        return {each.name: rows_of(connection.execute(f"SELECT * FROM {each.name}")) for each in DAILY_MARTS}


def total(rows: list[Row], measure: str) -> object:
    """Add up a measure exactly, nulls left out; None where there is nothing to add."""
    known = [row[measure] for row in rows if row[measure] is not None]
    if not known:
        return None
    return math.fsum(known) if isinstance(known[0], float) else sum(known[1:], known[0])


ADDITIVE = [column.name for column in COST_MEASURES if column.name != "is_coarse"]


@BUILDS_TABLES
@given(USAGE)
def test_quarters_hours_and_days_add_up_to_the_same_totals(usage):
    tables = tables_of(usage)
    totals = [
        {measure: total(tables[name], measure) for measure in ADDITIVE}
        for name in ("mart_cost_15min", "mart_cost_hourly", "mart_cost_daily")
    ]

    assert differences(totals[:1], totals[1:2], ()) == []
    assert differences(totals[:1], totals[2:], ()) == []


@BUILDS_TABLES
@given(USAGE)
def test_days_built_one_by_one_are_the_days_built_together(usage):
    together = tables_of(usage)
    days = [FIRST_DAY + timedelta(days=ahead) for ahead in range(3)]
    one_by_one = [tables_of([event for event in usage if event["started_at"].date() == day]) for day in days]

    for each in DAILY_MARTS:
        rows = [row for tables in one_by_one for row in tables[each.name]]
        assert differences(rows, together[each.name], each.table.key) == []


@BUILDS_TABLES
@given(USAGE)
def test_the_days_hold_exactly_what_the_ledger_events_hold(usage):
    ledger = [event for event in map(whole_event, usage, range(len(usage))) if event["source_role"] == "ledger"]
    daily = tables_of(usage)["mart_cost_daily"]

    for name in (
        "cost_usd",
        "list_cost_usd",
        "cost_reported_usd",
        "cost_computed_usd",
        "input_tokens",
        "output_tokens",
    ):
        known = [event[name] for event in ledger if event[name] is not None]
        assert total(daily, name) == (sum(known) if known else None)
    for name, dimension in (("team", "team"), ("project", "project"), ("environment", None)):
        assert {row[name] for row in daily} == {
            (event[dimension] if dimension else None) or "(none)" for event in ledger
        }


@BUILDS_TABLES
@given(USAGE)
def test_every_call_without_a_cost_is_counted_unless_it_need_not_have_one(usage):
    lacking = [
        event
        for event in map(whole_event, usage, range(len(usage)))
        if event["source_role"] == "ledger"
        and event["cost_usd"] is None
        and event["price_status"] in {"unpriced", "partial", "invalid"}
    ]
    daily = tables_of(usage)["mart_cost_daily"]

    assert (total(daily, "unpriced_count") or 0) == sum(max(event["request_count"], 1) for event in lacking)


@BUILDS_TABLES
@given(USAGE)
def test_prompt_cache_savings_agree_with_exact_arithmetic(usage):
    expected: dict[tuple[object, ...], Decimal] = {}
    for event in usage:
        rate, is_hit = CARDS.get(event["price_id"]), event["is_cache_hit"]
        read, write = event["cost_cache_read_usd"], event["cost_cache_write_usd"]
        if event["source_role"] != "ledger" or rate is None or (read is write is None and not is_hit):
            continue
        read_tokens = event["cache_read_tokens"] or 0
        write_tokens = (event["cache_write_5m_tokens"] or 0) + (event["cache_write_1h_tokens"] or 0)
        saved_on_reads = 0 if is_hit or read is None else read_tokens * rate - read
        saved_on_writes = 0 if is_hit or write is None else write_tokens * rate - write
        start = event["started_at"]
        quarter = start.replace(minute=start.minute // 15 * 15, second=0, microsecond=0)
        key = (quarter, event["model"], event["team"] or "(none)", event["project"] or "(none)")
        expected[key] = expected.get(key, Decimal(0)) + saved_on_reads + saved_on_writes

    found = {
        (row["period_at"], row["model"], row["team"], row["project"]): row["prompt_cache_saving_usd"]
        for row in tables_of(usage)["mart_cost_15min"]
        if row["prompt_cache_saving_usd"] is not None
    }

    assert found.keys() == expected.keys()
    assert all(abs(found[key] - expected[key]) <= Decimal("5e-13") for key in found)


@BUILDS_TABLES
@given(USAGE)
def test_the_histogram_holds_every_timed_call_in_the_right_bucket(usage):
    tables = tables_of(usage)
    timed = [
        event["latency_ms"]
        for event in usage
        if event["source_role"] == "ledger" and event["record_kind"] == "call" and event["latency_ms"] is not None
    ]
    bounds = [base * scale for scale in (1, 10, 100, 1000, 10_000) for base in (10, 15, 20, 30, 50, 70)]
    bounds = [*(bound for bound in bounds if bound <= 500_000), 600_000, math.inf]
    expected: dict[float, int] = {}
    for latency in timed:
        bound = next(bound for bound in bounds if latency <= bound)
        expected[bound] = expected.get(bound, 0) + 1
    found: dict[float, int] = {}
    for row in tables["mart_latency_histogram"]:
        found[row["bucket_ms"]] = found.get(row["bucket_ms"], 0) + row["request_count"]

    assert found == expected
    assert sum(found.values()) == (total(tables["mart_cost_daily"], "latency_count") or 0)
