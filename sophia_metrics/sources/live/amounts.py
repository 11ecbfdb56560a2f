"""Amounts of money as vendors write them, in the digits that we keep."""

from decimal import Decimal

__all__ = ["money"]

CENTS_A_DOLLAR = 100
SMALLEST = Decimal("1E-12")


def money(amount: Decimal | None, *, in_cents: bool = False) -> Decimal | None:
    """Return an amount in dollars with 12 digits after the point. None stays None.

    Args:
        amount: in dollars, unless it is in cents.
        in_cents: it is in cents.
    """
    if amount is None:
        return None
    return (amount / CENTS_A_DOLLAR if in_cents else amount).quantize(SMALLEST)
