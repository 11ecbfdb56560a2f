"""Round sums for an axis of dollars."""

from decimal import ROUND_CEILING, Decimal

__all__ = ["axis_ticks"]

GRIDLINES = 4
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


def axis_ticks(most: Decimal) -> tuple[Decimal, ...]:
    """Return round sums from just above the highest one down to zero, evenly apart."""
    if most <= 0:
        return (Decimal(1), Decimal(0))
    rough = most / GRIDLINES
    unit = Decimal(1).scaleb(rough.adjusted())
    step = next(each * unit for each in STEPS if each * unit >= rough)
    count = int((most / step).to_integral_value(rounding=ROUND_CEILING))
    return tuple(step * place for place in range(count, -1, -1))
