"""Dividing an amount so that the shares add up to it exactly."""

from collections.abc import Sequence

__all__ = ["divide"]


def divide(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide a whole amount by weights: each share rounded down, and one more where the largest remainders are.

    Equal remainders: who comes first. The shares add up to the amount, also below zero.

    Raises:
        ValueError: a weight is below zero, or all are zero.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("an amount is divided by weights of which none is below zero and one is above")
    shares = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % total))
    for place in by_remainder[: amount - sum(shares)]:
        shares[place] += 1
    return shares
