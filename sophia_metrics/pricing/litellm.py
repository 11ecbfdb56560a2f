"""LiteLLM's price file as a fallback: prices of models that the list does not know, each flagged by its origin.

The file has one price for all time and says of none when it was checked. It is read digit by digit, without LiteLLM.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.card import STANDARD, PriceCard, PriceKey, Rates, per_unit
from sophia_metrics.pricing.routes import canonical, list_provider, model_references

__all__ = ["LiteLLMPrices", "load_litellm"]

CLASSES = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_token": "output",
}
UNITS = {
    "input_cost_per_audio_token": "input_audio_tokens",
    "cache_read_input_audio_token_cost": "cache_audio_read_tokens",
    "output_cost_per_audio_token": "output_audio_tokens",
    "input_cost_per_image_token": "input_image_tokens",
    "output_cost_per_image_token": "output_image_tokens",
    "output_cost_per_reasoning_token": "output_reasoning_tokens",
    "input_cost_per_character": "input_characters",
    "ocr_cost_per_page": "input_document_pages",
    "input_cost_per_query": "requests",
    "input_cost_per_request": "requests",
}
"""Other keys price what no event of ours counts, or rented capacity."""

PARENTS = {"cache_read": "input", "cache_write_5m": "input", "cache_write_1h": "cache_write_5m"}
SERVICE_TIERS = {"batches": "batch"}
"""Where the file has another word for a tier than answers have."""

_COST = re.compile(
    rf"(?P<base>{'|'.join(sorted((*CLASSES, *UNITS), key=len, reverse=True))})"
    r"(?:_above_(?P<above>\d+)(?P<thousand>k?)_tokens)?"
    r"(?:_(?P<tier>batches|flex|priority|[a-z]+))?"
)
_FAMILY = re.compile(r"-[a-z0-9_-]*models$")
"""What the file adds to the name of a provider for a family of its models: vertex_ai-anthropic_models."""

LARGEST_TOKEN_RATE, LARGEST_UNIT_RATE = Decimal(10), Decimal(100)

Sizes = dict[int, dict[str, Decimal]]
"""Prices by the name of class or unit, by the input tokens above which they hold."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One model of the file: prices by service tier and size, and what they leave out."""

    name: str
    tiers: Mapping[str, Sizes]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiteLLMPrices:
    """The prices of one file.

    Attributes:
        version: names its content.
        entries: by provider and model, both as the price list spells them.
    """

    version: str
    entries: Mapping[tuple[str, str], _Entry]

    def cards(self, key: PriceKey) -> tuple[PriceCard, ...]:
        """Return the prices of a key; none where the file does not name this very model, or not this service tier."""
        entry = self._find(key)
        sizes = entry.tiers.get(key.service_tier) if entry else None
        return tuple(_cards(key, entry, sizes)) if entry and sizes else ()

    def name_of(self, key: PriceKey) -> str | None:
        """Return under which name the file has a price for a key. None: it has none."""
        entry = self._find(key)
        return entry.name if entry and key.service_tier in entry.tiers else None

    def _find(self, key: PriceKey) -> _Entry | None:
        provider = list_provider(key)
        names = ((provider, each.lower()) for each in model_references(key, provider))
        return next((self.entries[name] for name in names if name in self.entries), None)


def load_litellm(path: Path) -> LiteLLMPrices:
    """Read the prices of a file, digit by digit.

    Raises:
        ConfigurationError: names the file, the model and the key, and says what is wrong.
    """
    try:
        found = path.stat()
        return _load(path, found.st_mtime_ns, found.st_size)
    except OSError as error:
        raise ConfigurationError(
            f"pricing.litellm_prices: {path} cannot be read: {error.strerror}; it is a copy of LiteLLM's "
            "model_prices_and_context_window.json on this machine, and no address"
        ) from error


@lru_cache(maxsize=4)
def _load(path: Path, _modified_ns: int, _size: int) -> LiteLLMPrices:
    content = path.read_bytes()
    try:
        models: object = json.loads(content, parse_float=Decimal)
    except ValueError as error:
        raise ConfigurationError(f"pricing.litellm_prices: {path} is not valid JSON: {error}") from error
    if not isinstance(models, dict):
        raise ConfigurationError(f"pricing.litellm_prices: {path} is no object of models: is it LiteLLM's price file?")
    entries: dict[tuple[str, str], _Entry] = {}
    named = cast("dict[str, object]", models)
    for name in sorted(named, key=lambda name: (len(name), name)):  # of two names for one model the plain one
        entry = _read(path, name, named[name])
        if entry is not None:
            entries.setdefault(entry[0], entry[1])
    return LiteLLMPrices(hashlib.sha256(content).hexdigest()[:16], entries)


