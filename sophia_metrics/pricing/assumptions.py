"""What has to be assumed of a model before its list price can be used, because a price list cannot say it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from genai_prices import types

from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.routes import list_provider, model_references

__all__ = ["DOUBTS", "Doubt", "assumptions"]

_SCOPE = re.compile(r"(?:us|eu|apac|au|jp|in|ca|sa|us-gov|global)\.")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that decides what is billed and that neither the list nor a usage log tells.

    Attributes:
        provider: who bills, by the name in the list.
        model: a pattern for the name in the list.
        says: what to know about the price; without a semicolon, as it becomes a part of `origin`.
        source: where that is said.
    """

    provider: str
    model: str
    says: str
    source: str


DOUBTS = (
    Doubt(
        "openrouter",
        "*",
        "one price for all routes of the model",
        "https://openrouter.ai/docs/faq: each model and provider has a different price",
    ),
    Doubt(
        "google",
        "claude-*",
        "the global endpoint, a regional one of Sonnet 4.5 and later costs a tenth more",
        "https://docs.claude.com/en/docs/build-with-claude/claude-on-vertex-ai: global and regional endpoints",
    ),
    Doubt(
        "deepseek",
        "deepseek-*flash",
        "peak price on weekends too, when off-peak is billed",
        "https://github.com/pydantic/genai-prices/issues/582",
    ),
    Doubt(
        "deepseek",
        "deepseek-v4-pro",
        "peak price on weekends too, when off-peak is billed",
        "https://github.com/pydantic/genai-prices/issues/582",
    ),
    Doubt(
        "deepseek",
        "deepseek-v4-pro",
        "billed as deepseek-flash for a time from 2026-09-14 04:00 on",
        "https://api-docs.deepseek.com: your first API call",
    ),
    Doubt(
        "groq",
        "whisper-*",
        "at least 10 seconds are billed for a call",
        "https://console.groq.com/docs/speech-to-text; genai-prices bills it so",
    ),
)


def assumptions(key: PriceKey, provider: types.Provider, model: types.ModelInfo) -> tuple[str, ...]:
    """Return what the price of `model`, found at `provider`, leaves open for calls with this key."""
    return (*_borrowed(provider, model), *_unscoped(key, provider, model), *_doubts(provider, model))


def _borrowed(provider: types.Provider, model: types.ModelInfo) -> Iterator[str]:
    """A reseller may have no price of its own; the package then takes the maker's."""
    if not any(each is model for each in provider.models):
        yield f"the maker's price, {provider.id} lists none"


def _unscoped(key: PriceKey, provider: types.Provider, model: types.ModelInfo) -> Iterator[str]:
    """Bedrock sells a model by region and, a tenth cheaper, globally; an id without a scope is in-region."""
    if provider.id != "aws" or not model.id.startswith("regional."):
        return
    twin = model.id.replace("regional.", "global.", 1)
    names_scope = any(_SCOPE.match(each) for each in model_references(key, list_provider(key)))
    if not names_scope and any(each.id == twin for each in provider.models):
        yield "the in-region price, no scope is named"


def _doubts(provider: types.Provider, model: types.ModelInfo) -> Iterator[str]:
    for each in DOUBTS:
        if each.provider == provider.id and fnmatchcase(model.id, each.model):
            yield f"doubt: {each.says}"
