"""The price desk: brings into a working connection the prices, terms and rates that its rows need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import duckdb
import polars as pl

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.knowledge import Learned, learn
from sophia_metrics.pricing.price import distinct_keys
from sophia_metrics.schema import state
from sophia_metrics.schema.ddl import polars_schema, select_typed
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["PriceDesk"]


@dataclass(frozen=True, slots=True)
class PriceDesk:
    """Looks prices up in the book, and compares them with what the warehouse knows already."""

    book: PriceBook
    warehouse: Warehouse
    exchange_rates: Mapping[str, Decimal]

    def open(self, connection: duckdb.DuckDBPyConnection, terms: Sequence[SourceTerms], now: datetime) -> Learned:
        """Create `cards`, `card_units`, `source_terms` and `fx_rates` for the rows of `staged`.

        Returns what was learnt about prices on the way, to be committed with the rows. Each distinct key
        is looked up once, whatever the number of rows.
        """
        connection.execute("CREATE OR REPLACE VIEW events AS SELECT * FROM staged")
        learned = self.look_up(connection, distinct_keys(connection), now)
        self._create_terms(connection, terms)
        return learned

    def look_up(
        self, connection: duckdb.DuckDBPyConnection, keys: frozenset[PriceKey], now: datetime
    ) -> Learned:
        """Create `cards` and `card_units` with all that is known after looking these keys up."""
        known = self.warehouse.read(Query("SELECT * FROM core_price_cards"))
        known_units = self.warehouse.read(Query("SELECT * FROM core_price_card_units"))
        learned = learn(known, self.book.resolve(keys), now)
        closed = learned.closed["price_id"].implode()
        still = known.filter(pl.col("known_to_at").is_null() & ~pl.col("price_id").is_in(closed))
        for table, name, frames in (
            (state.PRICE_CARDS, "cards", (still, learned.cards)),
            (state.PRICE_CARD_UNITS, "card_units", (known_units, learned.units)),
        ):
            rows = pl.concat([frame.select(table.names).cast(dict(polars_schema(table))) for frame in frames])
            connection.register("price_rows", rows)
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS {select_typed(table, 'price_rows')}")
            connection.unregister("price_rows")
        return learned

    def _create_terms(self, connection: duckdb.DuckDBPyConnection, terms: Sequence[SourceTerms]) -> None:
        connection.execute("CREATE OR REPLACE TABLE source_terms (source VARCHAR, billing VARCHAR, reported_basis VARCHAR)")
        connection.executemany(
            "INSERT INTO source_terms VALUES ($1, $2, $3)", [[each.name, each.billing, each.reported_basis] for each in terms]
        )
        connection.execute("CREATE OR REPLACE TABLE fx_rates (currency VARCHAR, rate DECIMAL(38,18))")
        rates = {"USD": Decimal(1), **self.exchange_rates}
        connection.executemany("INSERT INTO fx_rates VALUES ($1, $2)", [[code, rate] for code, rate in rates.items()])
