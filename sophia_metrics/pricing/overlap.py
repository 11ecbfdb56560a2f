"""The invariant of a price book: at any instant and size, a key has at most one card."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

from sophia_metrics.errors import ProcessingError
from sophia_metrics.pricing.card import PriceCard, PriceKey

__all__ = ["DAY_SECONDS", "check_cards"]

DAY_SECONDS = 86_400


def check_cards(cards: Iterable[PriceCard]) -> None:
    """Check that no card is empty and that no two cards of one key and price book overlap.

    Raises:
        ProcessingError: names the key and the two cards.
    """
    by_key: defaultdict[tuple[PriceKey, str], list[PriceCard]] = defaultdict(list)
    for card in cards:
        _check_card(card)
        by_key[card.key, card.price_book].append(card)
    for group in by_key.values():
        for left, right in combinations(group, 2):
            if _overlap(left, right):
                spans = f"{_span(left)} and {_span(right)}"
                raise ProcessingError(f"two {left.price_book} prices of {_named(left.key)} overlap: {spans}")


def _check_card(card: PriceCard) -> None:
    rates = card.rates
    tokens = (rates.input, rates.cache_read, rates.cache_write_5m, rates.cache_write_1h, rates.output)
    defects = {
        "no instant": card.valid_from is not None and card.valid_to is not None and card.valid_from >= card.valid_to,
        "no second of the day": not all(start < end for start, end in _bands(card)),
        "no number of tokens": card.tier_high_tokens is not None and _low(card) >= card.tier_high_tokens,
        "no price": all(rate is None for rate in tokens) and not rates.units,
    }
    empty = [what for what, is_so in defects.items() if is_so]
    if empty:
        raise ProcessingError(f"a {card.price_book} price of {_named(card.key)} holds for {empty[0]}: {_span(card)}")
    if any(rate is not None and rate < 0 for rate in (*tokens, *(rate for _, rate in rates.units))):
        raise ProcessingError(f"a {card.price_book} price of {_named(card.key)} is negative")


def _overlap(left: PriceCard, right: PriceCard) -> bool:
    is_same_time = left.clipped(right.valid_from, right.valid_to) is not None
    highs = [card.tier_high_tokens for card in (left, right) if card.tier_high_tokens is not None]
    is_same_size = not highs or max(_low(left), _low(right)) < min(highs)
    is_same_second = any(
        max(first[0], second[0]) < min(first[1], second[1]) for first in _bands(left) for second in _bands(right)
    )
    return is_same_time and is_same_size and is_same_second


def _low(card: PriceCard) -> int:
    return card.tier_low_tokens - card.is_low_inclusive


def _bands(card: PriceCard) -> list[tuple[int, int]]:
    start, end = card.daily_from_seconds, card.daily_to_seconds
    if start is None or end is None:
        return [(0, DAY_SECONDS)]
    if start > end:
        return [(start, DAY_SECONDS), (0, end)] if end > 0 else [(start, DAY_SECONDS)]
    return [(start, end)]


def _named(key: PriceKey) -> str:
    return f"{key.provider}/{key.model} (route {key.route or 'not told'}, tier {key.service_tier})"


def _span(card: PriceCard) -> str:
    time = f"{card.valid_from or 'ever'} to {card.valid_to or 'further notice'}"
    band = "" if card.daily_from_seconds is None else f", daily {card.daily_from_seconds}-{card.daily_to_seconds} s"
    return f"{time}{band}, {card.tier_low_tokens} to {card.tier_high_tokens or 'any number of'} tokens"
