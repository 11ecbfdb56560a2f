"""Days that wait to be made again, or were; only files can be damaged, and so only DuckDB ever has such days."""

from collections.abc import Iterable

from sophia_metrics.warehouse.manifest import TableDay
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["forget_damage"]


def forget_damage(connection: StateConnection, days: Iterable[TableDay]) -> None:
    """Note that some days are whole again."""
    for name, day in days:
        connection.execute("DELETE FROM damaged_days WHERE table_name = $1 AND day_on = $2", [name, day])
