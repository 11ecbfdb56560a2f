"""The state tables of Snowflake, one transaction at a time."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["SnowflakeState"]


@dataclass(slots=True)
class SnowflakeState:
    """State under the lock row. Stage tables cannot be made while it is held: making one would commit."""

    session: SnowflakeSession
    optimistic_tries: int = 5
    is_writable_under_lock: bool = False

    @contextmanager
    def transaction(self) -> Generator[StateConnection]:
        """Hold the lock row, and a transaction: committed at the end, rolled back on any exception.

        Raises:
            ServiceUnavailableError: another writer holds the lock for too long, or Snowflake does not answer.
        """
        with self.session.transaction() as session:
            yield session
