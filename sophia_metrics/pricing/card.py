"""A price card: the rates of one model for a time, a daily band and a range of total input tokens."""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Literal

__all__ = ["STANDARD", "PriceBookName", "PriceCard", "PriceKey", "Rates", "per_unit", "service_tier"]

STANDARD = "standard"
"""The service tier of a call whose source says nothing else."""

PriceBookName = Literal["list", "contract"]

_STANDARD_SPELLINGS = frozenset({"", "auto", "default", STANDARD})
_RATE_STEP = Decimal(1).scaleb(-18)
_WIDE = Context(prec=76, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class PriceKey:
    """What a price depends on, besides time and size; provider, route and model as in core_usage_events.

    Attributes:
        route: None where the source does not tell it.
        service_tier: canonical, see `service_tier`.
    """

    provider: str
    route: str | None
    model: str
    service_tier: str = STANDARD


@dataclass(frozen=True, slots=True)
class Rates:
    """Dollars for one token of each class and for one of each other unit; None: there is no such price."""

    input: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    output: Decimal | None = None
    units: tuple[tuple[str, Decimal], ...] = ()

    def times(self, factor: Decimal) -> "Rates":
        """Return every rate multiplied, rounded half away from zero to 18 decimals."""
        scaled = {
            field.name: None if (rate := getattr(self, field.name)) is None else _rounded(rate, factor)
            for field in fields(self)
            if field.name != "units"
        }
        return Rates(**scaled, units=tuple((unit, _rounded(rate, factor)) for unit, rate in self.units))


@dataclass(frozen=True, slots=True)
class PriceCard:
    """One row of core_price_cards with its rows of core_price_card_units, without the times it was known.

    Attributes:
        valid_from: first instant (naive UTC); None: since ever.
        valid_to: first instant after it (naive UTC); None: until further notice.
        daily_from_seconds: start of a daily band, seconds after 00:00 UTC; None: the whole day.
        daily_to_seconds: its exclusive end; smaller than the start where the band passes midnight.
        tier_low_tokens: the card holds above this many input tokens, caches included.
        tier_high_tokens: up to and including this many; None: no upper bound.
        origin: where the price comes from and what was assumed.
    """

    key: PriceKey
    price_book: PriceBookName
    rates: Rates
    origin: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    daily_from_seconds: int | None = None
    daily_to_seconds: int | None = None
    tier_low_tokens: int = 0
    tier_high_tokens: int | None = None
    is_low_inclusive: bool = True
    checked_on: date | None = None

    @property
    def price_id(self) -> str:
        """The first 128 bits, in hex, of the SHA-256 over everything that the card says."""
        rates = self.rates
        content = [
            [self.key.provider, self.key.route, self.key.model, self.key.service_tier, self.price_book],
            [_text(self.valid_from), _text(self.valid_to), self.daily_from_seconds, self.daily_to_seconds],
            [self.tier_low_tokens, self.tier_high_tokens, self.is_low_inclusive],
            [_plain(rate) for rate in (rates.input, rates.cache_read, rates.cache_write_5m, rates.cache_write_1h)],
            [_plain(rates.output), sorted((unit, _plain(rate)) for unit, rate in rates.units)],
            [self.origin, _text(self.checked_on)],
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:32]

    def clipped(self, start: datetime | None, end: datetime | None) -> "PriceCard | None":
        """Return the card within [start, end) (naive UTC; None: open), or None where nothing is left."""
        starts = [each for each in (self.valid_from, start) if each is not None]
        ends = [each for each in (self.valid_to, end) if each is not None]
        valid_from, valid_to = max(starts, default=None), min(ends, default=None)
        if valid_from is not None and valid_to is not None and valid_from >= valid_to:
            return None
        return replace(self, valid_from=valid_from, valid_to=valid_to)


def service_tier(told: str | None) -> str:
    """Return the canonical tier: lower case; None, "default" and "auto" are standard."""
    tier = (told or "").strip().lower()
    return STANDARD if tier in _STANDARD_SPELLINGS else tier


def per_unit(price: Decimal, per: int) -> Decimal:
    """Return the rate for one where `price` is for `per`, rounded half away from zero to 18 decimals."""
    return _WIDE.divide(price, Decimal(per)).quantize(_RATE_STEP, context=_WIDE)


def _rounded(rate: Decimal, factor: Decimal) -> Decimal:
    return _WIDE.multiply(rate, factor).quantize(_RATE_STEP, context=_WIDE)


def _plain(rate: Decimal | None) -> str | None:
    return None if rate is None else f"{rate.normalize(_WIDE):f}"


def _text(moment: date | None) -> str | None:
    return None if moment is None else moment.isoformat()
