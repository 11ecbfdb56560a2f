"""Prices a batch: finds its distinct keys, and joins the cards to its events once."""

from datetime import datetime
from importlib import resources

import duckdb

from sophia_metrics.errors import ProcessingError
from sophia_metrics.pricing.book import Resolution
from sophia_metrics.pricing.card import PriceKey, service_tier
from sophia_metrics.pricing.knowledge import card_frame, unit_frame
from sophia_metrics.schema import ddl
from sophia_metrics.schema.core import USAGE_EVENTS, USAGE_UNITS
from sophia_metrics.schema.state import PRICE_CARD_UNITS, PRICE_CARDS

__all__ = ["distinct_keys", "load_cards", "price_batch"]


def distinct_keys(connection: duckdb.DuckDBPyConnection) -> frozenset[PriceKey]:
    """Return the price keys that occur in the relation `events`."""
    rows = connection.execute("SELECT DISTINCT provider, route, model, service_tier FROM events").fetchall()
    return frozenset(PriceKey(provider, route, model, service_tier(tier)) for provider, route, model, tier in rows)


def load_cards(connection: duckdb.DuckDBPyConnection, resolution: Resolution, known_from: datetime) -> None:
    """Write the tables `cards` and `card_units`, which `price_batch` reads; replaces older ones.

    Args:
        connection: an open connection.
        resolution: the prices to load.
        known_from: since when they are known (naive UTC).
    """
    frames = {
        PRICE_CARDS: ("cards", card_frame(resolution.cards, known_from)),
        PRICE_CARD_UNITS: ("card_units", unit_frame(resolution.cards)),
    }
    for table, (name, frame) in frames.items():
        connection.register("price_rows", frame)
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS {ddl.select_typed(table, 'price_rows')}")
        connection.unregister("price_rows")


def price_batch(connection: duckdb.DuckDBPyConnection) -> None:
    """Price the relation `events`; the result is read from two relations.

    Reads `events` (the columns of core_usage_events that are not priced), `units`, `cards`, `card_units`,
    `source_terms` and `fx_rates`. Creates the view `priced_events` (core_usage_events) and the table `priced_units`
    (core_usage_units), replacing older ones. The view computes when it is read: the wide rows are never kept.

    Raises:
        ProcessingError: a source has two terms, a currency two rates, or a key two cards for one event.
    """
    connection.execute(f"CREATE OR REPLACE VIEW sized_events AS {_statement('sized_events')}")
    connection.execute(f"CREATE OR REPLACE TABLE price_segments AS {_statement('price_segments')}")
    connection.execute(f"CREATE OR REPLACE VIEW carded_events AS {_statement('carded_events')}")
    connection.execute(f"CREATE OR REPLACE TABLE unit_prices AS {_statement('price_units')}")
    priced = ddl.select_typed(USAGE_EVENTS, f"({_statement('price_events')})")
    connection.execute(f"CREATE OR REPLACE VIEW priced_events AS {priced}")
    units = ddl.select_typed(USAGE_UNITS, "unit_prices")
    connection.execute(f"CREATE OR REPLACE TABLE priced_units AS {units}")
    _check_count(connection)


def _check_count(connection: duckdb.DuckDBPyConnection) -> None:
    counts = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM priced_events)"
    match connection.execute(counts).fetchone():
        case (before, after) if before == after:
            return
        case other:
            raise ProcessingError(
                f"pricing changed the number of events (before, after): {other};"
                " look for two rows of one source in source_terms, of one currency in fx_rates,"
                " or for two cards of one key that overlap in core_price_cards"
            )


def _statement(name: str) -> str:
    return resources.files("sophia_metrics").joinpath("sql", "pricing", f"{name}.sql").read_text(encoding="utf-8")
