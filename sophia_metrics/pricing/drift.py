"""Price drift: what changed in our knowledge of a price, read off the times at which cards were known."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from sophia_metrics.pricing.card import PriceCard, PriceKey, Rates
from sophia_metrics.pricing.overlap import DAY_SECONDS

__all__ = ["LOOKED_BACK", "Drift", "KnownCard", "find_drifts", "known_cards"]

LOOKED_BACK = timedelta(days=28)
"""A price that differs only for calls that are older than this is no drift."""

TOKEN_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A card, and from when to when it was known (naive UTC; None: it still is)."""

    card: PriceCard
    known_from_at: datetime
    known_to_at: datetime | None = None

    def is_known_at(self, moment: datetime) -> bool:
        """Say whether it was known at an instant, from its first on."""
        return self.known_from_at <= moment and (self.known_to_at is None or moment < self.known_to_at)

    def was_known_before(self, moment: datetime) -> bool:
        """Say whether it was known right before an instant."""
        return self.known_from_at < moment and (self.known_to_at is None or moment <= self.known_to_at)


@dataclass(frozen=True, slots=True)
class Drift:
    """One price that is not what it was.

    Attributes:
        key: whose price.
        price_kind: a token class, or a unit.
        rate_before_usd: for one token or unit. None: none was known.
        rate_after_usd: the same now. None: it has none any more.
        origin: of the price now; of the one before where there is none now.
        effective_from_at: from when on the new price holds (naive UTC). None: the source does not say.
        found_at: when we came to know it (naive UTC).
    """

    key: PriceKey
    price_kind: str
    rate_before_usd: Decimal | None
    rate_after_usd: Decimal | None
    origin: str
    effective_from_at: datetime | None
    found_at: datetime

    @property
    def change_ratio(self) -> float | None:
        """By which share it rose. None: there is nothing to compare."""
        if not self.rate_before_usd or self.rate_after_usd is None:
            return None
        return float(self.rate_after_usd / self.rate_before_usd - 1)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a price is looked up: an instant, a second of its day, and a number of input tokens."""

    at: datetime
    second: int
    tokens: int

    def is_in(self, card: PriceCard) -> bool:
        low = card.tier_low_tokens - card.is_low_inclusive
        return (
            (card.valid_from is None or card.valid_from <= self.at)
            and (card.valid_to is None or self.at < card.valid_to)
            and low < self.tokens
            and (card.tier_high_tokens is None or self.tokens <= card.tier_high_tokens)
            and self._is_in_band(card)
        )

    def _is_in_band(self, card: PriceCard) -> bool:
        start, end = card.daily_from_seconds or 0, card.daily_to_seconds
        end = DAY_SECONDS if end is None else end
        return start <= self.second < end if start < end else self.second >= start or self.second < end


def find_drifts(known: Iterable[KnownCard], since: datetime) -> tuple[Drift, ...]:
    """Return what changed after an instant (naive UTC), in order of finding.

    A key that had no card before has no drift: that it can be priced now is no other price. Where a price differs in
    several places, the one in the lowest size tier is told.

    Args:
        known: cards with the times at which they were known; all of a key, of all times.
        since: changes up to here are left out.
    """
    by_key: defaultdict[PriceKey, list[KnownCard]] = defaultdict(list)
    for each in known:
        by_key[each.card.key].append(each)
    drifts = [drift for cards in by_key.values() for drift in _of_key(cards, since)]
    return tuple(sorted(drifts, key=lambda drift: (drift.found_at, repr(drift.key), drift.price_kind)))


def known_cards(cards: pl.DataFrame, units: pl.DataFrame) -> tuple[KnownCard, ...]:
    """Return rows of core_price_cards, with their rows of core_price_card_units, as cards."""
    by_price: defaultdict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for price_id, unit, rate in units[["price_id", "unit", "rate_usd"]].iter_rows():
        by_price[price_id].append((unit, rate))
    return tuple(
        KnownCard(
            card=PriceCard(
                key=PriceKey(row["provider"], row["route"], row["model"], row["service_tier"]),
                price_book=row["price_book"],
                rates=Rates(
                    **{kind: row[f"rate_{kind}_usd"] for kind in TOKEN_KINDS}, units=tuple(by_price[row["price_id"]])
                ),
                origin=row["origin"],
                valid_from=row["valid_from_at"],
                valid_to=row["valid_to_at"],
                daily_from_seconds=row["daily_from_seconds"],
                daily_to_seconds=row["daily_to_seconds"],
                tier_low_tokens=row["tier_low_tokens"],
                tier_high_tokens=row["tier_high_tokens"],
                is_low_inclusive=row["is_low_inclusive"],
                checked_on=row["checked_on"],
            ),
            known_from_at=row["known_from_at"],
            known_to_at=row["known_to_at"],
        )
        for row in cards.iter_rows(named=True)
    )


def _of_key(known: Sequence[KnownCard], since: datetime) -> Iterator[Drift]:
    for found_at in sorted({each.known_to_at for each in known if each.known_to_at and each.known_to_at > since}):
        before = [each.card for each in known if each.was_known_before(found_at)]
        after = [each.card for each in known if each.is_known_at(found_at)]
        if not before:
            continue
        places = _places([*before, *after], found_at)
        units = {unit for card in (*before, *after) for unit, _ in card.rates.units}
        for kind in (*TOKEN_KINDS, *sorted(units)):
            drift = _first_difference(kind, before, after, places, found_at)
            if drift is not None:
                yield drift


def _places(cards: Sequence[PriceCard], found_at: datetime) -> list[_Place]:
    """Return one place in every part of time, day and size in which prices may differ; the lowest size first."""
    first = found_at - LOOKED_BACK
    bounds = {bound for card in cards for bound in (card.valid_from, card.valid_to) if bound is not None}
    instants = [first, *sorted(bound for bound in bounds if bound > first)]
    seconds = sorted({0, *(card.daily_from_seconds or 0 for card in cards)})
    lows = sorted({card.tier_low_tokens for card in cards})
    return [_Place(at, second, low + 1) for low in lows for at in instants for second in seconds]


def _first_difference(
    kind: str, before: Sequence[PriceCard], after: Sequence[PriceCard], places: Sequence[_Place], found_at: datetime
) -> Drift | None:
    for place in places:
        old, old_card = _rate(kind, before, place)
        new, new_card = _rate(kind, after, place)
        card = new_card or old_card
        if old != new and card is not None:
            begins = place.at if new_card is not None and new_card.valid_from == place.at else None
            return Drift(card.key, kind, old, new, card.origin, begins, found_at)
    return None


def _rate(kind: str, cards: Sequence[PriceCard], place: _Place) -> tuple[Decimal | None, PriceCard | None]:
    """Return what one token or unit costs, and by which card: a price of our own wins over the list."""
    holding = sorted((card for card in cards if place.is_in(card)), key=lambda card: card.price_book != "contract")
    if kind in TOKEN_KINDS:
        return (getattr(holding[0].rates, kind), holding[0]) if holding else (None, None)
    for card in holding:
        for unit, rate in card.rates.units:
            if unit == kind:
                return rate, card
    return None, holding[0] if holding else None
