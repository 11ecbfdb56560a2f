"""The price book: list prices, overlaid by prices of our own."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sophia_metrics.pricing.card import PriceCard, PriceKey
from sophia_metrics.pricing.contract import contract_cards
from sophia_metrics.pricing.list_prices import list_prices, list_version
from sophia_metrics.pricing.litellm import LiteLLMPrices
from sophia_metrics.pricing.overlap import check_cards
from sophia_metrics.pricing.override import Override

__all__ = ["PriceBook", "Resolution"]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the book says about some keys: every card of each; a key without a card has no price."""

    keys: frozenset[PriceKey]
    cards: tuple[PriceCard, ...]

    @property
    def unpriced(self) -> frozenset[PriceKey]:
        """The keys that have no card."""
        return self.keys - {card.key for card in self.cards}


@dataclass(frozen=True, slots=True)
class PriceBook:
    """List prices and overrides.

    Attributes:
        overrides: entries of the overrides file.
        list_prices: the public list; with `genai.list_cards` in its place it is that of genai-prices as it is.
        list_version: names the state of that list; part of the fingerprint.
        fallback: prices for keys of which the list knows nothing. None: there are none.
    """

    overrides: tuple[Override, ...] = ()
    list_prices: Callable[[PriceKey], Sequence[PriceCard]] = list_prices
    list_version: str = ""
    fallback: LiteLLMPrices | None = None

    def resolve(self, keys: Iterable[PriceKey]) -> Resolution:
        """Return every card of these keys, of all times, those to come included.

        Raises:
            ConfigurationError: two overrides are for one key at one time.
            ProcessingError: two cards of one key overlap, or one holds for nothing.
        """
        distinct = frozenset(keys)
        cards = [card for key in distinct for card in self._cards(key)]
        check_cards(cards)
        return Resolution(distinct, tuple(sorted(cards, key=lambda card: card.price_id)))

    def fingerprint(self) -> str:
        """Return a hash that changes when the list's version or an override changes."""
        entries = [override.model_dump(mode="json") for override in self.overrides]
        lists = [self.list_version or list_version(), *([self.fallback.version] if self.fallback else [])]
        content = json.dumps([*lists, entries], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def _cards(self, key: PriceKey) -> tuple[PriceCard, ...]:
        return (*self._listed(key), *contract_cards(key, self.overrides, self._listed))

    def _listed(self, key: PriceKey) -> Sequence[PriceCard]:
        return self.list_prices(key) or (self.fallback.cards(key) if self.fallback else ())
