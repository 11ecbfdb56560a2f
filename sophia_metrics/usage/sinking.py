"""What writing events to a table of the platform tells."""

from dataclasses import dataclass

__all__ = ["Sunk"]


@dataclass(frozen=True, slots=True)
class Sunk:
    """What was written to the platform's table.

    Attributes:
        table: the table.
        day_count: UTC days that had changed here.
        row_count: rows that were added or changed there.
        rounded_count: costs that were rounded to the six digits that the table holds.
        refused_count: calls whose cost has no place there: 10,000 dollars and more. They are not written.
    """

    table: str
    day_count: int = 0
    row_count: int = 0
    rounded_count: int = 0
    refused_count: int = 0
