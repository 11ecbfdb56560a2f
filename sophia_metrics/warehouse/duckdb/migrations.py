"""Numbered steps that bring warehouse.duckdb up to date; each is applied once, in order, in one transaction."""

from collections.abc import Callable
from datetime import datetime

import duckdb

from sophia_metrics import schema
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.schema.column import Storage
from sophia_metrics.schema.ddl import create_table

__all__ = ["MIGRATIONS", "apply"]


def m001_initial(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every state table."""
    for table in schema.stored(Storage.STATE, Storage.INTERNAL):
        connection.execute(create_table(table))


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (m001_initial,)


def apply(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Apply the migrations that this state has not seen.

    Raises:
        ConfigurationError: the state was written by a newer version of this program.
    """
    connection.execute(create_table(schema.table("schema_migrations")))
    seen = {row[0] for row in connection.execute("SELECT migration FROM schema_migrations").fetchall()}
    unknown = seen - {step.__name__ for step in MIGRATIONS}
    if unknown:
        raise ConfigurationError(
            f"the state was written by a newer sophia-metrics (migration {max(unknown)}): install that version"
        )
    for step in MIGRATIONS:
        if step.__name__ not in seen:
            step(connection)
            connection.execute("INSERT INTO schema_migrations VALUES ($1, $2)", [step.__name__, now])
