"""The parts of a charge in the words of FOCUS: meter, units, and the category of the charge."""

from dataclasses import dataclass

__all__ = ["FocusPart", "focus_part"]

TOKENS = "Tokens"
MILLION_TOKENS = "1000000 Tokens"
UNIT = "unit:"
_METERS = {
    "input": "Input Tokens",
    "cache_read": "Cache Read Tokens",
    "cache_write_5m": "Cache Write Tokens (5 Minutes)",
    "cache_write_1h": "Cache Write Tokens (1 Hour)",
    "output": "Output Tokens",
}
_TIME_UNITS = ("milliseconds", "seconds", "minutes", "hours", "days")


@dataclass(frozen=True, slots=True)
class FocusPart:
    """What is charged.

    Attributes:
        category: Usage; Adjustment for what a call was billed beside its prices.
        meter: SkuMeter. None: an adjustment has no SKU.
        consumed_unit: in what usage is counted. None with `meter`.
        pricing_unit: in what the price is. None with `meter`.
        pricing_category: Standard; Other where no price is known. None with `meter`.
    """

    category: str
    meter: str | None
    consumed_unit: str | None
    pricing_unit: str | None
    pricing_category: str | None


def focus_part(part: str) -> FocusPart:
    """Return what a part of focus_cost_and_usage.sql is: a token class, unit:…, amount or difference."""
    if part == "difference":
        return FocusPart("Adjustment", None, None, None, None)
    if part == "amount":
        return FocusPart("Usage", "Billed Amount", "Requests", "Dollars", "Other")
    if part in _METERS:
        return FocusPart("Usage", _METERS[part], TOKENS, MILLION_TOKENS, "Standard")
    meter = part.removeprefix(UNIT).replace("_", " ").title()
    unit = meter.rpartition(" ")[2]
    if unit == TOKENS:
        return FocusPart("Usage", meter, TOKENS, MILLION_TOKENS, "Standard")
    consumed = unit if unit.lower() in _TIME_UNITS else meter
    return FocusPart("Usage", meter, consumed, consumed, "Standard")
