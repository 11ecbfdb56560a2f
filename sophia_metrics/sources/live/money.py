"""Money in a vendor's unit, made exact dollars at the edge."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated

from pydantic import Field

__all__ = ["Money", "dollars", "dollars_of_cents"]

Money = Annotated[Decimal, Field(allow_inf_nan=False, gt=-(10**15), lt=10**15)]
"""An amount as a vendor tells it, a number or a text."""

_WIDE = Context(prec=38, rounding=ROUND_HALF_EVEN)
_STEP = Decimal("1e-12")


def dollars(amount: Decimal | None) -> Decimal | None:
    """Return an amount in whole units of its currency with the 12 decimals that we keep. None stays None."""
    return None if amount is None else amount.quantize(_STEP, context=_WIDE)


def dollars_of_cents(amount: Decimal | None) -> Decimal | None:
    """Return an amount in hundredths of its currency as `dollars` does."""
    return None if amount is None else dollars(_WIDE.divide(amount, Decimal(100)))
