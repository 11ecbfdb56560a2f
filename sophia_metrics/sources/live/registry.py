"""The live formats by name; an adapter is imported when it is asked for."""

import importlib

from sophia_metrics.sources.live.live_format import LiveFormat

__all__ = ["COMPARED_FORMATS", "LIVE_FORMATS", "find_live_format"]

LIVE_FORMATS: tuple[str, ...] = (
    "anthropic_claude_code",
    "anthropic_costs",
    "anthropic_usage",
    "langfuse_observations",
    "litellm_daily",
    "litellm_database",
    "litellm_spend",
    "openai_costs",
    "openai_usage",
    "openrouter_activity",
    "openrouter_generations",
    "portkey",
    "portkey_analytics",
    "prometheus",
)
"""The formats whose sources answer over the network: each is a module of this package."""
COMPARED_FORMATS = frozenset({"portkey_analytics"})
"""Those whose rows are only compared unless the settings say otherwise: they tell of no tokens."""


def find_live_format(name: str) -> LiveFormat:
    """Return what an endpoint declares; `name` is one of LIVE_FORMATS."""
    found: LiveFormat = importlib.import_module(f"sophia_metrics.sources.live.{name}").LIVE
    return found
