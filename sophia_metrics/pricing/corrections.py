"""Corrections: where the list is known to be wrong, and what is right, with its source."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import resources
from itertools import pairwise

from sophia_metrics.pricing.card import PriceCard, PriceKey
from sophia_metrics.pricing.contract import override_cards
from sophia_metrics.pricing.override import Override
from sophia_metrics.pricing.overrides import parse_overrides
from sophia_metrics.pricing.routes import list_provider, model_references

__all__ = ["corrected", "corrections", "corrections_version"]

FILE = "corrections.yaml"

ListCards = Callable[[PriceKey], Sequence[PriceCard]]
Period = tuple[datetime | None, datetime | None]


@cache
def corrections() -> tuple[Override, ...]:
    """Return the entries of corrections.yaml; provider and model are names of the list, and none has a route."""
    return parse_overrides(_text(), FILE)


@cache
def corrections_version() -> str:
    """Return a hash of the file: with another one, other prices hold."""
    return hashlib.sha256(_text().encode()).hexdigest()[:12]


def corrected(key: PriceKey, listed: Sequence[PriceCard], list_cards: ListCards) -> tuple[PriceCard, ...]:
    """Return `listed`, with corrections in its place while they hold; `list_cards` gives what `like` starts from."""
    named = _named(key)
    own = override_cards(named, corrections(), list_cards, "list", _origin) if named else ()
    if not own:
        return tuple(listed)
    kept = (_dated(part) for card in listed for gap in _gaps(own) if (part := card.clipped(*gap)) is not None)
    return (*(replace(card, key=key) for card in own), *kept)


def _named(key: PriceKey) -> PriceKey | None:
    """Return the key under the name for which there are corrections."""
    provider = list_provider(key)
    if provider not in _providers():
        return None
    names = (PriceKey(provider, None, each, key.service_tier) for each in model_references(key, provider))
    return next((name for name in names if any(each.matches(name) for each in corrections())), None)


@cache
def _providers() -> frozenset[str]:
    return frozenset(each.provider for each in corrections())


def _gaps(own: Sequence[PriceCard]) -> list[Period]:
    """Return the periods in which no card of ours holds, neighbours joined."""
    bounds = sorted({each for card in own for each in (card.valid_from, card.valid_to) if each is not None})
    gaps: list[Period] = []
    for start, end in pairwise([None, *bounds, None]):
        if any(card.clipped(start, end) for card in own):
            continue
        begins = gaps.pop()[0] if gaps and gaps[-1][1] == start else start
        gaps.append((begins, end))
    return gaps


def _dated(card: PriceCard) -> PriceCard:
    """A card that begins where a correction ends has a start."""
    if card.valid_from is None:
        return card
    return replace(card, origin="; ".join(part for part in card.origin.split("; ") if part != "open_start"))


def _origin(entry: Override) -> str:
    return f"correction: {entry.note} ({entry.source})"


def _text() -> str:
    return resources.files("sophia_metrics").joinpath("pricing", FILE).read_text(encoding="utf-8")
