"""The audit over the keys of all days: an event that stands on several of them becomes one again.

Only day files that no audit has seen are read, in batches. Their keys are looked for among those of all files seen
before; where an event turns up on two days, the files of these days say whether it still stands there. A batch counts
as seen from the transaction on that makes its events one: an audit that is killed begins it again, and a file that is
committed meanwhile is not seen yet.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import core
from sophia_metrics.usage.merge import NAMES
from sophia_metrics.usage.moved_events import unite
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.key_runs import (
    KeyRun,
    KeyRunStore,
    RunChange,
    SweptError,
    change_runs,
    forget_runs,
    runs_of,
)
from sophia_metrics.warehouse.duckdb.keys import DAYS, EVENT_BITS, days_of, read_keys, standing_apart, without
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.facts import CORE_NAMES, create_known
from sophia_metrics.warehouse.manifest import (
    Piece,
    Switch,
    files_of,
    forget_audits,
    note_audited,
    unaudited_files,
)
from sophia_metrics.warehouse.protocol import Audit, Changed
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["commit_audit"]

ROWS_AT_ONCE = 4_000_000
"""About so many rows are in a batch: memory depends on this, not on how much there is to see."""

COLUMNS = ", ".join(NAMES)


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that no audit has seen, and the runs with the keys of those that one has."""

    files: tuple[Piece, ...]
    runs: tuple[KeyRun, ...]


def commit_audit(state: StateFile, store: DayFileStore, change: Audit, memory_limit: str) -> Changed:
    """Keep the newest version of each event that stands on several days, at its smallest start."""
    keys = KeyRunStore(store.folder)
    event_count, days = 0, set[date]()
    while (batch := _next_batch(state, keys)).files:
        with working_connection(store.folder, memory_limit) as connection:
            try:
                changed = _audit(state, store, keys, connection, change, batch)
            except SweptError:  # other audits were faster: what is listed now is there, or lost and made again
                continue
        event_count += changed.event_count
        days.update(changed.days)
    return Changed(event_count, tuple(sorted(days)))


def _next_batch(state: StateFile, keys: KeyRunStore) -> Batch:
    """Return what is to be seen next; where the file of a run is lost, every day file is to be seen again."""
    with state.transaction() as locked:
        runs = runs_of(locked)
        if not all(keys.is_whole(run) for run in runs):
            forget_runs(locked)
            forget_audits(locked)
            runs = ()
        return Batch(unaudited_files(locked, core.USAGE_EVENTS.name, ROWS_AT_ONCE), runs)


def _audit(
    state: StateFile,
    store: DayFileStore,
    keys: KeyRunStore,
    connection: duckdb.DuckDBPyConnection,
    change: Audit,
    batch: Batch,
) -> Changed:
    """Make the events of a batch one. Nothing is changed where another audit was faster: the batch comes again."""
    create_known(connection, DayFileFacts(store), batch.files)
    fresh = read_keys(connection)
    known = keys.keys_of_same_events(fresh, batch.runs)
    suspects = standing_apart([fresh, known])
    run_change = keys.write(without(fresh, known), batch.runs)
    days = _days_of_moved(state, store, connection, suspects)
    if not days:
        with state.transaction() as locked:
            if _is_alone(locked, keys, batch, run_change):
                _note_seen(locked, keys, batch, run_change)
        return Changed(0, ())
    learned = change.look_up(connection)

    def finish(locked: StateConnection, switch: Switch) -> Changed:
        _note_seen(locked, keys, batch, run_change)
        ledger.record_prices(locked, learned)
        row = fetch_row(connection, "SELECT count(*) FROM newest")
        return Changed(int(row[0]) if row else 0, switch.days(CORE_NAMES))

    return switch_optimistically(
        state,
        DayFileFacts(store),
        find=lambda locked: files_of(locked, CORE_NAMES, days),
        write=lambda found, unique: _write(store, connection, found, f"audit-{unique}"),
        finish=finish,
        settled=lambda locked: None if _is_alone(locked, keys, batch, run_change) else Changed(0, ()),
    )


def _days_of_moved(
    state: StateFile, store: DayFileStore, connection: duckdb.DuckDBPyConnection, suspects: pl.Series
) -> list[date]:
    """Create `moved`, the ids that stand on several days now, and `events`, all their versions; return their days."""
    if suspects.is_empty():
        return []
    with state.transaction() as locked:
        found = files_of(locked, [core.USAGE_EVENTS.name], days_of(suspects))
    create_known(connection, DayFileFacts(store), found)
    connection.register("suspects", suspects.to_frame("key"))
    connection.execute(
        f"CREATE OR REPLACE TABLE moved AS SELECT event_id FROM core_events WHERE {EVENT_BITS} IN "
        f"(SELECT key // {DAYS} FROM suspects) GROUP BY event_id HAVING count(*) > 1"
    )
    connection.unregister("suspects")
    connection.execute(
        f"CREATE OR REPLACE VIEW events AS SELECT {COLUMNS} FROM core_events SEMI JOIN moved USING (event_id)"
    )
    return [day for (day,) in connection.execute("SELECT DISTINCT usage_on FROM events").fetchall()]


def _write(
    store: DayFileStore, connection: duckdb.DuckDBPyConnection, found: tuple[Piece, ...], version: str
) -> Switch:
    create_known(connection, DayFileFacts(store), found)
    unite(connection)
    return DayFileFacts(store).write_changes(connection, found, version)


def _is_alone(locked: StateConnection, keys: KeyRunStore, batch: Batch, run_change: RunChange) -> bool:
    """Say whether no other audit has changed the runs since the batch was looked up, or swept away the new one."""
    added = run_change.added
    return runs_of(locked) == batch.runs and (added is None or keys.is_whole(added))


def _note_seen(locked: StateConnection, keys: KeyRunStore, batch: Batch, run_change: RunChange) -> None:
    note_audited(locked, batch.files)
    if run_change.added is not None:
        keys.sweep(batch.runs, run_change.added)
        change_runs(locked, run_change)
