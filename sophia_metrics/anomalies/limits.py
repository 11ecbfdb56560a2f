"""From when on something is an anomaly."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Direction", "Limits"]

Direction = Literal["up", "both"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an anomaly must be, all of it at once.

    Attributes:
        score: so many robust standard deviations from what is expected.
        impact_usd: so many dollars away from it, where it is about money.
        change_ratio: and by such a share of it.
        direction: up: only what costs more; both: also what costs less.
    """

    score: float = 4.0
    impact_usd: float = 1.0
    change_ratio: float = 0.5
    direction: Direction = "up"
