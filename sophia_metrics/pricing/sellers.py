"""Who sells calls, by the names that people know: of the company, and of its service."""

import polars as pl

from sophia_metrics.pricing.routes import PASS_THROUGH, RESELLERS, canonical, spellings
from sophia_metrics.schema.focus import SELLERS
from sophia_metrics.schema.polars_types import polars_schema

__all__ = ["seller_frame"]

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


def seller_frame() -> pl.DataFrame:
    """Return the rows of core_sellers: every spelling that is known, and whom it names."""
    rows = [
        {
            "spelling": spelling,
            "seller": (seller := canonical(spelling)),
            "company": _COMPANIES.get(seller),
            "service": _SERVICES.get(seller),
            "is_pass_through": seller in PASS_THROUGH,
            "is_reseller": seller in RESELLERS,
        }
        for spelling in sorted({*spellings(), *_COMPANIES})
    ]
    return pl.DataFrame(rows, schema=polars_schema(SELLERS))
