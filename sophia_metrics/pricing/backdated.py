"""Prices of service tiers before the day on which somebody first looked them up."""

from collections.abc import Sequence
from dataclasses import replace

from sophia_metrics.pricing.card import PriceCard

__all__ = ["backdated"]


def backdated(cards: Sequence[PriceCard], standard: Sequence[PriceCard]) -> tuple[PriceCard, ...]:
    """Let the first known price of a tier begin with the standard price that held on that day.

    The package dates a tier's price from the day of looking, not of selling. Providers keep a tier at a fixed
    share of the standard price, so as long as that one did not change, neither did this one. Before, the tier
    has no price: a share that held under one standard price need not hold under another.

    Args:
        cards: the prices of one key in a tier.
        standard: the prices of the same key in the standard tier.
    """
    starts = [card.valid_from for card in cards if card.valid_from is not None]
    if not cards or len(starts) < len(cards):
        return tuple(cards)
    first = min(starts)
    begun = [card.valid_from for card in standard if card.valid_from is None or card.valid_from <= first]
    dated = [each for each in begun if each is not None]
    since = max(dated, default=None)
    if not begun or since == first:
        return tuple(cards)
    notes = ([] if since else ["open_start"]) + [f"backdated from {first.date()}"]
    return tuple(
        replace(card, valid_from=since, origin="; ".join([card.origin, *notes])) if card.valid_from == first else card
        for card in cards
    )
