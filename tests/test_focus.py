"""The export in FOCUS: its rules, amounts worked out by hand, and sums that equal spend for any usage."""

import csv
import io
import itertools
import json
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sophia_metrics import schema
from sophia_metrics.exports.files import csv_text, write_export
from sophia_metrics.exports.focus import export_focus
from sophia_metrics.exports.focus_columns import FOCUS_COLUMNS
from sophia_metrics.frames import fetch_frame
from sophia_metrics.marts import mart
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.override import Override
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.schema.polars_types import polars_schema
from tests.effort import examples
from tests.focus_rules import ABSENT, MANDATORY, RULES, VALID, broken_rules
from tests.lab import Lab, event
from tests.random_rows import random_rows

NOVEMBER = date(2026, 11, 1)
SAMPLE = Path(__file__).parent.parent.parent / "shared" / "data" / "focus_saas_a1.csv"
EVENTS = schema.table("core_usage_events")
UNITS = schema.table("core_usage_units")
CARDS = schema.table("core_price_cards")
CARD_UNITS = schema.table("core_price_card_units")
SELLERS = schema.table("core_sellers")


def as_text(rows):
    """Return rows as a reader of the CSV gets them."""
    found = csv.DictReader(io.StringIO(csv_text(rows)))
    return [{name: value or None for name, value in row.items()} for row in found]


# --- the validator -----------------------------------------------------------------------------------------


def test_the_row_that_rules_are_broken_in_breaks_none():
    assert broken_rules([VALID]) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_broken_by_a_row_that_breaks_it(rule):
    changed = {name: value for name, value in {**VALID, **rule.broken}.items() if value != ABSENT}

    assert not rule.holds([VALID, changed])


def test_the_rules_look_at_every_column_that_is_exported():
    assert [name for name in FOCUS_COLUMNS if not name.startswith("x_") and name not in VALID] == []
    assert set(MANDATORY) <= set(FOCUS_COLUMNS)


@pytest.mark.skipif(not SAMPLE.exists(), reason="a checkout without shared/data has no sample of the specification")
def test_the_sample_of_the_specification_breaks_no_rule():
    with SAMPLE.open(encoding="utf-8-sig", newline="") as file:
        rows = [{name: plain(value) for name, value in row.items()} for row in csv.DictReader(file)]

    assert rows
    assert broken_rules(rows, with_advice=False) == []


def plain(value):
    """Return a cell as the specification writes it: a spreadsheet has put "$10,000.00 " and 5/1/25 into the sample."""
    text = value.strip()
    if text.startswith("$"):
        return text.removeprefix("$").replace(",", "")
    if text.count("/") == 2:
        return f"{datetime.strptime(text, '%m/%d/%y'):%Y-%m-%dT%H:%M:%SZ}"  # noqa: DTZ007 - a day, written in UTC
    return text or None


