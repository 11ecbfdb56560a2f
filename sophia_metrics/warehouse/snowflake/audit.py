"""The audit on Snowflake: events that stand on several days become one again.

Snowflake itself looks at the keys of all days; only events of days that have changed since they were seen are looked
for on the others.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import core
from sophia_metrics.usage.merge import NAMES
from sophia_metrics.usage.moved_events import unite
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.facts import CORE_NAMES, Wanted, create_known
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of, note_audited, unaudited_files
from sophia_metrics.warehouse.protocol import Audit, Changed
from sophia_metrics.warehouse.snowflake.facts import SnowflakeFacts
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_audit"]

ROWS_AT_ONCE = 100_000_000
"""So many rows are looked for in one statement: it is Snowflake that holds them."""

MOVED = (
    "SELECT event_id FROM core_usage_events WHERE event_id IN "
    "(SELECT event_id FROM core_usage_events WHERE list_contains($1, usage_on)) "
    "GROUP BY event_id HAVING count(*) > 1"
)
DAYS_OF_MOVED = "SELECT DISTINCT usage_on FROM core_usage_events WHERE event_id IN (SELECT event_id FROM moved)"
WANTED = Wanted(dict.fromkeys(CORE_NAMES, ("moved", "event_id")))


def commit_audit(
    state: SnowflakeState, facts: SnowflakeFacts, change: Audit, folder: Path, memory_limit: str
) -> Changed:
    """Keep the newest version of each event that stands on several days, at its smallest start."""
    count, days = 0, set[date]()
    while True:
        with state.transaction() as locked:
            unseen = unaudited_files(locked, core.USAGE_EVENTS.name, ROWS_AT_ONCE)
        if not unseen:
            return Changed(count, tuple(sorted(days)))
        moved = state.session.fetch_frame(MOVED, [[piece.day_on for piece in unseen]])
        if not moved.is_empty():
            with working_connection(folder, memory_limit) as connection:
                changed = _unite(state, facts, connection, change, moved)
            count += changed.event_count
            days.update(changed.days)
        with state.transaction() as locked:
            note_audited(locked, unseen)


def _unite(
    state: SnowflakeState,
    facts: SnowflakeFacts,
    connection: duckdb.DuckDBPyConnection,
    change: Audit,
    moved: pl.DataFrame,
) -> Changed:
    connection.register("moved", moved)
    days = _days(state, moved)
    with state.transaction() as locked:
        found = files_of(locked, CORE_NAMES, days)
    create_known(connection, facts, found, WANTED)
    connection.execute(f"CREATE OR REPLACE VIEW events AS SELECT {', '.join(NAMES)} FROM core_events")
    learned = change.look_up(connection)

    def write(found: tuple[Piece, ...], unique: str) -> Switch:
        create_known(connection, facts, found, WANTED)
        unite(connection)
        return facts.write_changes(connection, found, f"audit-{unique}")

    def finish(locked: StateConnection, switch: Switch) -> Changed:
        ledger.record_prices(locked, learned)
        row = fetch_row(connection, "SELECT count(*) FROM newest")
        return Changed(int(row[0]) if row else 0, switch.days(CORE_NAMES))

    return switch_optimistically(
        state, facts, find=lambda locked: files_of(locked, CORE_NAMES, days), write=write, finish=finish
    )


def _days(state: SnowflakeState, moved: pl.DataFrame) -> Sequence[date]:
    """Return the days on which versions of the moved events stand."""
    state.session.register("moved", moved)
    try:
        return state.session.fetch_frame(DAYS_OF_MOVED)["usage_on"].sort().to_list()
    finally:
        state.session.unregister("moved")
