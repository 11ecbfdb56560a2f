"""Tables of Snowflake are made once, whoever else makes them, and never in a transaction."""

import threading
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from sophia_metrics import schema
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.exports.focus import export_focus
from sophia_metrics.exports.focus_columns import FOCUS_COLUMNS
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema.column import Kind, Storage
from sophia_metrics.schema.core import USAGE_EVENTS
from sophia_metrics.schema.focus import SELLERS
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.warehouse.snowflake.reading import over_committed
from sophia_metrics.warehouse.snowflake.tables import MIGRATIONS, prepare, table_statements
from tests.random_rows import random_rows

pytest_plugins = ("tests.snowflake_fixtures",)

NOW = datetime(2026, 11, 23, 12)


def table_names(session):
    return {row["name"].lower() for row in session.run_rows("SHOW TABLES")}


def test_every_table_is_made_and_a_second_time_nothing_is(snowflake):
    session = snowflake.session()

    prepare(session, NOW)
    sent = len(snowflake.statements.texts)
    prepare(session, NOW)

    names = table_names(session)
    marts = {table.name for table in schema.stored(Storage.DAY_FILES) if table.name.startswith("mart_")}
    own = {"write_lock", "published_days"}
    assert (
        names
        == {table.name for table in schema.TABLES if table.storage is not Storage.VIEW}
        | {f"built_{name}" for name in marts}
        | own
    )
    assert snowflake.statements.verbs[sent:-1] == ["SHOW", "SELECT"]
    assert session.execute("SELECT * FROM schema_migrations").fetchall() == [
        (step.__name__, NOW) for step in MIGRATIONS
    ]
    assert snowflake.statements.in_transactions() == []


def test_usage_is_exported_from_the_view_in_the_columns_of_focus(snowflake):
    session = snowflake.session()
    prepare(session, NOW)
    told = {
        "source_role": ("ledger",),
        "model": ("gpt-4o",),
        "team": ("search",),
        "price_id": ("none",),
        "project": ("",),
        "environment": ("",),
    }
    (call,) = random_rows(USAGE_EVENTS, 1, 1, datetime(2026, 11, 1), 1, told)
    known = pl.DataFrame([call], schema=polars_schema(USAGE_EVENTS))
    insert_frame(session, USAGE_EVENTS, known.with_columns(cost_usd=pl.lit(Decimal(1)).cast(pl.Decimal(38, 12))))
    insert_frame(session, SELLERS, seller_frame())

    rows = export_focus(
        lambda sql, given: session.fetch_frame(*over_committed(Query(sql, given))), date(2026, 11, 1)
    ).rows

    assert dict(rows.schema) == dict(FOCUS_COLUMNS)
    assert rows["BilledCost", "SkuMeter", "Tags"].rows() == [(Decimal(1), "Billed Amount", '{"team": "search"}')]


def test_prepared_tables_take_transactions(snowflake):
    session = snowflake.prepare(NOW)

    with session.transaction():
        session.execute("INSERT INTO price_books VALUES ($1, $2)", ["abc", NOW])

    assert session.execute("SELECT * FROM price_books").fetchall() == [("abc", NOW)]


def test_tables_that_a_newer_program_made_are_left_alone(snowflake):
    session = snowflake.prepare(NOW)
    session.execute("INSERT INTO schema_migrations VALUES ($1, $2)", ["s999_later", NOW])

    with pytest.raises(ConfigurationError, match=r"newer sophia-metrics \(migration s999_later\)"):
        prepare(session, NOW)


def test_usage_that_an_older_program_loaded_has_no_context_window(snowflake):
    snowflake.prepare(NOW)
    session = snowflake.session()
    session.run("ALTER TABLE core_usage_events DROP COLUMN context_window")
    session.execute("DELETE FROM schema_migrations WHERE migration = 's004_context_windows'")
    required = [column for column in USAGE_EVENTS.columns if column.is_required]
    values = {Kind.TEXT: "a", Kind.COUNT: 1, Kind.INSTANT: NOW, Kind.DATE: NOW.date()}
    names = ", ".join(column.name for column in required)
    marks = ", ".join(f"${place}" for place in range(1, len(required) + 1))
    session.execute(
        f"INSERT INTO core_usage_events ({names}) VALUES ({marks})", [values[column.kind] for column in required]
    )

    prepare(session, NOW)
    prepare(session, NOW)

    assert session.execute("SELECT event_id, context_window FROM core_usage_events").fetchall() == [("a", None)]
    altered = [text for text in snowflake.statements.texts if "ADD COLUMN" in text]
    assert len(altered) == 1
    assert snowflake.statements.in_transactions() == []


def test_two_programs_may_make_them_at_once(snowflake):
    sessions = [snowflake.session(retry_seconds=10) for _ in range(2)]
    failures = []

    def make(session):
        try:
            prepare(session, NOW)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=make, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert {name for (name,) in sessions[0].execute("SELECT migration FROM schema_migrations").fetchall()} == {
        step.__name__ for step in MIGRATIONS
    }
    with sessions[1].transaction():
        pass


def test_tables_of_days_are_clustered_by_their_day():
    statements = {text.split(maxsplit=6)[5]: text for text in table_statements()}

    assert statements["core_usage_events"].endswith("CLUSTER BY (usage_on)")
    assert statements["core_probe_results"].endswith("CLUSTER BY (probed_on)")
    assert statements["built_mart_cost_daily"].endswith("CLUSTER BY (usage_on)")
    assert "CLUSTER" not in statements["core_ingest_ledger"]
