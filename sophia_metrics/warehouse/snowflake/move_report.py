"""What a move did, table by table."""

from collections.abc import Mapping
from decimal import Decimal

from sophia_metrics.warehouse.manifest import TableDay
from sophia_metrics.warehouse.moving import MovedTable
from sophia_metrics.warehouse.snowflake.day_sums import DaySums
from sophia_metrics.warehouse.snowflake.move_comparison import TABLES, Snapshot

__all__ = ["moved_tables"]

COST = "cost_usd"


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
