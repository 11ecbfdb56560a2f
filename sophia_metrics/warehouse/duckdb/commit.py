"""The commit: files first, then one short transaction that switches the manifest and writes the ledger.

Nobody waits while files are written. The transaction checks that the days that were read are still made
of the same files; where another writer was faster, the slice is merged again onto what is there now.
The third try happens under the lock.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from sophia_metrics.pricing.price import price_batch
from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.usage.quarantine import quarantine_frame
from sophia_metrics.usage.staging import Slice
from sophia_metrics.warehouse.duckdb import ledger
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.manifest import DayFile, Switch, add_files, files_of, remove_files
from sophia_metrics.warehouse.duckdb.merge import merge
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.protocol import Receipt

__all__ = ["commit_slice"]

OPTIMISTIC_TRIES = 2
COMPACT_AT = 8
CORE_NAMES = (core.USAGE_EVENTS.name, core.USAGE_UNITS.name)
KNOWN = {core.USAGE_EVENTS: "core_events", core.USAGE_UNITS: "core_units", core.QUARANTINE: "known_quarantine"}
"""What is there already, under the names by which the merge reads it."""


def commit_slice(state: StateFile, store: DayFileStore, staged: Slice) -> Receipt:
    """Merge, price and write a slice, and make it visible in one step; a held slice is only noted."""
    if staged.held_because is not None:
        return _note_held(state, staged)
    connection = staged.connection
    days = _neighbouring_days(connection)
    rejected = quarantine_frame(connection, staged.landing, staged.now)
    connection.register("rejected", rejected)
    quarantine = core.QUARANTINE.name if len(rejected) else None
    with state.transaction() as locked:
        ledger.retire_sample(locked, staged.terms.name)
    for number in range(OPTIMISTIC_TRIES):
        with state.transaction() as locked:
            found = _find(locked, days, quarantine)
        switch = _write(store, staged, found, f"{staged.landing.attempt_id}-{number}")
        with state.transaction() as locked:
            if _find(locked, days, quarantine) == found:
                return _switch(locked, staged, switch)
    with state.transaction() as locked:
        found = _find(locked, days, quarantine)
        return _switch(locked, staged, _write(store, staged, found, f"{staged.landing.attempt_id}-locked"))


def _note_held(state: StateFile, staged: Slice) -> Receipt:
    """Write the ledger rows of a slice that the gate holds; its landed file stays and is tried again."""
    counts = ledger.count_held(staged)
    with state.transaction() as locked:
        ledger.record_attempt(locked, staged, counts, status="held", error=staged.held_because)
    return Receipt(staged.landing.attempt_id, staged.terms.name, counts, (), staged.held_because)


def _find(
    locked: duckdb.DuckDBPyConnection, days: Collection[date], quarantine: str | None
) -> tuple[DayFile, ...]:
    """Return the files that the slice is merged into; quarantine only where the slice adds to it."""
    return files_of(locked, CORE_NAMES, days) + (files_of(locked, [quarantine]) if quarantine else ())


def _neighbouring_days(connection: duckdb.DuckDBPyConnection) -> tuple[date, ...]:
    """Return the days of the slice and one day either side of each: there a known version may stand."""
    rows = connection.execute(
        "SELECT DISTINCT CAST(started_at AS DATE) FROM keys WHERE rule IS NULL AND NOT is_ignored"
    ).fetchall()
    return tuple(sorted({day + timedelta(days=shift) for (day,) in rows for shift in (-1, 0, 1)}))


def _write(store: DayFileStore, staged: Slice, found: Sequence[DayFile], version: str) -> Switch:
    """Write the day files that the slice needs beside those that were found."""
    connection = staged.connection
    for table, name in KNOWN.items():
        files = [file for file in found if file.table_name == table.name]
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {store.relation(table, files)}")
    connection.execute(
        "CREATE OR REPLACE TABLE quarantined AS SELECT * FROM rejected ANTI JOIN known_quarantine USING (quarantine_id)"
    )
    merge(connection)
    price_batch(connection)
    rewritten = _rewritten_days(connection, found)
    changed = (
        _write_days(store, connection, core.USAGE_EVENTS, "priced_events", "core_events", rewritten, version),
        _write_days(store, connection, core.USAGE_UNITS, "priced_units", "core_units", rewritten, version),
        store.write(connection, core.QUARANTINE, "quarantined", [staged.now.date()], version),
    )
    removed = tuple(file for file in found if file.day_on in rewritten and file.table_name in CORE_NAMES)
    return Switch(added=tuple(file for files in changed for file in files), removed=removed)


def _rewritten_days(connection: duckdb.DuckDBPyConnection, found: Sequence[DayFile]) -> frozenset[date]:
    """Return the days that are written anew: a row of theirs is replaced, or they have become many pieces."""
    replaced = {day for (day,) in connection.execute("SELECT DISTINCT usage_on FROM replaced").fetchall()}
    touched = {day for (day,) in connection.execute("SELECT DISTINCT usage_on FROM priced_events").fetchall()}
    pieces = Counter((file.table_name, file.day_on) for file in found if file.table_name in CORE_NAMES)
    crowded = {day for (_, day), count in pieces.items() if count + 1 >= COMPACT_AT and day in touched}
    return frozenset(replaced | crowded)


def _write_days(
    store: DayFileStore,
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    fresh: str,
    known: str,
    rewritten: Collection[date],
    version: str,
) -> tuple[DayFile, ...]:
    """Write the fresh rows by day; a rewritten day also keeps those of its known rows that are not replaced."""
    days = {day for (day,) in connection.execute(f"SELECT DISTINCT usage_on FROM {fresh}").fetchall()}
    if not rewritten:
        return store.write(connection, table, fresh, days, version)
    columns = ", ".join(table.names)
    listed = ", ".join(f"DATE '{day.isoformat()}'" for day in rewritten)
    connection.execute(
        f"CREATE OR REPLACE TABLE next_{table.name} AS SELECT {columns} FROM {fresh} UNION ALL "
        f"SELECT {columns} FROM {known} ANTI JOIN replaced USING (event_id) WHERE usage_on IN ({listed})"
    )
    return store.write(connection, table, f"next_{table.name}", days | set(rewritten), version)


def _switch(connection: duckdb.DuckDBPyConnection, staged: Slice, switch: Switch) -> Receipt:
    """Make everything visible: manifest, ledger, prices and watermark."""
    remove_files(connection, switch.removed)
    add_files(connection, switch.added)
    counts = ledger.count_files(staged)
    ledger.record_attempt(connection, staged, counts, status="committed")
    ledger.advance_watermark(connection, staged)
    ledger.record_prices(connection, staged)
    days = {file.day_on for file in (*switch.added, *switch.removed) if file.table_name in CORE_NAMES}
    return Receipt(staged.landing.attempt_id, staged.terms.name, counts, tuple(sorted(days)))
