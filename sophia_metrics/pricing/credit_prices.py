"""What credits of Snowflake cost, as prices of our own: usage is billed in millionths of a credit, and by no token."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from sophia_metrics.pricing.override import Override, TokenPrices

__all__ = ["CREDIT_ROUTES", "credit_price"]

CREDIT_ROUTES: Mapping[str, str] = MappingProxyType({"snowflake_cortex": "cortex", "snowflake_credits": "warehouse"})
"""Formats whose usage is billed in credits, and the route of their events."""
MILLION = 1_000_000
NOTHING = TokenPrices(
    input=Decimal(0), cache_read=Decimal(0), cache_write_5m=Decimal(0), cache_write_1h=Decimal(0), output=Decimal(0)
)


def credit_price(route: str, price_usd: Decimal) -> Override:
    """Return the price of usage by a route of Snowflake, where a credit costs so many dollars."""
    return Override(
        provider="snowflake",
        route=route,
        model="*",
        per_million=NOTHING,
        per_unit={"microcredits": price_usd / MILLION},
        note=f"a credit of Snowflake at {price_usd} USD",
    )
