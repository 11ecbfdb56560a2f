"""Who sold a call, by the names that people know: of the company, and of its service."""

from dataclasses import dataclass
from typing import Self

from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.routes import canonical, list_provider

__all__ = ["Seller", "display_name"]

_COMPANIES = {
    "anthropic": "Anthropic",
    "aws": "AWS",
    "azure": "Microsoft",
    "cohere": "Cohere",
    "deepseek": "DeepSeek",
    "fireworks": "Fireworks AI",
    "google": "Google Cloud",
    "groq": "Groq",
    "mistral": "Mistral AI",
    "moonshotai": "Moonshot AI",
    "openai": "OpenAI",
    "openrouter": "OpenRouter",
    "perplexity": "Perplexity",
    "snowflake": "Snowflake",
    "together": "Together AI",
    "voyageai": "Voyage AI",
    "x-ai": "xAI",
    "zai": "Z.AI",
}
_SERVICES = {"aws": "Amazon Bedrock", "azure": "Azure AI", "google": "Vertex AI", "snowflake": "Snowflake Cortex"}


@dataclass(frozen=True, slots=True)
class Seller:
    """Who made a model available and sends the bill.

    A gateway that only passes calls on sells nothing: the provider does. One that resells, such as OpenRouter or a
    cloud, is the seller.

    Attributes:
        name: in one spelling, as price lists have it: openai, aws, openrouter.
        company: the name that people know; the same as `name` for one that nobody listed.
        service: what is sold.
    """

    name: str
    company: str
    service: str

    @classmethod
    def of(cls, provider: str, route: str | None, model: str) -> Self:
        """Return who sold a call; the arguments are as in core_usage_events."""
        name = list_provider(PriceKey(provider, route, model))
        company = display_name(name)
        return cls(name, company, _SERVICES.get(name, f"{company} API"))


def display_name(provider: str) -> str:
    """Return the name of a company that people know; a name that nobody listed stays as it is."""
    return _COMPANIES.get(canonical(provider), provider)
