"""Under which name a price list knows a provider, a route and a model."""

import re

from sophia_metrics.pricing.card import PriceKey

__all__ = ["PASS_THROUGH", "RESELLERS", "canonical", "is_customised", "list_provider", "model_references", "spellings"]

PASS_THROUGH = frozenset({"direct", "gateway", "helicone", "litellm", "litellm-proxy", "portkey", "proxy"})
"""Routes that forward a call to the provider, who bills it at its own price."""

RESELLERS = frozenset({"aws", "azure", "google", "openrouter"})
"""Providers who bill models of others: a model name may begin with their name where the route is not told."""

_CUSTOMISED = re.compile(r":(custom|imported|provisioned)-model(-deployment)?/|(^|/)ft:|[:.]ft-")

_ALIASES = {
    "amazon": "aws",
    "amazon-bedrock": "aws",
    "aws-bedrock": "aws",
    "azure-ai": "azure",
    "azure-ai-inference": "azure",
    "azure-ai-openai": "azure",
    "azure-openai": "azure",
    "bedrock": "aws",
    "bedrock-converse": "aws",
    "cohere-chat": "cohere",
    "fireworks-ai": "fireworks",
    "gcp-gemini": "google",
    "gcp-vertex-ai": "google",
    "gemini": "google",
    "google-ai-studio": "google",
    "google-vertex": "google",
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "text-completion-openai": "openai",
    "together-ai": "together",
    "vertex": "google",
    "vertex-ai": "google",
    "vertexai": "google",
    "voyage": "voyageai",
    "xai": "x-ai",
    "z-ai": "zai",
    "zhipu": "zhipuai",
}


def list_provider(key: PriceKey) -> str:
    """Return who bills the call, by the name in the price list: the route, unless it only passes calls on."""
    named = canonical(key.model.partition("/")[0]) if "/" in key.model else None
    if key.route is None:
        return named if named in RESELLERS else canonical(key.provider)
    route = canonical(key.route)
    return canonical(key.provider) if route in PASS_THROUGH else route


def model_references(key: PriceKey, provider: str) -> tuple[str, ...]:
    """Return the names under which to look for the model, best first; prefixes of gateways are taken off."""
    model = key.model.strip()
    head, slash, rest = model.partition("/")
    bare = rest if slash and canonical(head) == provider else model
    if provider == "aws" or (provider == "google" and re.match(r"(models|publishers|projects)/", bare)):
        bare = bare.rpartition("/")[2]
    if provider == "openrouter" and "/" not in bare:
        return tuple(dict.fromkeys((f"{key.provider}/{bare}", bare, model)))
    return tuple(dict.fromkeys((bare, model)))


def is_customised(model: str) -> bool:
    """Whether the name says that the model was trained, imported or rented by whoever calls it.

    It has no list price: Bedrock bills such a model by the hour, and a fine-tune costs more than its base. The
    fine-tunes that a list does price, it lists under names of their own.
    """
    return _CUSTOMISED.search(model.lower()) is not None


def canonical(name: str) -> str:
    """Return a provider's name in one spelling: lower case, with hyphens, and without its many aliases."""
    plain = re.sub(r"[._\s]+", "-", name.strip().lower())
    return _ALIASES.get(plain, plain)


def spellings() -> frozenset[str]:
    """Return all names that are known, in lower case with hyphens."""
    return frozenset({*_ALIASES, *_ALIASES.values(), *PASS_THROUGH, *RESELLERS})