# --- by hand -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    agreed = {"input": "0.10", "output": "0.60"}
    contract = {"provider": "openai", "model": "gpt-4o-mini", "per_million": agreed}
    book = PriceBook((Override.model_validate(contract),))
    lab = Lab(tmp_path_factory.mktemp("focus") / "home", book)
    claude = {"provider": "anthropic", "model": "claude-sonnet-4-5", "output_tokens": 0}
    calls = [
        event("1", team="search", environment="production"),  # 0.0025 + 0.001
        event("2", "2026-11-18T23:59:59Z", team="search", environment="production"),
        event("3", "2026-11-19T10:00:00Z", team="search", project="ranking", account_id="org-1"),
        event("4", "2026-12-01T00:00:00Z", team="search"),  # another month
        event("5", model="no-such-model"),  # unpriced
        event("6", model="no-such-model", route="openrouter", cost=0.25, currency="USD"),  # billed, without a price
        event("7", is_cache_hit=True),  # nothing was bought
        event("8", model="gpt-4o-mini", input_tokens=1_000_000, output_tokens=1_000_000),  # 0.10 and 0.60
        # 0.015 + 0.1875 + 0.3: read, written for five minutes and for an hour
        event(
            "9",
            input_tokens=0,
            cache_read_tokens=50_000,
            cache_write_5m_tokens=50_000,
            cache_write_1h_tokens=50_000,
            **claude,
        ),
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.publish()
    return lab


@pytest.fixture(scope="module")
def export(lab):
    with lab.serving.answers() as ask:
        return export_focus(ask, NOVEMBER)


def of_model(export, model):
    return export.rows.filter(pl.col("ChargeDescription").str.starts_with(f"{model},"))


def test_the_columns_stand_in_a_fixed_order_with_fixed_types(export):
    assert dict(export.rows.schema) == dict(FOCUS_COLUMNS)
    assert list(FOCUS_COLUMNS) == sorted(FOCUS_COLUMNS, key=lambda name: (name.startswith("x_"), name))


def test_an_export_breaks_no_rule(export):
    assert broken_rules(as_text(export.rows)) == []


def test_a_row_is_a_class_of_tokens_on_a_day(export):
    columns = ("ChargePeriodStart", "SkuMeter", "ConsumedQuantity", "PricingQuantity", "ListUnitPrice", "BilledCost")
    rows = of_model(export, "gpt-4o").filter(pl.col("SubAccountId") == "team/search")

    assert [tuple(row[name] for name in columns) for row in as_text(rows)] == [
        ("2026-11-18T00:00:00Z", "Input Tokens", "2000", "0.002", "2.5", "0.005"),
        ("2026-11-18T00:00:00Z", "Output Tokens", "200", "0.0002", "10", "0.002"),
    ]


def test_a_project_is_the_sub_account_before_a_team_and_all_stand_in_the_tags(export):
    columns = ("BillingAccountId", "SubAccountId", "SubAccountName", "SubAccountType", "Tags")
    found = {tuple(row[name] for name in columns) for row in as_text(of_model(export, "gpt-4o"))}

    assert found == {
        ("openai", "team/search", "search", "Team", '{"team": "search", "environment": "production"}'),
        ("org-1", "project/ranking", "ranking", "Project", '{"team": "search", "project": "ranking"}'),
    }


def test_a_price_of_our_own_is_the_contracted_one_beside_the_list_price(export):
    columns = ("SkuMeter", "ListUnitPrice", "ContractedUnitPrice", "ListCost", "ContractedCost", "BilledCost")

    assert [tuple(row[name] for name in columns) for row in as_text(of_model(export, "gpt-4o-mini"))] == [
        ("Input Tokens", "0.15", "0.1", "0.15", "0.1", "0.1"),
        ("Output Tokens", "0.6", "0.6", "0.6", "0.6", "0.6"),
    ]


def test_both_kinds_of_cache_writes_have_their_own_price(export):
    rows = as_text(of_model(export, "claude-sonnet-4-5"))

    assert {row["SkuMeter"]: (row["ListUnitPrice"], row["BilledCost"]) for row in rows} == {
        "Cache Read Tokens": ("0.3", "0.015"),
        "Cache Write Tokens (5 Minutes)": ("3.75", "0.1875"),
        "Cache Write Tokens (1 Hour)": ("6", "0.3"),
    }


def test_what_was_billed_without_a_price_is_priced_by_the_dollar_and_sold_by_the_route(export):
    (row,) = as_text(of_model(export, "no-such-model"))

    assert (row["PricingQuantity"], row["PricingUnit"], row["ListUnitPrice"]) == ("0.25", "Dollars", "1")
    assert (row["ConsumedQuantity"], row["ConsumedUnit"], row["PricingCategory"]) == ("1", "Requests", "Other")
    assert (row["ProviderName"], row["PublisherName"], row["InvoiceIssuerName"]) == (
        *("OpenRouter", "OpenAI", "OpenRouter"),
    )


def test_calls_without_a_known_cost_are_counted(export):
    assert (export.unpriced_count, export.subscription_count) == (1, 0)


def test_the_sum_is_the_spend_of_the_month(lab, export):
    spent = lab.serving.query("SELECT sum(cost_usd) FROM mart_cost_daily WHERE usage_on < DATE '2026-12-01'").item()

    assert export.billed_usd == spent == Decimal("1.463")  # three times 0.0035, 0.25, 0.70, 0.5025


def test_what_was_billed_beside_a_known_price_is_an_adjustment(tmp_path):
    lab = Lab(tmp_path / "home")
    lab.ingest(lab.write("calls.jsonl", [event("1", cost=0.005, currency="USD")]))  # 0.0035 by the list
    lab.publish()
    with lab.serving.answers() as ask:
        rows = as_text(export_focus(ask, NOVEMBER).rows)

    assert [(row["ChargeCategory"], row["SkuMeter"], row["BilledCost"]) for row in rows] == [
        ("Usage", "Input Tokens", "0.0025"),
        ("Usage", "Output Tokens", "0.001"),
        ("Adjustment", None, "0.0015"),
    ]
    assert broken_rules(rows) == []


def test_a_month_without_usage_has_no_rows_and_all_columns(lab):
    with lab.serving.answers() as ask:
        empty = export_focus(ask, date(2020, 2, 29))

    assert (empty.rows.height, empty.billed_usd, list(empty.rows.columns)) == (0, 0, list(FOCUS_COLUMNS))


def test_a_parquet_file_has_what_the_csv_has(export, tmp_path):
    write_export(export.rows, tmp_path / "focus.parquet")
    write_export(export.rows, tmp_path / "focus.csv")

    assert pl.read_parquet(tmp_path / "focus.parquet").equals(export.rows)
    assert (tmp_path / "focus.csv").read_text(encoding="utf-8") == csv_text(export.rows)


def test_people_can_select_the_rows_of_the_export(lab, export):
    rows = lab.serving.query(
        "SELECT SkuMeter, SUM(BilledCost) AS billed FROM focus_cost_and_usage "
        "WHERE usage_on < DATE '2026-12-01' GROUP BY SkuMeter ORDER BY SkuMeter"
    )
    exported = export.rows.group_by("SkuMeter").agg(pl.col("BilledCost").sum()).sort("SkuMeter")

    assert rows.rows() == exported.rows()


# --- sellers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "route", "model", "names"),
    [
        ("openai", "azure_openai", "gpt-4o", ("Microsoft", "Azure AI", "OpenAI")),
        ("anthropic", None, "vertex_ai/claude", ("Google Cloud", "Vertex AI", "Anthropic")),
        ("Mistral AI", "litellm", "mistral-large", ("Mistral AI", "Mistral AI API", "Mistral AI")),
        ("nobody", None, "openai/gpt-4o", ("nobody", "nobody API", "nobody")),
        ("openai", "Some_Gate", "gpt-4o", ("some-gate", "some-gate API", "OpenAI")),
    ],
)
def test_who_sells_is_told_by_the_route_the_model_or_the_provider(provider, route, model, names):
    (call,) = random_rows(EVENTS, 1, 1, datetime(2026, 11, 1), 1, {"source_role": ("ledger",), "price_id": ("none",)})
    told = {"provider": provider, "route": route, "model": model, "cost_usd": Decimal(1)}
    rows = {EVENTS: [call | told], UNITS: [], CARDS: [], CARD_UNITS: [], SELLERS: seller_frame().to_dicts()}
    with tables(rows) as held:
        sold = held.execute("SELECT ProviderName, ServiceName, PublisherName FROM focus_cost_and_usage")

        assert sold.fetchone() == names


