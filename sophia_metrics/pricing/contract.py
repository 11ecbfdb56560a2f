"""Overrides as cards: what the entries of a file say about a key. Contract prices and corrections are both made so."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.card import PriceBookName, PriceCard, PriceKey
from sophia_metrics.pricing.override import Override, TokenPrices

__all__ = ["contract_cards", "override_cards"]

ListCards = Callable[[PriceKey], Sequence[PriceCard]]
Period = tuple[datetime | None, datetime | None]


def contract_cards(key: PriceKey, overrides: Sequence[Override], list_cards: ListCards) -> tuple[PriceCard, ...]:
    """Return the contract prices of a key; `list_cards` gives what a multiplier or `like` starts from.

    Raises:
        ConfigurationError: two entries name the key equally exactly at one time.
    """
    return override_cards(
        key, overrides, list_cards, "contract", lambda each: _said("override", each.note, each.source)
    )


def override_cards(
    key: PriceKey,
    overrides: Sequence[Override],
    list_cards: ListCards,
    price_book: PriceBookName,
    origin: Callable[[Override], str],
) -> tuple[PriceCard, ...]:
    """Return the cards that the entries give for a key; `origin` says of an entry where its price comes from.

    Where several entries are for the key at one time, the one that names it most exactly holds: a
    full model name before a pattern, then one with a route, then the longer pattern.

    Raises:
        ConfigurationError: two entries name the key equally exactly at one time.
    """
    matching = [each for each in overrides if each.matches(key)]
    return tuple(
        card
        for override, start, end in _turns(key, matching)
        for whole in _cards(key, override, list_cards, price_book, origin(override))
        if (card := whole.clipped(start, end)) is not None
    )


def _turns(key: PriceKey, matching: Sequence[Override]) -> Iterator[tuple[Override, datetime | None, datetime | None]]:
    """Yield which entry holds in which period: cut where an entry begins or ends, joined where it goes on."""
    bounds = {bound for each in matching for bound in (each.valid_from, each.valid_to) if bound is not None}
    turns: list[tuple[Override, datetime | None, datetime | None]] = []
    for start, end in pairwise([None, *sorted(bounds), None]):
        holding = _most_exact(key, [each for each in matching if _holds(each, start, end)])
        if holding is None:
            continue
        if turns and turns[-1][0] is holding and turns[-1][2] == start:
            start = turns.pop()[1]  # noqa: PLW2901 - the period grows to the left
        turns.append((holding, start, end))
    yield from turns


def _holds(override: Override, start: datetime | None, end: datetime | None) -> bool:
    has_begun = override.valid_from is None or (start is not None and override.valid_from <= start)
    goes_on = override.valid_to is None or (end is not None and end <= override.valid_to)
    return has_begun and goes_on


def _most_exact(key: PriceKey, holding: Sequence[Override]) -> Override | None:
    ranked = sorted(holding, key=lambda each: each.precedence, reverse=True)
    if len(ranked) > 1 and ranked[0].precedence == ranked[1].precedence:
        raise ConfigurationError(
            f"two price overrides are for {key.provider}/{key.model} at the same time:"
            f" model: {ranked[0].model} and model: {ranked[1].model}; name the model in full in one of them"
        )
    return ranked[0] if ranked else None


def _said(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)


def _cards(
    key: PriceKey, override: Override, list_cards: ListCards, price_book: PriceBookName, origin: str
) -> Iterator[PriceCard]:
    if override.like is None and override.multiplier is None:
        yield from _own_cards(key, override, price_book, origin)
        return
    source = override.like.key(key) if override.like else key
    factor = Decimal(1) if override.multiplier is None else override.multiplier
    share = "like" if override.multiplier is None else f"{factor:f} of"
    for card in list_cards(source):
        yield replace(
            card,
            key=key,
            price_book=price_book,
            rates=card.rates.times(factor),
            origin=f"{origin}; {share} {card.origin}",
            checked_on=override.checked_on,
        )


def _own_cards(key: PriceKey, override: Override, price_book: PriceBookName, origin: str) -> Iterator[PriceCard]:
    units = tuple(sorted(override.per_unit.items()))
    prices = [
        (0, override.per_million or TokenPrices()),
        *((tier.above, tier.per_million) for tier in override.tiers),
    ]
    highs = [*(tier.above for tier in override.tiers), None]
    for (low, tokens), high in zip(prices, highs, strict=True):
        rates, inherited = tokens.rates(units)
        origins = [origin, *(f"{name} as {source}" for name, source in inherited)]
        yield PriceCard(
            key=key,
            price_book=price_book,
            rates=rates,
            origin="; ".join(origins),
            tier_low_tokens=low,
            tier_high_tokens=high,
            is_low_inclusive=low == 0,
            checked_on=override.checked_on,
        )
