"""What several tests share: random usage, price keys, and one way to price calls through the real SQL."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
from hypothesis import strategies as st

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.price import distinct_keys, load_cards, price_batch
from sophia_metrics.schema.core import PRICED, USAGE_EVENTS, USAGE_UNITS
from sophia_metrics.schema.polars_types import polars_schema

TOKEN_CLASSES = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
)


def utc(text: str) -> datetime:
    """Return an instant: naive, and UTC by the house's rule."""
    return datetime.fromisoformat(text)


NOW = utc("2026-11-23 12:00")
NOON = utc("2026-11-20 12:00")

CALL: Mapping[str, object] = {
    "source": "test",
    "source_role": "ledger",
    "record_kind": "call",
    "started_at": NOON,
    "version_rank": 0,
    "ingested_at": NOW,
    "attempt_id": "attempt",
    "provider": "openai",
    "route": "direct",
    "model": "gpt-5-mini",
    "status": "ok",
    "request_count": 1,
    "usage_quality": "exact",
}
"""A call without usage; a test says what is different."""

token_counts = st.integers(min_value=0, max_value=600_000)
"""Around every tier threshold that a price list has."""


def usages(counts: st.SearchStrategy[int] = token_counts) -> st.SearchStrategy[dict[str, int]]:
    """Return usage of one call, by token class."""
    return st.fixed_dictionaries(dict.fromkeys(TOKEN_CLASSES, counts))


def price_keys() -> st.SearchStrategy[PriceKey]:
    """Return keys of known and unknown models, as sources name them."""
    return st.builds(
        PriceKey,
        provider=st.sampled_from(["openai", "anthropic", "google", "acme"]),
        route=st.sampled_from([None, "direct", "openrouter", "bedrock", "azure", "vertex"]),
        model=st.sampled_from(["gpt-5-mini", "o3", "claude-sonnet-4-5", "gemini-2.5-pro", "llama-of-acme"]),
        service_tier=st.sampled_from(["standard", "batch", "flex", "priority", "turbo"]),
    )


def price_calls(
    calls: Iterable[Mapping[str, object]],
    *,
    book: PriceBook | None = None,
    units: Iterable[Mapping[str, object]] = (),
    billing: str | None = "api",
    reported_basis: str | None = None,
    fx_rates: Mapping[str, str] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Price calls (each laid over CALL, with ids "0", "1", …) and return the rows of events and of units."""
    with duckdb.connect() as connection:
        load_batch(connection, calls, units=units)
        connection.execute(
            "CREATE TEMP TABLE source_terms AS SELECT 'test' AS source, ? AS billing, ? AS reported_basis",
            [billing, reported_basis],
        )
        connection.execute("CREATE TEMP TABLE fx_rates (currency VARCHAR, rate DECIMAL(38, 18))")
        for currency, rate in (fx_rates or {}).items():
            connection.execute("INSERT INTO fx_rates VALUES (?, ?)", [currency, Decimal(rate)])
        load_cards(connection, (book or PriceBook()).resolve(distinct_keys(connection)), NOW)
        price_batch(connection)
        events = _rows(connection, "FROM priced_events ORDER BY CAST(event_id AS INTEGER)")
        priced_units = _rows(connection, "FROM priced_units ORDER BY CAST(event_id AS INTEGER), unit")
    return events, priced_units


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def load_batch(
    connection: duckdb.DuckDBPyConnection,
    calls: Iterable[Mapping[str, object]],
    *,
    units: Iterable[Mapping[str, object]] = (),
) -> None:
    """Write the temporary tables `events` and `units`."""
    told = [column for column in USAGE_EVENTS.columns if column not in PRICED]
    full_schema = polars_schema(USAGE_EVENTS)
    schema = {column.name: full_schema[column.name] for column in told}
    rows = [{**CALL, "event_id": str(number), **call} for number, call in enumerate(calls)]
    for row in rows:
        row["usage_on"] = row["started_at"].date()
        row["cost_reported"] = None if row.get("cost_reported") is None else Decimal(str(row["cost_reported"]))
    names = ("event_id", "usage_on", "started_at", "unit", "quantity")
    unit_schema = {name: polars_schema(USAGE_UNITS)[name] for name in names}
    counted = [
        {"usage_on": NOON.date(), "started_at": NOON, **unit, "quantity": Decimal(str(unit["quantity"]))}
        for unit in units
    ]
    for name, frame in (
        ("events", pl.DataFrame(rows, schema=schema)),
        ("units", pl.DataFrame(counted, schema=unit_schema)),
    ):
        connection.register("frame_rows", frame)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM frame_rows")
        connection.unregister("frame_rows")


def cost(call: Mapping[str, object], **options: Any) -> Decimal | None:
    """Return cost_usd of one call."""
    events, _ = price_calls([call], **options)
    return events[0]["cost_usd"]
