"""What a request to price again changed, or in a dry run would change."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from sophia_metrics.warehouse.protocol import RepriceOrder

__all__ = ["PriceChange", "Repriced", "price_changes"]


@dataclass(frozen=True, slots=True)
class PriceChange:
    """What changed for one model.

    Attributes:
        provider: who runs it.
        model: its name.
        event_count: events with another cost now: what it is, what we compute, or what the list says; and those
            whose tier by size was taken for known and is not.
        before_usd: their known cost before, in dollars. None: none had one.
        after_usd: their known cost after. None: none has one. What was billed is the same before and after.
        unpriced_before_count: of them without a price before.
        unpriced_after_count: of them without a price after.
    """

    provider: str
    model: str
    event_count: int
    before_usd: Decimal | None
    after_usd: Decimal | None
    unpriced_before_count: int
    unpriced_after_count: int

    @property
    def difference_usd(self) -> Decimal | None:
        """By how much their cost rose. None: it is not known before, or not after."""
        return None if self.before_usd is None or self.after_usd is None else self.after_usd - self.before_usd


@dataclass(frozen=True, slots=True)
class Repriced:
    """The answer to an order.

    Attributes:
        order: the order.
        changes: by model, the largest difference first; models of which nothing changed are left out.
        days: the UTC days that changed.
    """

    order: RepriceOrder
    changes: tuple[PriceChange, ...]
    days: tuple[date, ...]

    @property
    def event_count(self) -> int:
        """Events with another cost."""
        return sum(each.event_count for each in self.changes)


def price_changes(connection: duckdb.DuckDBPyConnection) -> tuple[PriceChange, ...]:
    """Return the rows of `price_changes`, which a repricing leaves in its working connection."""
    rows = connection.execute(
        "SELECT provider, model, event_count, before_usd, after_usd, unpriced_before_count, unpriced_after_count "
        "FROM price_changes "
        "ORDER BY abs(coalesce(after_usd, 0) - coalesce(before_usd, 0)) DESC, event_count DESC, provider, model"
    ).fetchall()
    return tuple(PriceChange(*row) for row in rows)
