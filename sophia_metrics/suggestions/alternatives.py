"""Which cheaper model, tier or way of sending would do, and at which rates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import STANDARD, PriceCard, PriceKey, Rates

__all__ = ["Alternative", "alternatives", "cheaper_model"]

SMALLER = (
    ("gpt-5", "gpt-5-mini"),
    ("gpt-4.1", "gpt-4.1-mini"),
    ("gpt-4o", "gpt-4o-mini"),
    ("o1", "o4-mini"),
    ("o3", "o4-mini"),
    ("claude-opus", "claude-haiku-4-5"),
    ("claude-sonnet", "claude-haiku-4-5"),
    ("claude-3-opus", "claude-haiku-4-5"),
    ("claude-3-5-sonnet", "claude-haiku-4-5"),
    ("claude-3-7-sonnet", "claude-haiku-4-5"),
    ("gemini-2.5-pro", "gemini-2.5-flash"),
)
"""How the name of a dear model begins, and the small model of its maker; docs/suggestions.md lists them."""

SMALL = ("mini", "nano", "haiku", "flash", "lite")
BATCH, PRIORITY = "batch", "priority"


@dataclass(frozen=True, slots=True)
class Alternative:
    """What claimed calls are held against: other rates, for a claim on calls of one key.

    Attributes:
        claim: the kind of suggestion.
        key: the price key of the calls as they were made.
        name: the other model or tier, in a word; of a prompt cache its own.
        rates: its rates. None: no price is known.
    """

    claim: str
    key: PriceKey
    name: str
    rates: Rates | None


def cheaper_model(model: str, given: Mapping[str, str]) -> str | None:
    """Return the model that would do for short simple calls. None: it is small itself, or nobody knows one.

    Args:
        model: the model that was used.
        given: by the name of a model, or how it begins; the longest that fits comes before the list of the house.
    """
    fits = max((name for name in given if model.startswith(name)), key=len, default=None)
    if fits is not None:
        return given[fits] if given[fits] != model else None
    if any(each in model for each in SMALL):
        return None
    return next((small for name, small in SMALLER if model.startswith(name)), None)


def alternatives(
    book: PriceBook, keys: Iterable[PriceKey], cheaper: Mapping[str, str], now: datetime
) -> tuple[Alternative, ...]:
    """Return what the calls of these keys could be held against, at the prices that hold now (naive UTC)."""
    wanted: list[tuple[str, PriceKey, str, PriceKey]] = []
    for key in sorted(keys, key=repr):
        here = (key.provider, key.route)
        small = cheaper_model(key.model, cheaper)
        if small is not None:
            wanted.append(("expensive_model", key, small, PriceKey(*here, small)))
        wanted.append(("batch_candidate", key, BATCH, PriceKey(*here, key.model, BATCH)))
        premium = PriceKey(*here, key.model, PRIORITY)
        wanted.append(("idle_premium_tier", premium, STANDARD, PriceKey(*here, key.model)))
        wanted.append(("missing_prompt_cache", key, "prompt cache", key))
    resolution = book.resolve({other for *_, other in wanted})
    cards: dict[PriceKey, list[PriceCard]] = {}
    for card in resolution.cards:
        cards.setdefault(card.key, []).append(card)
    return tuple(
        Alternative(claim, key, name, _rates_at(cards.get(other, ()), now)) for claim, key, name, other in wanted
    )


def _rates_at(cards: Iterable[PriceCard], now: datetime) -> Rates | None:
    """Return the rates of the card for prompts of usual length that holds now, one of our own before the list's."""
    held = [
        card
        for card in cards
        if card.tier_low_tokens == 0
        and (card.valid_from is None or card.valid_from <= now)
        and (card.valid_to is None or now < card.valid_to)
    ]
    return min(held, key=lambda card: (card.price_book != "contract", card.price_id)).rates if held else None