def test_a_name_with_quotes_stands_in_the_tags_as_it_is(tmp_path):
    team = 'the "A" \\ team\n\tof two'
    lab = Lab(tmp_path / "home")
    lab.ingest(lab.write("calls.jsonl", [event("1", team=team)]))
    lab.publish()

    tags = lab.serving.query("SELECT DISTINCT Tags FROM focus_cost_and_usage").item()
    assert json.loads(tags) == {"team": team}


# --- for any usage -----------------------------------------------------------------------------------------


def random_usage(seed):
    """Return rows of core and of price cards, by table: any numbers, and cards that fit some events."""
    cards = [
        {"price_id": f"card-{number}", "price_book": book, "known_from_at": datetime(2026, 1, 1)}
        for number, book in enumerate(("list", "list", "list", "contract", "contract"))
    ]
    key = {"provider": ("openai",), "route": ("direct", "openrouter"), "model": ("gpt-5", "gpt-5-mini")}
    numbers = itertools.count()
    start_at = datetime(2026, 10, 29)
    events = random_rows(
        EVENTS,
        80,
        seed,
        start_at,
        35,
        {
            **key,
            "event_id": lambda _: f"event-{next(numbers)}",
            "source_role": ("ledger", "ledger", "ledger", "reconcile"),
            "record_kind": ("call", "call", "bucket"),
            "service_tier": ("standard", "batch", "Default"),
            "price_status": ("priced", "unpriced", "partial", "free", "subscription", "invalid"),
            "price_id": (*(card["price_id"] for card in cards), "gone"),
            "cost_basis": ("billed", "computed", "estimated"),
        },
    )
    units = random_rows(
        UNITS,
        60,
        seed,
        start_at,
        35,
        {
            "event_id": lambda rng: rng.choice(events)["event_id"],
            "unit": ("web_searches", "audio_seconds", "input_audio_tokens", "requests"),
        },
    )
    days = {row["event_id"]: row["usage_on"] for row in events}
    card_rows = random_rows(
        CARDS, len(cards), seed, datetime(2026, 10, 1), 60, {**key, "service_tier": ("standard", "batch")}
    )
    card_units = random_rows(
        CARD_UNITS, 10, seed, start_at, 1, {"price_id": ("card-0", "card-1"), "unit": lambda _: f"unit-{next(numbers)}"}
    )
    return {
        EVENTS: events,
        UNITS: list(
            {(row["event_id"], row["unit"]): {**row, "usage_on": days[row["event_id"]]} for row in units}.values()
        ),
        CARDS: [{**row, **card} for row, card in zip(card_rows, cards, strict=True)],
        CARD_UNITS: card_units,
        SELLERS: seller_frame().to_dicts(),
    }


