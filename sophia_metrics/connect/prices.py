"""The prices that the settings name."""

from collections.abc import Iterator
from decimal import Decimal

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.credit_prices import CREDIT_ROUTES, credit_price
from sophia_metrics.pricing.litellm import load_litellm
from sophia_metrics.pricing.override import Override
from sophia_metrics.pricing.overrides import load_overrides
from sophia_metrics.settings import Settings

__all__ = ["price_book"]


def price_book(settings: Settings) -> PriceBook:
    """Return the prices that the settings name.

    Raises:
        ConfigurationError: a file of prices cannot be read, or says what is no price.
    """
    overrides = load_overrides(settings.price_overrides) if settings.price_overrides else ()
    path = settings.pricing.litellm_prices
    return PriceBook((*overrides, *_credit_prices(settings)), fallback=load_litellm(path) if path else None)


def _credit_prices(settings: Settings) -> Iterator[Override]:
    """Yield what credits cost: usage of Snowflake is billed by them, and by no token."""
    usual = settings.snowflake.credit_price_usd if settings.snowflake else None
    for table_format, route in CREDIT_ROUTES.items():
        sources = [source for source in settings.sources if source.format == table_format]
        own = next((source.table.credit_price_usd for source in sources if source.table), None)
        if sources and (own or usual) is not None:
            yield credit_price(route, own or usual or Decimal(0))
