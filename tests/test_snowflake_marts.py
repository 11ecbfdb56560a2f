"""The marts on Snowflake: the worked examples, and a few thousand random rows, by the rendered SQL on fakesnow.

fakesnow runs in this process and computes with DuckDB: it shows that the rendered statements are Snowflake's language as
sqlglot reads it, that no meaning is lost in the rendering, and that tables made by the Snowflake DDL hold the digits. It
cannot show what Snowflake itself computes: how many decimals a product of NUMBERs keeps, that the division and the mean
of NUMBERs are NUMBERs, that a division by zero is an error, how a DOUBLE is rounded. The guard refuses statements in
which that matters; each of its rules is tested in test_snowflake_dialect.py, with Snowflake's rule as the reason. Nor
does it show Snowflake's reserved words, its limits on subqueries, or its speed.
"""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import fakesnow
import fakesnow.transforms
import polars as pl
import pytest
import snowflake.connector
from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.calendars import calendar_frame
from sophia_metrics.frames import fetch_frame
from sophia_metrics.marts import MARTS, mart
from sophia_metrics.periods import Terms, period_frame
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema import Table
from sophia_metrics.schema.ddl import Engine, create_table
from sophia_metrics.schema.findings import FORECAST_SNAPSHOTS
from sophia_metrics.schema.focus import SELLERS
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.schema.state import BUDGET_PERIODS, CALENDAR_DAYS
from sophia_metrics.warehouse.snowflake.dialect import parse, render
from tests.mart_cases import (
    CASE_FOLDERS,
    Row,
    at,
    case_keys,
    create_inputs,
    differences,
    expected_of,
    load_case,
    present_of,
    rows_of,
)
from tests.random_rows import random_rows

pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result:UserWarning")  # fakesnow's own


@pytest.fixture(scope="module")
def account():
    """A connection to fakesnow, with every table that a mart reads or is, made by the DDL for Snowflake.

    Without fakesnow's own rewriting of SUM and AVG, which computes with DOUBLEs: Snowflake does not.
    """
    with pytest.MonkeyPatch.context() as patched, fakesnow.patch():
        patched.setattr(fakesnow.transforms, "numeric_agg_implicit_cast", lambda expression: expression)
        with snowflake.connector.connect(database="sophia", schema="metrics") as connection:
            for name in {name for each in MARTS for name in (each.name, *each.inputs)}:
                connection.cursor().execute(create_table(schema.table(name), Engine.SNOWFLAKE))
            yield connection


def bound(sql: str, now: datetime | None) -> str:
    """Return a statement as it is sent to Snowflake, with the present in the place of `$now`."""

    def replaced(node: exp.Expr) -> exp.Expr:
        return exp.cast(exp.Literal.string(str(now)), "TIMESTAMP") if isinstance(node, exp.Placeholder) else node

    return render(parse(sql).transform(replaced))


def literal(value: object) -> str:
    if value is None or isinstance(value, int | Decimal):
        return "NULL" if value is None else str(value).upper()
    return f"'{value}'"


def named(table: Table, rows: Sequence[tuple[Any, ...]]) -> list[Row]:
    """Return rows by the names of their columns: Snowflake gives them in capitals, and in order."""
    return [dict(zip(table.names, row, strict=True)) for row in rows]


