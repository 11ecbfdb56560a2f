"""What is loaded for a table becomes part of it, inside a transaction: DELETE what stands elsewhere now, then MERGE."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sophia_metrics import schema
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.snowflake.merging import merge_sql
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["Staged", "count_days", "merge_staged", "remove_days"]


@dataclass(frozen=True, slots=True)
class Staged:
    """What is loaded for one table.

    Attributes:
        table: where it goes.
        rows: the stage table with the rows. None: only rows go.
        replaced: the stage table with the keys and days of rows that are replaced. None: none are.
        replaced_by: the columns of that table.
        emptied: days whose rows all go before.
    """

    table: Table
    rows: str | None
    replaced: str | None
    replaced_by: tuple[str, ...]
    emptied: tuple[date, ...] = ()


def merge_staged(locked: StateConnection, staged: Staged) -> None:
    """Let what is loaded be part of its table."""
    table = staged.table
    if staged.emptied:
        remove_days(locked, table.name, staged.emptied)
    if staged.replaced is not None:
        same = _same(table.name, staged.replaced, staged.replaced_by)
        locked.execute(f"DELETE FROM {table.name} USING {staged.replaced} WHERE {same}")
    if staged.rows is not None:
        locked.execute(merge_sql(table, staged.rows))


def remove_days(locked: StateConnection, table_name: str, days: Sequence[date]) -> None:
    """Remove all rows of some days."""
    day = schema.table(table_name).day
    locked.execute(f"DELETE FROM {table_name} WHERE list_contains($1, {day})", [list(days)])


def count_days(locked: StateConnection, table_name: str, days: Sequence[date]) -> dict[date, int]:
    """Return how many rows some days have; those without rows are left out."""
    day = schema.table(table_name).day
    rows = locked.execute(
        f"SELECT {day}, count(*) FROM {table_name} WHERE list_contains($1, {day}) GROUP BY {day}", [sorted(set(days))]
    ).fetchall()
    return {day: int(count) for day, count in rows}


def _same(one: str, other: str, names: Sequence[str]) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in names)