def _read(path: Path, name: str, told: object) -> tuple[tuple[str, str], _Entry] | None:
    if not isinstance(told, dict):
        raise ConfigurationError(f"pricing.litellm_prices: {path}, {name} is no object: is it LiteLLM's price file?")
    fields = cast("dict[str, Any]", told)
    provider = canonical(_FAMILY.sub("", str(fields.get("litellm_provider") or "")))
    tiers = {tier: sizes for tier, sizes in _tiers(path, name, fields).items() if _says_something(sizes)}
    if not provider or not tiers:
        return None
    head, _, rest = name.partition("/")
    model = rest if rest and canonical(head) == provider else name
    doubts = ("doubt: off-peak prices are left out",) if "off_peak_pricing" in fields else ()
    return (provider, model.lower()), _Entry(name, tiers, doubts)


def _says_something(sizes: Sizes) -> bool:
    """Say whether anything costs anything: the file writes 0 where it knows no price, too."""
    return any(price for prices in sizes.values() for price in prices.values())


def _tiers(path: Path, name: str, fields: Mapping[str, Any]) -> dict[str, Sizes]:
    tiers: defaultdict[str, Sizes] = defaultdict(lambda: defaultdict(dict[str, Decimal]))
    for key, value in fields.items():
        found = _COST.fullmatch(key)
        if found is None or value is None:
            continue
        above = int(found["above"] or 0) * (1000 if found["thousand"] else 1)
        tier = SERVICE_TIERS.get(found["tier"] or STANDARD, found["tier"] or STANDARD)
        what = CLASSES.get(found["base"]) or UNITS[found["base"]]
        tiers[tier][above][what] = _price(path, f"{name}.{key}", value, is_unit=found["base"] in UNITS)
    for place, step in enumerate(_steps(fields)):
        low = _price(path, f"{name}.tiered_pricing.{place}.range", step["range"][0], is_size=True)
        for key, value in step.items():
            if key in CLASSES:
                price = _price(path, f"{name}.tiered_pricing.{place}.{key}", value)
                tiers[STANDARD][int(low)][CLASSES[key]] = price
    return dict(tiers)


def _steps(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the steps of prices by size; steps by something else are no price of ours."""
    for step in fields.get("tiered_pricing") or ():
        if isinstance(step, dict) and isinstance(cast("dict[str, Any]", step).get("range"), list):
            yield cast("dict[str, Any]", step)


def _price(path: Path, where: str, value: object, *, is_unit: bool = False, is_size: bool = False) -> Decimal:
    most = Decimal(10) ** 12 if is_size else LARGEST_UNIT_RATE if is_unit else LARGEST_TOKEN_RATE
    number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    if number is None or not 0 <= number < most:
        raise ConfigurationError(
            f"pricing.litellm_prices: {path}, {where}: {value!r} is no number from 0 to below {most}; "
            "take a fresh copy of the file, or correct it"
        )
    return number


def _cards(key: PriceKey, entry: _Entry, sizes: Sizes) -> Iterable[PriceCard]:
    prices: dict[str, Decimal] = {}
    for low, high in pairwise([*sorted(sizes.keys() | {0}), None]):
        prices = {**prices, **sizes.get(low or 0, {})}
        classes = {name: prices[name] for name in CLASSES.values() if name in prices}
        inherited: list[str] = []
        for name, parent in PARENTS.items():
            if name not in classes and parent in classes:
                classes[name] = classes[parent]
                inherited.append(f"{name} as {parent}")
        units = sorted((unit, per_unit(price, 1)) for unit, price in prices.items() if unit not in classes)
        if prices:
            yield PriceCard(
                key=key,
                price_book="list",
                rates=Rates(**{name: per_unit(price, 1) for name, price in classes.items()}, units=tuple(units)),
                origin="; ".join([f"litellm {entry.name}", "open_start", *inherited, *entry.doubts]),
                tier_low_tokens=low or 0,
                tier_high_tokens=high,
                is_low_inclusive=not low,
            )
