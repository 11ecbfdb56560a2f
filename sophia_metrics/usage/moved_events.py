"""Events that stand on several days become one again: the newest version, at the smallest start of all."""

import duckdb

from sophia_metrics.pricing.price import price_batch
from sophia_metrics.usage.merge import NAMES, VERSION_ORDER

__all__ = ["unite"]

COLUMNS = ", ".join(NAMES)


def unite(connection: duckdb.DuckDBPyConnection) -> None:
    """From `moved` (ids), `core_events` and `core_units`, create and price what stands instead of all their versions.

    Creates `replaced`, all versions; `newest`, one a moved event; `events` and `units`, without money; and, by
    pricing, `priced_events` and `priced_units`.
    """
    connection.execute(
        f"CREATE OR REPLACE TABLE replaced AS SELECT {COLUMNS}, false AS is_new, 0 AS row_ordinal "
        "FROM core_events SEMI JOIN moved USING (event_id)"
    )
    first = {"started_at": "first_started_at", "usage_on": "CAST(first_started_at AS DATE)"}
    connection.execute(
        "CREATE OR REPLACE TABLE newest AS WITH ranked AS ("
        f"SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY {VERSION_ORDER}) AS place, "
        "min(started_at) OVER (PARTITION BY event_id) AS first_started_at FROM replaced) "
        f"SELECT {', '.join(f'{first.get(name, name)} AS {name}' for name in NAMES)}, usage_on AS stood_on "
        "FROM ranked WHERE place = 1"
    )
    connection.execute(f"CREATE OR REPLACE VIEW events AS SELECT {COLUMNS} FROM newest")
    connection.execute(
        "CREATE OR REPLACE TABLE units AS "
        "SELECT newest.event_id, newest.usage_on, newest.started_at, core_units.unit, core_units.quantity "
        "FROM newest INNER JOIN core_units "
        "ON core_units.event_id = newest.event_id AND core_units.usage_on = newest.stood_on"
    )
    price_batch(connection)
