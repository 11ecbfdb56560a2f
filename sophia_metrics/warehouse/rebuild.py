"""Rebuilding days of core from landing; what is priced keeps its price."""

import duckdb

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.frames import fetch_row
from sophia_metrics.pricing.price import price_batch
from sophia_metrics.schema import core
from sophia_metrics.usage.rebuilding import ATTEMPTS_OF_DAYS, EXPIRED
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.damaged_days import forget_damage
from sophia_metrics.warehouse.facts import CORE_NAMES, Facts, create_known
from sophia_metrics.warehouse.forgotten import refuse_forgotten
from sophia_metrics.warehouse.horizons import first_kept, horizons
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.mirrored import refuse_mirror
from sophia_metrics.warehouse.protocol import Changed, Rebuild
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import State, switch_optimistically
from sophia_metrics.windows import Window

__all__ = ["commit_rebuild"]

PRICED_BY = (
    "provider",
    "route",
    "model",
    "service_tier",
    "context_window",
    "started_at",
    "record_kind",
    "request_count",
    "status",
    "is_cache_hit",
    "cost_reported",
    "cost_reported_currency",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
)
"""What a price depends on: an event that is the same in these keeps the price that it has."""

MONEY = tuple(column.name for column in core.PRICED)
QUALITY = (
    "CASE WHEN core_events.usage_quality = 'tier_unknown' AND kept_events.usage_quality = 'exact' "
    "AND kept_events.record_kind = 'bucket' AND kept_events.request_count <> 1 "
    "THEN 'tier_unknown' ELSE kept_events.usage_quality END"
)
"""With a price that is carried comes that its tier was not known."""


def commit_rebuild(state: State, facts: Facts, change: Rebuild) -> Changed:
    """Replace whole days by the rows that were made anew.

    Raises:
        ConfigurationError: the rows of some of these days have expired.
        ServiceUnavailableError: another run committed to these days meanwhile, or somebody was forgotten.
    """
    days = tuple(change.window.days())

    def find(locked: StateConnection) -> tuple[Piece, ...]:
        _refuse_expired(locked, change.window)
        return files_of(locked, CORE_NAMES, days) + files_of(locked, [core.QUARANTINE.name])

    return switch_optimistically(
        state,
        facts,
        find=find,
        write=lambda found, unique: _write(facts, change, found, f"rebuild-{unique}"),
        finish=lambda locked, switch: _finish(locked, change, switch),
        is_mending=True,
    )


def _refuse_expired(locked: StateConnection, window: Window) -> None:
    first = first_kept(horizons(locked), CORE_NAMES)
    if first is not None and window.start_at.date() < first:
        raise ConfigurationError(EXPIRED.format(first=first))


def _write(facts: Facts, change: Rebuild, found: tuple[Piece, ...], version: str) -> Switch:
    connection = change.connection
    create_known(connection, facts, found)
    connection.execute("CREATE OR REPLACE VIEW events AS SELECT * FROM rebuilt_events")
    connection.execute("CREATE OR REPLACE TABLE units AS SELECT * FROM rebuilt_units")
    price_batch(connection)
    _carry_prices(connection)
    connection.execute(
        "CREATE OR REPLACE TABLE quarantined AS SELECT DISTINCT ON (quarantine_id) * "
        "FROM rejected ANTI JOIN known_quarantine USING (quarantine_id)"
    )
    switch = Switch()
    for table, rows in ((core.USAGE_EVENTS, "kept_events"), (core.USAGE_UNITS, "priced_units")):
        own = [piece for piece in found if piece.table_name == table.name]
        switch += facts.write_days(connection, table, rows, own, version)
    rejected = [piece for piece in found if piece.table_name == core.QUARANTINE.name]
    return switch + facts.write_rows(connection, core.QUARANTINE, "quarantined", rejected, version)


def _carry_prices(connection: duckdb.DuckDBPyConnection) -> None:
    """Create `kept_events`: the priced rows, where an unchanged event keeps the price that it has, units and all."""
    connection.execute("CREATE OR REPLACE TABLE kept_events AS SELECT * FROM priced_events")
    same = " AND ".join(f"kept_events.{name} IS NOT DISTINCT FROM core_events.{name}" for name in PRICED_BY)
    fresh, known = (f"SELECT event_id, unit, quantity FROM {name}" for name in ("priced_units", "core_units"))
    connection.execute(
        "CREATE OR REPLACE TABLE carried AS SELECT kept_events.event_id FROM kept_events "
        f"INNER JOIN core_events ON core_events.event_id = kept_events.event_id AND {same} "
        "WHERE core_events.price_status NOT IN ('unpriced', 'partial') AND kept_events.event_id NOT IN "
        f"(SELECT event_id FROM (({fresh} EXCEPT {known}) UNION ({known} EXCEPT {fresh})))"
    )
    money = ", ".join(f"{name} = core_events.{name}" for name in MONEY)
    connection.execute(
        f"UPDATE kept_events SET {money}, usage_quality = {QUALITY} FROM core_events "
        "WHERE core_events.event_id = kept_events.event_id AND kept_events.event_id IN (SELECT event_id FROM carried)"
    )
    connection.execute(
        "UPDATE priced_units SET rate_usd = core_units.rate_usd, cost_usd = core_units.cost_usd, "
        "price_status = core_units.price_status FROM core_units WHERE core_units.event_id = priced_units.event_id "
        "AND core_units.unit = priced_units.unit AND priced_units.event_id IN (SELECT event_id FROM carried)"
    )


def _finish(locked: StateConnection, change: Rebuild, switch: Switch) -> Changed:
    if _attempts(locked, change.window) != change.attempts:
        raise ServiceUnavailableError(
            "another run committed to the days that are being rebuilt: nothing was changed, run the backfill again"
        )
    refuse_mirror(locked)
    refuse_forgotten(locked, change.tombstone_count)
    ledger.record_prices(locked, change.prices)
    forget_damage(locked, [(name, day) for name in CORE_NAMES for day in change.window.days()])
    row = fetch_row(change.connection, "SELECT count(*) FROM kept_events")
    return Changed(int(row[0]) if row else 0, switch.days(CORE_NAMES))


def _attempts(locked: StateConnection, window: Window) -> frozenset[str]:
    """Return the committed attempts that the days are made of now."""
    bounds = {"start_at": window.start_at, "end_at": window.end_at}
    return frozenset(str(attempt) for (attempt,) in locked.execute(ATTEMPTS_OF_DAYS, bounds).fetchall())
