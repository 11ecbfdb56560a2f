"""The price desk: brings into a working connection the prices, terms and rates that its rows need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import duckdb

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey, service_tier
from sophia_metrics.pricing.knowledge import Learned, learn
from sophia_metrics.schema import state
from sophia_metrics.schema.ddl import select_typed
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["PriceDesk", "price_keys", "worth_another_look"]


@dataclass(frozen=True, slots=True)
class PriceDesk:
    """Looks prices up in the book, and compares them with what the warehouse knows already."""

    book: PriceBook
    warehouse: Warehouse
    exchange_rates: Mapping[str, Decimal]

    def look_up(self, connection: duckdb.DuckDBPyConnection, keys: frozenset[PriceKey], now: datetime) -> Learned:
        """Create `cards` and `card_units` with all that is known after looking these keys up.

        Returns what was learnt on the way, to be committed with the rows. Each distinct key is looked up
        once, whatever the number of rows.
        """
        known = self.warehouse.read(Query(f"SELECT {', '.join(state.PRICE_CARDS.names)} FROM core_price_cards"))
        known_units = self.warehouse.read(
            Query(f"SELECT {', '.join(state.PRICE_CARD_UNITS.names)} FROM core_price_card_units")
        )
        learned = learn(known, self.book.resolve(keys), now)
        frames = {
            "known_cards": known,
            "known_units": known_units,
            "learned_cards": learned.cards,
            "learned_units": learned.units,
            "closed_cards": learned.closed,
        }
        for name, frame in frames.items():
            connection.register(name, frame)
        still = "(FROM known_cards WHERE known_to_at IS NULL AND price_id NOT IN (SELECT price_id FROM closed_cards))"
        for table, name, known_rows, learned_rows in (
            (state.PRICE_CARDS, "cards", still, "learned_cards"),
            (state.PRICE_CARD_UNITS, "card_units", "known_units", "learned_units"),
        ):
            connection.execute(
                f"CREATE OR REPLACE TABLE {name} AS "
                f"{select_typed(table, known_rows)} UNION ALL {select_typed(table, learned_rows)}"
            )
        for name in frames:
            connection.unregister(name)
        return learned

    def create_terms(self, connection: duckdb.DuckDBPyConnection, terms: Sequence[SourceTerms]) -> None:
        """Create `source_terms` and `fx_rates`."""
        connection.execute(
            "CREATE OR REPLACE TABLE source_terms (source VARCHAR, billing VARCHAR, reported_basis VARCHAR)"
        )
        for each in terms:
            connection.execute(
                "INSERT INTO source_terms VALUES ($1, $2, $3)", [each.name, each.billing, each.reported_basis]
            )
        connection.execute("CREATE OR REPLACE TABLE fx_rates (currency VARCHAR, rate DECIMAL(38,18))")
        for code, rate in {"USD": Decimal(1), **self.exchange_rates}.items():
            connection.execute("INSERT INTO fx_rates VALUES ($1, $2)", [code, rate])


def price_keys(rows: Iterable[Sequence[str | None]]) -> frozenset[PriceKey]:
    """Return the keys of rows of (provider, route, model, service_tier)."""
    return frozenset(
        PriceKey(provider or "", route, model or "", service_tier(tier)) for provider, route, model, tier in rows
    )


def worth_another_look(terms: str) -> str:
    """Return the predicate over core_usage_events of the events that may be priced otherwise now.

    They had no price, or no exchange rate, or the terms of their source have changed.

    Args:
        terms: a relation with `source` and `billing`.
    """
    return (
        "(price_status IN ('unpriced', 'partial') "
        "OR (cost_reported IS NOT NULL AND fx_rate IS NULL) "
        f"OR (price_status = 'subscription' AND source IN (SELECT source FROM {terms} WHERE billing = 'api')) "
        "OR (price_status <> 'subscription' AND source IN "
        f"(SELECT source FROM {terms} WHERE billing IS DISTINCT FROM 'api')))"
    )
