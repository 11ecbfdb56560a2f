"""Pricing again what had no price, or other terms, or what is ordered: only days that change are written anew."""

from collections.abc import Sequence
from datetime import date
from uuid import uuid4

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.pricing.price import price_batch
from sophia_metrics.schema import core, findings
from sophia_metrics.usage.prices import worth_another_look
from sophia_metrics.usage.staging import STAGED_COLUMNS
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.facts import CORE_NAMES, Facts, Wanted, create_known
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.mirrored import refuse_mirror
from sophia_metrics.warehouse.protocol import Changed, Learning, RepriceOrder, Repricing
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import State, switch_optimistically

__all__ = ["commit_learning", "commit_repricing"]

WITHOUT_PRICE = Wanted(where=worth_another_look("source_terms"), reads=("source_terms",))
COMPARED = ("price_status", "cost_usd", "cost_computed_usd", "list_cost_usd", "cost_reported_usd", "usage_quality")
"""What makes a price another one; the quality tells whether its tier by size is known."""
UNPRICED = "('unpriced', 'partial', 'invalid')"


def commit_repricing(state: State, facts: Facts, change: Repricing) -> Changed:
    """Price events again, and note the price book with which it was done, or the order and what it changed."""
    connection = change.connection
    wanted = _wanted(change)
    days = _days(state, facts, change, wanted)
    if change.order and change.order.is_dry_run:
        with state.transaction() as locked:
            found = files_of(locked, CORE_NAMES, days)
        _price(facts, connection, found, wanted)
        changed = connection.execute("SELECT DISTINCT usage_on FROM replaced ORDER BY usage_on").fetchall()
        return Changed(_replaced_count(connection), tuple(day for (day,) in changed))
    return switch_optimistically(
        state,
        facts,
        find=lambda locked: files_of(locked, CORE_NAMES, days),
        write=lambda found, unique: _write(facts, connection, found, f"reprice-{unique}", wanted),
        finish=lambda locked, switch: _finish(locked, change, switch),
    )


def commit_learning(state: State, change: Learning) -> Changed:
    """Let prices be known from now on; those that another run has learnt meanwhile stay as it learnt them."""
    with state.transaction() as locked:
        refuse_mirror(locked)
        ledger.record_prices(locked, change.prices)
    return Changed(change.prices.cards.height + change.prices.closed.height, ())


def _wanted(change: Repricing) -> Wanted:
    """Return which events are priced again; a model's name goes by a relation, whatever it holds."""
    order = change.order
    if order is None:
        return WITHOUT_PRICE
    first, last = _bounds(order)
    within = f"usage_on >= DATE '{first}' AND usage_on <= DATE '{last}'"
    if order.model is None:
        return Wanted(where=within)
    change.connection.execute("CREATE OR REPLACE TABLE ordered_models (model VARCHAR)")
    change.connection.execute("INSERT INTO ordered_models VALUES ($1)", [order.model])
    return Wanted(where=f"{within} AND model IN (SELECT model FROM ordered_models)", reads=("ordered_models",))


def _bounds(order: RepriceOrder) -> tuple[date, date]:
    days = list(order.window.days())
    return days[0], days[-1]


def _days(state: State, facts: Facts, change: Repricing, wanted: Wanted) -> Sequence[date]:
    """Return the days on which events are to be priced again."""
    if change.order is not None:
        return list(change.order.window.days())
    with state.transaction() as locked:
        found = files_of(locked, [core.USAGE_EVENTS.name])
    return facts.days(change.connection, found, wanted)


def _write(
    facts: Facts, connection: duckdb.DuckDBPyConnection, found: Sequence[Piece], version: str, wanted: Wanted
) -> Switch:
    _price(facts, connection, found, wanted)
    return facts.write_changes(connection, found, version, priced="kept_events")


def _price(facts: Facts, connection: duckdb.DuckDBPyConnection, found: Sequence[Piece], wanted: Wanted) -> None:
    """Create `kept_events` and `priced_units`, of the events whose price is another one now, and `price_changes`."""
    create_known(connection, facts, found, wanted)
    columns = ", ".join(column.name for column in STAGED_COLUMNS)
    connection.execute(f"CREATE OR REPLACE VIEW events AS SELECT {columns} FROM core_events WHERE {wanted.where}")
    connection.execute(
        "CREATE OR REPLACE VIEW units AS SELECT event_id, usage_on, started_at, unit, quantity "
        "FROM core_units SEMI JOIN events USING (event_id)"
    )
    price_batch(connection)
    connection.execute(
        "CREATE OR REPLACE TABLE changed_units AS SELECT DISTINCT priced_units.event_id FROM priced_units "
        "LEFT JOIN core_units ON core_units.event_id = priced_units.event_id AND core_units.unit = priced_units.unit "
        "WHERE priced_units.cost_usd IS DISTINCT FROM core_units.cost_usd"
    )
    differs = " OR ".join(f"priced_events.{name} IS DISTINCT FROM core_events.{name}" for name in COMPARED)
    connection.execute(
        "CREATE OR REPLACE TABLE kept_events AS SELECT priced_events.* FROM priced_events "
        f"INNER JOIN core_events ON core_events.event_id = priced_events.event_id "
        f"WHERE {differs} OR priced_events.event_id IN (SELECT event_id FROM changed_units)"
    )
    connection.execute("CREATE OR REPLACE TABLE replaced AS SELECT event_id, usage_on FROM kept_events")
    connection.execute("DELETE FROM priced_units WHERE event_id NOT IN (SELECT event_id FROM replaced)")
    connection.execute(
        "CREATE OR REPLACE TABLE price_changes AS "
        "SELECT kept_events.provider, kept_events.model, count(*) AS event_count, "
        "sum(core_events.cost_usd) AS before_usd, sum(kept_events.cost_usd) AS after_usd, "
        f"count(*) FILTER (WHERE core_events.price_status IN {UNPRICED}) AS unpriced_before_count, "
        f"count(*) FILTER (WHERE kept_events.price_status IN {UNPRICED}) AS unpriced_after_count "
        "FROM kept_events INNER JOIN core_events ON core_events.event_id = kept_events.event_id "
        "GROUP BY kept_events.provider, kept_events.model"
    )


def _finish(locked: StateConnection, change: Repricing, switch: Switch) -> Changed:
    refuse_mirror(locked)
    ledger.record_prices(locked, change.prices)
    if change.order is None:
        locked.execute("DELETE FROM price_books WHERE fingerprint = $1", [change.fingerprint])
        locked.execute(
            "INSERT INTO price_books (fingerprint, used_from_at) VALUES ($1, $2)", [change.fingerprint, change.now]
        )
    else:
        _note(locked, change, change.order)
    return Changed(_replaced_count(change.connection), switch.days(CORE_NAMES))


def _note(locked: StateConnection, change: Repricing, order: RepriceOrder) -> None:
    """Note the order and what it changed, by model; an order that changed nothing leaves no trace."""
    changes = fetch_frame(change.connection, "SELECT * FROM price_changes")
    rows = changes.with_columns(
        reprice_id=pl.lit(uuid4().hex),
        window_start_at=pl.lit(order.window.start_at),
        window_end_at=pl.lit(order.window.end_at),
        reason=pl.lit(order.reason),
        repriced_at=pl.lit(change.now),
    )
    ledger.insert_frame(locked, findings.REPRICES, rows)


def _replaced_count(connection: duckdb.DuckDBPyConnection) -> int:
    row = fetch_row(connection, "SELECT count(*) FROM replaced")
    return int(row[0]) if row else 0
