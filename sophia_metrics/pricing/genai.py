"""List prices: the cards that the package genai-prices gives for a key.

The package answers "what does this usage cost now"; a card says "this rate holds from here to there".
So its price is asked once in every cell between the instants at which it can change, and equal
neighbours are merged. Nothing of its matching or of its price selection is written a second time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import genai_prices
from genai_prices import data_snapshot, data_units, types, units

from sophia_metrics.pricing.assumptions import assumptions
from sophia_metrics.pricing.card import STANDARD, PriceCard, PriceKey, Rates, per_unit
from sophia_metrics.pricing.overlap import DAY_SECONDS
from sophia_metrics.pricing.routes import canonical, is_customised, list_provider, model_references

__all__ = ["data_version", "list_cards"]

_TIER_CONTEXTS: tuple[str, ...] = ("service_tier", "processing", "speed")
"""The request contexts under which genai-prices keeps the prices of a service tier."""

_CLASSES = {
    "input": ("input_mtok",),
    "cache_read": ("cache_read_mtok", "input_mtok"),
    "cache_write_5m": ("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
    "cache_write_1h": ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
    "output": ("output_mtok",),
}
"""Our token classes and the price keys that may price each, the most specific first."""

_OWN_KEYS = {"input_mtok", "cache_read_mtok", "cache_write_5m_mtok", "cache_write_1h_mtok", "output_mtok"}
_NOTHING = Decimal(0)
_FREE = Rates(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING)

Price = Decimal | types.TieredPrices
Band = tuple[int | None, int | None, types.ModelPrice]


@dataclass(frozen=True, slots=True)
class _Cell:
    """One price with the time for which it holds: naive UTC midnights, bands in seconds of the day."""

    start: datetime | None
    end: datetime | None
    bands: tuple[Band, ...]


def data_version() -> str:
    """Return the version of the package, and so of the prices that it carries."""
    return genai_prices.__version__


def list_cards(key: PriceKey) -> tuple[PriceCard, ...]:
    """Return what the package says of a key; nothing where model or service tier has no price.

    A price variant begins on the day that the package gives for it; see `backdated`.
    """
    if list_provider(key) == "openrouter" and key.model.endswith(":free"):
        return (PriceCard(key, "list", _FREE, "openrouter :free; open_start"),)
    found = _find(key)
    if found is None or (is_customised(key.model) and not is_customised(found[1].id)):
        return ()
    provider, model = found
    variants = _variants(key, provider, model)
    if variants is None:
        return ()
    context: dict[str, str] = {} if key.service_tier == STANDARD else dict.fromkeys(_TIER_CONTEXTS, key.service_tier)
    source = f"genai-prices {provider.id}/{model.id}"
    doubts = assumptions(key, provider, model)
    return tuple(
        card
        for cell in _cells(model, context, variants)
        for band in cell.bands
        for card in _tier_cards(key, source, doubts, cell, band)
    )


def _find(key: PriceKey) -> tuple[types.Provider, types.ModelInfo] | None:
    snapshot = data_snapshot.get_snapshot()
    provider_id = list_provider(key)
    provider = next((each for each in snapshot.providers if canonical(each.id) == provider_id), None)
    if provider is None:
        return None
    exact = next((each for each in provider.models if each.id == key.model and each.is_match(key.model)), None)
    if exact is not None:
        return provider, exact
    for reference in model_references(key, provider_id):
        try:
            return snapshot.find_provider_model(reference, provider, None, None)
        except LookupError:
            continue
    return None


def _variants(key: PriceKey, provider: types.Provider, model: types.ModelInfo) -> list[types.PriceVariant] | None:
    """Return the price variants of the key's service tier; None where the tier has none of its own.

    A model that another provider lends to this one keeps its variants to itself.
    """
    if key.service_tier == STANDARD:
        return []
    is_own = any(each is model for each in provider.models)
    named = {(context, key.service_tier) for context in _TIER_CONTEXTS}
    matching = [each for each in model.price_variants or () if set(each.when.items()) <= named]
    return matching if is_own and matching else None


def _cells(model: types.ModelInfo, context: dict[str, str], variants: list[types.PriceVariant]) -> list[_Cell]:
    conditions = [price.constraint for price in model.prices] if isinstance(model.prices, list) else []
    days = _start_dates([*conditions, *(variant.constraint for variant in variants)])
    is_dated = variants and all(isinstance(variant.constraint, types.StartDateConstraint) for variant in variants)
    first_known = min(_start_dates(variant.constraint for variant in variants)) if is_dated else None
    if first_known:
        days = [day for day in days if day > first_known]
        opening = first_known
    else:
        opening = days[0] - timedelta(days=1) if days else date(2000, 1, 1)
    seconds = _band_starts(conditions)
    cells: list[_Cell] = []
    for day, until in pairwise([opening, *days, None]):
        start = _midnight(day) if day and (cells or first_known) else None
        bands = tuple(_bands(model, context, day or opening, seconds))
        if cells and cells[-1].bands == bands:
            start = cells.pop().start
        cells.append(_Cell(start, _midnight(until) if until else None, bands))
    return cells


def _bands(model: types.ModelInfo, context: dict[str, str], day: date, seconds: list[int]) -> list[Band]:
    prices = [(second, model.get_prices(_midnight(day) + timedelta(seconds=second), context)) for second in seconds]
    starts = [each for each, (_, before) in zip(prices, [prices[-1], *prices[:-1]], strict=True) if each[1] != before]
    if not starts:
        return [(None, None, prices[0][1])]
    ends = [second for second, _ in (*starts[1:], starts[0])]
    return [(start, end, price) for (start, price), end in zip(starts, ends, strict=True)]


def _tier_cards(key: PriceKey, source: str, doubts: Iterable[str], cell: _Cell, band: Band) -> Iterable[PriceCard]:
    start, end, price = band
    priced = {name: value for name, value in vars(price).items() if value is not None}
    tiers = {tier.start for value in priced.values() if isinstance(value, types.TieredPrices) for tier in value.tiers}
    for low, high in pairwise([0, *sorted(tiers), None]):
        at = {name: _price_above(value, low or 0) for name, value in priced.items()}
        rates, inherited = _rates(at)
        if not at and not key.model.endswith(":free"):
            continue
        notes = [source, *(["open_start"] if cell.start is None else []), *inherited, *doubts]
        yield PriceCard(
            key=key,
            price_book="list",
            rates=rates if at else _FREE,
            origin="; ".join(notes),
            valid_from=cell.start,
            valid_to=cell.end,
            daily_from_seconds=start,
            daily_to_seconds=end,
            tier_low_tokens=low or 0,
            tier_high_tokens=high,
            is_low_inclusive=not low,
        )


def _rates(prices: dict[str, Decimal]) -> tuple[Rates, list[str]]:
    rates: dict[str, Decimal] = {}
    inherited: list[str] = []
    for name, keys in _CLASSES.items():
        source = next((each for each in keys if each in prices), None)
        if source is None:
            continue
        rates[name] = per_unit(prices[source], _unit(source).per)
        if source not in _OWN_KEYS and name != "cache_write_5m":
            inherited.append(f"{name} as cache_write")
        elif source != keys[0] and source in _OWN_KEYS:
            inherited.append(f"{name} as input")
    others = sorted(prices.keys() - _OWN_KEYS - {"cache_write_mtok"})
    other_rates = tuple((_unit(each).usage_key, per_unit(prices[each], _unit(each).per)) for each in others)
    return Rates(**rates, units=other_rates), inherited


def _price_above(price: Price, low: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= low), price.base) if low else price.base


def _start_dates(conditions: Iterable[object]) -> list[date]:
    return sorted({each.start_date for each in conditions if isinstance(each, types.StartDateConstraint)})


def _band_starts(conditions: Iterable[object]) -> list[int]:
    times = [each for each in conditions if isinstance(each, types.TimeOfDateConstraint)]
    return sorted({0, *(_second_of_day(moment) for each in times for moment in (each.start_time, each.end_time))})


def _second_of_day(moment: time) -> int:
    aware = datetime.combine(date(1970, 1, 2), moment, tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return int((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) % DAY_SECONDS


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min)


@cache
def _registry() -> units.UnitRegistry:
    return units.UnitRegistry(data_units.unit_data)


def _unit(price_key: str) -> units.UnitDef:
    return _registry().unit_for_price_key(price_key)
