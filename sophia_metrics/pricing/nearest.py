"""Which models of the price list have a name near one that is not in it."""

import difflib
from collections.abc import Iterable, Iterator

from genai_prices import data_snapshot, types

from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.routes import canonical, list_provider, model_references

__all__ = ["nearest_models"]

COUNT = 3
SHORTEST = 2
"""Letters of a name that says something where it is found inside of another one."""
ALMOST, SOMEWHAT = 0.9, 0.6
"""Shares of letters that two names have in common."""
SCOPES = ("global.", "regional.")


def nearest_models(key: PriceKey) -> tuple[str, ...]:
    """Return up to three names, the nearest first.

    Those that can be billed on the call's route come first; only where none is near, the maker's and then
    anybody's. Each is a name that `like` of an override takes. A near name is a hint for a person, never a price:
    a fine-tune does not cost what its base costs.
    """
    biller, maker = list_provider(key), canonical(key.provider)
    providers = data_snapshot.get_snapshot().providers
    lenders = {each for provider in providers if canonical(provider.id) == biller for each in _lenders(provider)}
    wanted = {_plain(each) for each in model_references(key, biller)}
    for sellers in ({biller, *lenders}, {maker}, {canonical(provider.id) for provider in providers}):
        theirs = [model for provider in providers if canonical(provider.id) in sellers for model in provider.models]
        known = [model.id for model in theirs if model.is_match(model.id)]
        near = _near(wanted, known)
        if near:
            return near
    return ()


def _lenders(provider: types.Provider) -> list[str]:
    """Return the providers whose models this one sells at their price."""
    return provider.fallback_model_providers or []


def _near(wanted: set[str], known: list[str]) -> tuple[str, ...]:
    """Return names spelt almost alike, then those that a wanted one holds, those that hold it, those spelt alike."""
    by_plain_name = {_plain(each): each for each in sorted(known, key=len, reverse=True)}
    names = sorted(wanted)
    ranked = [
        *_alike(names, by_plain_name, ALMOST),
        *sorted((plain for name in names for plain in by_plain_name if _holds(name, plain)), key=len, reverse=True),
        *sorted((plain for name in names for plain in by_plain_name if _holds(plain, name)), key=len),
        *_alike(names, by_plain_name, SOMEWHAT),
    ]
    return tuple(by_plain_name[plain] for plain in list(dict.fromkeys(ranked))[:COUNT])


def _alike(names: Iterable[str], known: Iterable[str], cutoff: float) -> Iterator[str]:
    for name in names:
        yield from difflib.get_close_matches(name, list(known), n=COUNT, cutoff=cutoff)


def _holds(whole: str, part: str) -> bool:
    """Whether the part stands in the whole, from the edge of a word to the edge of a word."""
    before, found, after = whole.partition(part)
    is_word = not before[-1:].isalnum() and not after[:1].isalnum()
    return bool(found) and len(part) >= SHORTEST and is_word


def _plain(name: str) -> str:
    """Return a name without what is no part of it: a fine-tune's owner, a publisher's folder, a scope."""
    plain = name.lower().rpartition("/")[2]
    if plain.startswith("ft:"):
        plain = plain.split(":")[1]
    for scope in SCOPES:
        plain = plain.removeprefix(scope)
    return plain