@contextmanager
def tables(rows):
    """Yield a connection with these tables, and the cost marts that are made of them."""
    with duckdb.connect() as connection:
        for table, given_rows in rows.items():
            connection.execute(create_table(table))
            connection.register("given", pl.DataFrame(given_rows, schema=polars_schema(table)).to_arrow())
            connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM given")
            connection.unregister("given")
        for name in ("mart_cost_15min", "mart_cost_hourly", "mart_cost_daily"):
            connection.execute(create_table(schema.table(name)))
            connection.execute(f"INSERT INTO {name} {mart(name).sql}")
        connection.execute(f"CREATE VIEW focus_cost_and_usage AS {mart('focus_cost_and_usage').sql}")
        yield connection


@pytest.mark.parametrize("seed", range(examples(6)))
def test_for_any_usage_the_sum_equals_spend_and_no_rule_is_broken(seed):
    with tables(random_usage(seed)) as connection:
        export = export_focus(lambda sql, parameters: fetch_frame(connection, sql, parameters), NOVEMBER)
        november = "usage_on BETWEEN DATE '2026-11-01' AND DATE '2026-11-30'"
        spent = connection.execute(f"SELECT sum(cost_usd), sum(unpriced_count) FROM mart_cost_daily WHERE {november}")

        assert (export.billed_usd, export.unpriced_count) == spent.fetchone()
        assert broken_rules(as_text(export.rows)) == []
