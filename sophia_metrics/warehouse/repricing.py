"""Pricing again what had no price, or other terms: only the days of those events are written anew."""

from datetime import date

import duckdb

from sophia_metrics.frames import fetch_row
from sophia_metrics.pricing.price import price_batch
from sophia_metrics.schema import core
from sophia_metrics.usage.prices import worth_another_look
from sophia_metrics.usage.staging import STAGED_COLUMNS
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.facts import CORE_NAMES, Facts, Wanted, create_known
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.mirrored import refuse_mirror
from sophia_metrics.warehouse.protocol import Changed, Repricing
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import State, switch_optimistically

__all__ = ["commit_repricing"]

CANDIDATES = worth_another_look("source_terms")
WANTED = Wanted(where=CANDIDATES, reads=("source_terms",))
COMPARED = ("price_status", "cost_usd", "list_cost_usd", "cost_reported_usd")
"""What makes a price another one."""


def commit_repricing(state: State, facts: Facts, change: Repricing) -> Changed:
    """Price again the events that are worth another look, and note the price book with which it was done."""
    connection = change.connection
    days = _candidate_days(state, facts, connection)
    return switch_optimistically(
        state,
        facts,
        find=lambda locked: files_of(locked, CORE_NAMES, days),
        write=lambda found, unique: _write(facts, connection, found, f"reprice-{unique}"),
        finish=lambda locked, switch: _finish(locked, change, switch),
    )


def _candidate_days(state: State, facts: Facts, connection: duckdb.DuckDBPyConnection) -> list[date]:
    with state.transaction() as locked:
        found = files_of(locked, [core.USAGE_EVENTS.name])
    create_known(connection, facts, found, WANTED)
    rows = connection.execute(f"SELECT DISTINCT usage_on FROM core_events WHERE {CANDIDATES}").fetchall()
    return [day for (day,) in rows]


def _write(facts: Facts, connection: duckdb.DuckDBPyConnection, found: tuple[Piece, ...], version: str) -> Switch:
    create_known(connection, facts, found, WANTED)
    columns = ", ".join(column.name for column in STAGED_COLUMNS)
    connection.execute(f"CREATE OR REPLACE VIEW events AS SELECT {columns} FROM core_events WHERE {CANDIDATES}")
    connection.execute(
        "CREATE OR REPLACE VIEW units AS SELECT event_id, usage_on, started_at, unit, quantity "
        "FROM core_units SEMI JOIN events USING (event_id)"
    )
    price_batch(connection)
    connection.execute("CREATE OR REPLACE TABLE kept_events AS SELECT * FROM priced_events")
    connection.execute(
        "CREATE OR REPLACE TABLE replaced AS SELECT kept_events.event_id, kept_events.usage_on FROM kept_events "
        "INNER JOIN core_events ON core_events.event_id = kept_events.event_id "
        f"WHERE {' OR '.join(f'kept_events.{name} IS DISTINCT FROM core_events.{name}' for name in COMPARED)}"
    )
    for table in ("kept_events", "priced_units"):
        connection.execute(f"DELETE FROM {table} WHERE event_id NOT IN (SELECT event_id FROM replaced)")
    return facts.write_changes(connection, found, version, priced="kept_events")


def _finish(locked: StateConnection, change: Repricing, switch: Switch) -> Changed:
    refuse_mirror(locked)
    ledger.record_prices(locked, change.prices)
    locked.execute("DELETE FROM price_books WHERE fingerprint = $1", [change.fingerprint])
    locked.execute(
        "INSERT INTO price_books (fingerprint, used_from_at) VALUES ($1, $2)", [change.fingerprint, change.now]
    )
    row = fetch_row(change.connection, "SELECT count(*) FROM replaced")
    return Changed(int(row[0]) if row else 0, switch.days(CORE_NAMES))
