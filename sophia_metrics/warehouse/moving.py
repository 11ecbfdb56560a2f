"""Moving to a warehouse elsewhere: what it did, and what whoever starts it needs of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

__all__ = ["Moved", "MovedTable", "Mover"]


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table that was moved and compared.

    Attributes:
        name: its name.
        day_count: its UTC days. None: it has none.
        row_count: its rows.
        cost_usd: what they cost in sum. None: no cost is known, or the table knows none.
    """

    name: str
    day_count: int | None
    row_count: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did.

    Attributes:
        origin: account, database and schema.
        tables: what was compared; in a dry run, what there is to move. Tables without rows are left out.
        loaded_count: days of tables that were loaded; others were there already.
        is_done_before: the folder was the mirror of the schema already, and nothing was done.
    """

    origin: str
    tables: tuple[MovedTable, ...] = ()
    loaded_count: int = 0
    is_done_before: bool = False


class Mover(Protocol):
    """Moves a state folder to a warehouse elsewhere."""

    def look(self) -> Moved:
        """Say what there is to move, and change nothing."""
        ...

    def move(self, now: datetime) -> Moved:
        """Load, compare, and let the folder be the mirror of that warehouse; `now` is naive UTC."""
        ...
