"""An expectation: one thing that must hold of a table, why, and how bad it is where it does not."""

from dataclasses import dataclass
from enum import StrEnum

from sophia_metrics.quality.check import Check, Unique

__all__ = ["Dimension", "Expectation", "Severity"]


class Dimension(StrEnum):
    """Which side of quality an expectation guards."""

    COMPLETENESS = "completeness"
    """What must be there is there."""
    ACCURACY = "accuracy"
    """It says what its source says."""
    TIMELINESS = "timeliness"
    """It is not too old, and not from the future."""
    CONSISTENCY = "consistency"
    """It agrees with itself and with other tables."""
    VALIDITY = "validity"
    """It is of the kind, and in the range, that it must be."""


class Severity(StrEnum):
    """What follows where an expectation fails."""

    ERROR = "error"
    """A row is kept out; a table is not published: readers keep the last good version."""
    WARNING = "warning"
    """It is shown, and no more."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that must hold of every row of a table, or of its rows together.

    Attributes:
        name: the same in every message, report and verdict.
        check: what must hold.
        why: what is wrong where it does not hold, in words without a value.
        dimension: which side of quality it guards.
        severity: what follows.
    """

    name: str
    check: Check | Unique
    why: str
    dimension: Dimension
    severity: Severity = Severity.ERROR
