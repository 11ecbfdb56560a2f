"""The audit over the keys of all days: an event that stands on several of them becomes one again."""

from datetime import date

import duckdb

from sophia_metrics.frames import fetch_row
from sophia_metrics.pricing.price import price_batch
from sophia_metrics.schema import core
from sophia_metrics.usage.merge import NAMES, VERSION_ORDER
from sophia_metrics.warehouse.duckdb import ledger
from sophia_metrics.warehouse.duckdb.changes import CORE_NAMES, create_known, write_changes
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.manifest import DayFile, Switch, files_of
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.switching import switch_optimistically
from sophia_metrics.warehouse.protocol import Audit, Changed

__all__ = ["commit_audit"]


def commit_audit(state: StateFile, store: DayFileStore, change: Audit) -> Changed:
    """Keep the newest version of each event that stands on several days, at its smallest start."""
    connection = change.connection
    days = _days_of_moved(state, store, connection)
    return switch_optimistically(
        state,
        find=lambda locked: files_of(locked, CORE_NAMES, days),
        write=lambda found, unique: _write(store, connection, found, f"audit-{unique}"),
        finish=lambda locked, switch: _finish(locked, change, switch),
    )


def _days_of_moved(state: StateFile, store: DayFileStore, connection: duckdb.DuckDBPyConnection) -> list[date]:
    with state.transaction() as locked:
        found = files_of(locked, [core.USAGE_EVENTS.name])
    create_known(connection, store, found)
    connection.execute(
        "CREATE OR REPLACE TABLE suspects AS "
        "SELECT hash(event_id) AS id_hash FROM core_events GROUP BY id_hash HAVING count(*) > 1"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE moved AS SELECT event_id FROM core_events "
        "WHERE hash(event_id) IN (SELECT id_hash FROM suspects) GROUP BY event_id HAVING count(*) > 1"
    )
    rows = connection.execute("SELECT DISTINCT usage_on FROM core_events SEMI JOIN moved USING (event_id)").fetchall()
    return [day for (day,) in rows]


def _write(
    store: DayFileStore, connection: duckdb.DuckDBPyConnection, found: tuple[DayFile, ...], version: str
) -> Switch:
    create_known(connection, store, found)
    columns = ", ".join(NAMES)
    connection.execute(
        f"CREATE OR REPLACE TABLE replaced AS SELECT {columns}, false AS is_new, 0 AS row_ordinal "
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
    connection.execute(f"CREATE OR REPLACE VIEW events AS SELECT {columns} FROM newest")
    connection.execute(
        "CREATE OR REPLACE TABLE units AS "
        "SELECT newest.event_id, newest.usage_on, newest.started_at, core_units.unit, core_units.quantity "
        "FROM newest INNER JOIN core_units "
        "ON core_units.event_id = newest.event_id AND core_units.usage_on = newest.stood_on"
    )
    price_batch(connection)
    return write_changes(connection, store, found, version)


def _finish(locked: duckdb.DuckDBPyConnection, change: Audit, switch: Switch) -> Changed:
    ledger.record_prices(locked, change.prices)
    row = fetch_row(change.connection, "SELECT count(*) FROM newest")
    return Changed(int(row[0]) if row else 0, switch.days(CORE_NAMES))
