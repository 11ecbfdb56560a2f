"""What a move did, table by table."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sophia_metrics.warehouse.manifest import TableDay
from sophia_metrics.warehouse.snowflake.day_sums import DaySums
from sophia_metrics.warehouse.snowflake.move_comparison import TABLES, Snapshot

__all__ = ["Moved", "MovedTable", "moved_tables"]

COST = "cost_usd"


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


def moved_tables(snapshot: Snapshot, sums: Mapping[TableDay, DaySums]) -> tuple[MovedTable, ...]:
    """Return the tables of a snapshot with what their days add up to."""
    moved: list[MovedTable] = []
    for name in TABLES:
        found = [sums[name, day] for day in snapshot.compared(name) if (name, day) in sums]
        costs = [cost for each in found if (cost := each.exact.get(COST)) is not None]
        if found:
            rows = sum(each.row_count for each in found)
            moved.append(MovedTable(name, len(found), rows, sum(costs, Decimal(0)) if costs else None))
    state = (MovedTable(each.table.name, None, each.row_count, None) for each in snapshot.state if each.row_count)
    return (*moved, *state)
