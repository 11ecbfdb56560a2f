"""The formats whose rows are lines of a bill, and never usage."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["BILL_FORMATS"]

BILL_FORMATS: Mapping[str, int] = MappingProxyType({"focus": 120, "anthropic_costs": 48, "openai_costs": 48})
"""By name: so many hours after the end of a day the provider may still change its lines. Clouds restate for days."""