def fill(account: Any, table: Table, rows: Sequence[Row]) -> None:
    """Let a table hold these rows, by a plain INSERT; what is null in all of them is left out."""
    cursor = account.cursor()
    cursor.execute(f"DELETE FROM {table.name}")
    names = [name for name in table.names if any(row[name] is not None for row in rows)]
    if names:
        values = ", ".join(f"({', '.join(literal(row[name]) for name in names)})" for row in rows)
        cursor.execute(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {values}")


def pour(engine: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Append many rows to a table, also behind fakesnow's back: it takes a minute to read such an INSERT."""
    engine.register("given", frame.to_arrow())
    engine.execute(f"INSERT INTO {name} SELECT {', '.join(frame.columns)} FROM given")
    engine.unregister("given")


@pytest.mark.parametrize("folder", CASE_FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_case_on_snowflake(account, folder):
    each, now = mart(folder.parent.name), present_of(folder)
    with duckdb.connect() as local:
        load_case(local, folder)
        create_inputs(local, each, now)
        expected = expected_of(local, folder, each.table)
        for name in each.inputs:
            rows = f"SELECT * FROM {name}"
            if name in {CALENDAR_DAYS.name, SELLERS.name}:
                fill(account, schema.table(name), ())
                pour(account._duck_conn, name, fetch_frame(local, rows))
            else:
                fill(account, schema.table(name), rows_of(local.execute(rows)))

    found = named(each.table, account.cursor().execute(bound(each.sql, now)).fetchall())
    assert differences(found, expected, case_keys(folder, each.table)) == []


# --- a few thousand random rows through every mart, in the order of the build ---------------------------------


START, DAYS = at("2026-09-20"), 66
NOW = START + timedelta(days=DAYS - 1, hours=13, minutes=7)
NAMES = ("one", "two", "three")


def numbered(prefix: str):
    """Return a choice of ever new names."""
    numbers = itertools.count()
    return lambda _: f"{prefix}-{next(numbers)}"


def in_turn(*values: str):
    """Return a choice of these values, one after the other."""
    turn = itertools.cycle(values)
    return lambda _: next(turn)


def each_day():
    """Return what gives the days from START on, one after the other."""
    days = itertools.count()
    return lambda _rng: START.date() + timedelta(days=next(days))


def given_tables() -> dict[str, list[Row]]:
    """Return rows of every table that marts read and no mart is."""
    plans = {
        "core_usage_events": (
            3000,
            {
                "event_id": numbered("event"),
                "source": ("source-0", "source-1", "source-2"),
                "source_role": ("ledger", "ledger", "reconcile"),
                "record_kind": ("call", "call", "bucket"),
                "team": ("search", "support"),
                "project": ("ranking",),
                "environment": ("production",),
                "tags": ('{"cost":"a"}', '{"cost":"b","team":"search"}'),
                "provider": ("openai", "anthropic"),
                "model": ("gpt-5", "gpt-5-mini"),
                "status": ("ok", "ok", "error", "cancelled"),
                "price_status": ("priced", "partial", "unpriced", "free", "subscription", "invalid"),
                "price_id": ("card-0", "card-1", "card-2", "gone"),
                "cost_basis": ("computed", "computed", "reported"),
            },
        ),
        "core_price_cards": (
            3,
            {
                "price_id": numbered("card"),
                "price_book": ("list",),
                "tier_low_tokens": (0, 200_000),
                "origin": in_turn(
                    "genai-prices; backdated from 2026-10-15; cache_read as input",
                    "correction of a price; doubt: two differ; cache_write_5m as input",
                    "litellm gpt-5, the maker's price; cache_write_1h as input",
                ),
            },
        ),
        "core_usage_units": (500, {"event_id": numbered("event"), "unit": ("images", "web_searches")}),
        "core_suggestions": (20, {"suggestion_id": numbered("suggestion")}),
        "core_kpi_baselines": (2, {"kpi": numbered("kpi")}),
        "core_cache_lookups": (
            600,
            {
                "cache": ("answers", "pages"),
                "outcome": ("exact", "semantic", "miss", "ineligible", "bypass_error"),
            },
        ),
        "core_forecast_snapshots": (
            DAYS + 10,
            {
                "time_zone": ("UTC",),
                "scope_type": ("model",),
                "scope_value": ("gpt-5", "gpt-5-mini"),
                "horizon_days": (1, 3, 10, 20),
                "target_on": each_day(),
            },
        ),
        "core_anomalies": (40, {"kind": numbered("kind")}),
        "core_cache_snapshots": (300, {"cache": ("answers", "pages")}),
        "core_probe_results": (
            1500,
            {
                "service": ("service-0", "service-1", "service-2"),
                "outcome": ("ok", "degraded", "failed", "skipped"),
                "status": ("healthy", "degraded", "down", "maintenance", "unknown"),
                "interval_seconds": (60, 300, 900),
            },
        ),
        "core_invoice_lines": (
            400,
            {
                "line_id": numbered("line"),
                "provider": ("openai", "anthropic"),
                "model": ("gpt-5", "gpt-6", None),
                "is_usage": (True, True, False),
                "cost_type": ("tokens", "web_search", None),
                "removed_at": (None, None, None, NOW),
            },
        ),
        "core_services": (
            3,
            {
                "service": numbered("service"),
                "objective_ratio": (0.9, 0.99, 0.999),
                "status": ("healthy", "degraded", "down"),
                "added_at": (START, START + timedelta(days=3)),
                "removed_at": (None,),
                "interval_seconds": (60, 300),
            },
        ),
        "core_watermarks": (
            3,
            {
                "source": numbered("source"),
                "source_role": ("ledger",),
                "collected_at": (NOW,),
                "settled_through_at": (NOW - timedelta(days=1), at("2026-11-23"), at("2026-11-24")),
            },
        ),
        "core_budgets": (
            6,
            {
                "budget": numbered("budget"),
                "origin": ("configured",),
                "scope_type": ("all", "team", "tag:cost"),
                "scope_value": ("all", "search", "a"),
                "period": ("day", "month", "week", "quarter"),
                "start_day": (None, 2, 5),
                "limit_usd": (Decimal("0.1"), Decimal(100_000), Decimal("1234.567891")),
                "time_zone": ("UTC", "America/New_York", "Asia/Kathmandu"),
                "warning_ratio": (0.8, 0.5),
                "valid_from_at": (START,),
                "valid_to_at": (None,),
            },
        ),
        "core_heartbeats": (4, {"flow": numbered("flow")}),
        "core_pipeline_runs": (40, {"run_id": numbered("run"), "run_status": ("running", "completed", "held")}),
        "core_quality_verdicts": (40, {"run_id": numbered("run")}),
    }
    return {
        name: random_rows(schema.table(name), count, 7, START, DAYS, choices)
        for name, (count, choices) in plans.items()
    }


def frames_of(tables: Mapping[str, Sequence[Row]]) -> dict[str, pl.DataFrame]:
    frames = {name: pl.DataFrame(rows, schema=polars_schema(schema.table(name))) for name, rows in tables.items()}
    zones = ["UTC", *frames["core_budgets"]["time_zone"]]
    columns = ("time_zone", "period", "start_day")
    terms = [Terms(zone, period, start or 1) for zone, period, start in frames["core_budgets"][columns].rows()]
    return {
        **frames,
        CALENDAR_DAYS.name: calendar_frame(zones, NOW),
        SELLERS.name: seller_frame(),
        BUDGET_PERIODS.name: period_frame(terms, NOW),
        FORECAST_SNAPSHOTS.name: pl.concat([frames[FORECAST_SNAPSHOTS.name], forecasts(zones)]),
    }


def forecasts(zones: Sequence[str]) -> pl.DataFrame:
    """Return a forecast of every scope in every zone, made when all that is settled was known."""
    rows = [
        {
            "time_zone": zone,
            "scope_type": scope_type,
            "scope_value": scope_value,
            "data_through_on": NOW.date() - timedelta(days=1),
            "target_on": NOW.date() + timedelta(days=ahead - 1),
            "horizon_days": ahead,
            "p10_usd": Decimal(ahead),
            "p50_usd": Decimal(ahead * 2),
            "p90_usd": Decimal(ahead * 5),
            "through_p10_usd": Decimal(3 * ahead),
            "through_p50_usd": Decimal(5 * ahead),
            "through_p90_usd": Decimal(8 * ahead * ahead + ahead),
            "method": "any",
            "day_count": 60,
            "inflation_ratio": 1.0,
            "made_at": NOW,
        }
        for zone in sorted(set(zones))
        for scope_type, scope_value in (("all", "all"), ("team", "search"), ("tag:cost", "a"))
        for ahead in range(1, 96)
    ]
    return pl.DataFrame(rows, schema=polars_schema(FORECAST_SNAPSHOTS))


@pytest.fixture(scope="module")
def both_engines(account):
    """The rows of every mart by the name of it: DuckDB's, and fakesnow's."""
    frames = frames_of(given_tables())
    cursor = account.cursor()
    with duckdb.connect() as local:
        for name in dict.fromkeys([*frames, *(name for each in MARTS for name in (*each.inputs, each.name))]):
            local.execute(create_table(schema.table(name)))
            fill(account, schema.table(name), ())
        for name, frame in frames.items():
            pour(local, name, frame)
            pour(account._duck_conn, name, frame)
        for each in MARTS:
            sql = f"INSERT INTO {each.name} {each.sql}"
            local.execute(sql, dict.fromkeys(each.parameters, NOW))
            cursor.execute(bound(sql, NOW))
        return {
            each.name: (
                rows_of(local.execute(f"SELECT * FROM {each.name}")),
                named(each.table, cursor.execute(f"SELECT * FROM {each.name}").fetchall()),
            )
            for each in MARTS
        }


@pytest.mark.parametrize("each", MARTS, ids=lambda each: each.name)
def test_random_rows_make_the_same_mart_on_snowflake(both_engines, each):
    here, there = both_engines[each.name]

    assert here
    assert differences(there, here, each.table.key) == []
