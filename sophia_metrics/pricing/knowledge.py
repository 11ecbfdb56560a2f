"""What was known of prices, and when: rows of core_price_cards, and what a resolution changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from sophia_metrics.pricing.book import Resolution
from sophia_metrics.pricing.card import PriceCard, PriceKey
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.schema.state import PRICE_CARD_UNITS, PRICE_CARDS

__all__ = ["Learned", "card_frame", "learn", "unit_frame"]


_KEY = ("provider", "route", "model", "service_tier")


@dataclass(frozen=True, slots=True)
class Learned:
    """The rows to add to core_price_cards and core_price_card_units, and those to close.

    `closed` has the price_id of rows whose known_to_at is NULL now, and known_to_at, the instant to set.
    """

    cards: pl.DataFrame
    units: pl.DataFrame
    closed: pl.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return self.cards.is_empty() and self.closed.is_empty()


def learn(known: pl.DataFrame, resolution: Resolution, now: datetime) -> Learned:
    """Compare what is known with what the price book says now (naive UTC).

    Args:
        known: rows of core_price_cards; closed ones may be among them. Keys that are not in the
            resolution are left as they are.
        resolution: what the book says.
        now: the instant at which it is learnt.
    """
    rows = known[["price_id", "known_to_at", *_KEY]].rows()
    current = {price_id: PriceKey(*key) for price_id, known_to, *key in rows if known_to is None}
    said = {card.price_id for card in resolution.cards}
    gone = [each for each, key in current.items() if key in resolution.keys and each not in said]
    new = [card for card in resolution.cards if card.price_id not in current]
    ever = {price_id for price_id, *_ in rows}
    return Learned(
        cards=card_frame(new, now),
        units=unit_frame(card for card in new if card.price_id not in ever),
        closed=pl.DataFrame(
            [(price_id, now) for price_id in gone],
            schema={"price_id": pl.String(), "known_to_at": pl.Datetime("us")},
            orient="row",
        ),
    )


def card_frame(cards: Iterable[PriceCard], known_from: datetime) -> pl.DataFrame:
    """Return the cards as rows of core_price_cards, known since that instant (naive UTC) and still."""
    rows = [
        {
            "price_id": card.price_id,
            "provider": card.key.provider,
            "route": card.key.route,
            "model": card.key.model,
            "service_tier": card.key.service_tier,
            "price_book": card.price_book,
            "valid_from_at": card.valid_from,
            "valid_to_at": card.valid_to,
            "known_from_at": known_from,
            "known_to_at": None,
            "daily_from_seconds": card.daily_from_seconds,
            "daily_to_seconds": card.daily_to_seconds,
            "tier_low_tokens": card.tier_low_tokens,
            "tier_high_tokens": card.tier_high_tokens,
            "is_low_inclusive": card.is_low_inclusive,
            "rate_input_usd": card.rates.input,
            "rate_cache_read_usd": card.rates.cache_read,
            "rate_cache_write_5m_usd": card.rates.cache_write_5m,
            "rate_cache_write_1h_usd": card.rates.cache_write_1h,
            "rate_output_usd": card.rates.output,
            "origin": card.origin,
            "checked_on": card.checked_on,
        }
        for card in cards
    ]
    return pl.DataFrame(rows, schema=polars_schema(PRICE_CARDS))


def unit_frame(cards: Iterable[PriceCard]) -> pl.DataFrame:
    """Return the unit rates of the cards as rows of core_price_card_units."""
    rows = [
        {"price_id": card.price_id, "unit": unit, "rate_usd": rate} for card in cards for unit, rate in card.rates.units
    ]
    return pl.DataFrame(rows, schema=polars_schema(PRICE_CARD_UNITS))
