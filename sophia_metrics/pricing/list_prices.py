"""The list book: what genai-prices says, after the rules for what it cannot say, and the corrections."""

from dataclasses import replace

from sophia_metrics import __version__
from sophia_metrics.pricing.backdated import backdated
from sophia_metrics.pricing.card import STANDARD, PriceCard, PriceKey
from sophia_metrics.pricing.corrections import corrected, corrections_version
from sophia_metrics.pricing.genai import data_version, list_cards

__all__ = ["list_prices", "list_version"]


def list_prices(key: PriceKey) -> tuple[PriceCard, ...]:
    """Return the list prices of a key; none where model or service tier has no price."""
    cards = list_cards(key)
    if key.service_tier != STANDARD:
        cards = backdated(cards, list_prices(replace(key, service_tier=STANDARD)))
    return corrected(key, cards, list_prices)


def list_version() -> str:
    """Name the state of the list: the package's data, our corrections, and our rules."""
    return f"genai-prices {data_version()}, corrections {corrections_version()}, sophia-metrics {__version__}"
