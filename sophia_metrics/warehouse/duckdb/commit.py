"""Committing a slice: its rows, ledger, quarantine, prices and watermark become visible in one step."""

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
import polars as pl

from sophia_metrics.pricing.price import price_batch
from sophia_metrics.schema import core
from sophia_metrics.usage.merge import merge
from sophia_metrics.usage.quarantine import quarantine_frame
from sophia_metrics.usage.staging import Slice
from sophia_metrics.warehouse.duckdb import ledger
from sophia_metrics.warehouse.duckdb.changes import CORE_NAMES, create_known, write_changes, write_quarantine
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.erasure import refuse_forgotten
from sophia_metrics.warehouse.duckdb.manifest import DayFile, Switch, files_of
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.switching import switch_optimistically
from sophia_metrics.warehouse.protocol import Receipt

__all__ = ["commit_slice"]


def commit_slice(state: StateFile, store: DayFileStore, staged: Slice) -> Receipt:
    """Merge, price and write a slice, and make it visible in one step; a held slice is only noted."""
    if staged.held_because is not None:
        return _note_held(state, staged)
    days = _neighbouring_days(staged.connection)
    rejected = quarantine_frame(staged.connection, staged.landing, staged.now)
    staged.connection.register("rejected", rejected)
    with state.transaction() as locked:
        ledger.keep_sample_apart(locked, staged.terms.name)
    return switch_optimistically(
        state,
        find=lambda locked: files_of(locked, CORE_NAMES, days) + _quarantine_files(locked, staged, rejected),
        write=lambda found, unique: _write(store, staged, found, f"{staged.landing.attempt_id}-{unique}"),
        finish=lambda locked, switch: _finish(locked, staged, switch),
        settled=lambda locked: ledger.find_receipt(locked, staged),
    )


def _note_held(state: StateFile, staged: Slice) -> Receipt:
    """Write the ledger rows of a slice that the gate holds; its landed file stays and is tried again."""
    counts = ledger.count_held(staged)
    with state.transaction() as locked:
        ledger.record_attempt(locked, staged, counts, status="held", error=staged.held_because)
    return Receipt(staged.landing.attempt_id, staged.terms.name, counts, (), staged.held_because)


def _neighbouring_days(connection: duckdb.DuckDBPyConnection) -> tuple[date, ...]:
    """Return the days of the slice and one day either side of each: there a known version may stand."""
    rows = connection.execute(
        "SELECT DISTINCT CAST(started_at AS DATE) FROM keys WHERE rule IS NULL AND NOT is_ignored"
    ).fetchall()
    return tuple(sorted({day + timedelta(days=shift) for (day,) in rows for shift in (-1, 0, 1)}))


def _quarantine_files(locked: duckdb.DuckDBPyConnection, staged: Slice, rejected: pl.DataFrame) -> tuple[DayFile, ...]:
    """Return the files that the rejected rows may stand in already, and those of the day on which they are written.

    A row is known by its source and file too, so it can have been found before only when its file was read: the
    ledger says when that was. What a rebuild found stands on the day of the rebuild.
    """
    if rejected.is_empty():
        return ()
    locked.register("rejected_files", rejected[["file_name"]])
    rows = locked.execute(
        "SELECT CAST(finished_at AS DATE) FROM core_ingest_ledger SEMI JOIN rejected_files USING (file_name) "
        "WHERE source = $1 AND quarantined_count > 0 "
        "UNION SELECT day_on FROM manifest WHERE table_name = $2 AND starts_with(attempt_id, 'rebuild-')",
        [staged.terms.name, core.QUARANTINE.name],
    ).fetchall()
    locked.unregister("rejected_files")
    return files_of(locked, [core.QUARANTINE.name], {staged.now.date(), *(day for (day,) in rows)})


def _write(store: DayFileStore, staged: Slice, found: Sequence[DayFile], version: str) -> Switch:
    """Write the day files that the slice needs beside those that were found."""
    connection = staged.connection
    create_known(connection, store, found)
    connection.execute(
        "CREATE OR REPLACE TABLE quarantined AS SELECT * FROM rejected ANTI JOIN known_quarantine USING (quarantine_id)"
    )
    merge(connection)
    price_batch(connection)
    switch = write_changes(connection, store, found, version)
    return switch + write_quarantine(connection, store, found, version)


def _finish(locked: duckdb.DuckDBPyConnection, staged: Slice, switch: Switch) -> Receipt:
    """Write ledger, prices and watermark beside the manifest."""
    refuse_forgotten(locked, staged.tombstone_count)
    ledger.keep_sample_apart(locked, staged.terms.name)
    counts = ledger.count_files(staged)
    ledger.record_attempt(locked, staged, counts, status="committed")
    ledger.advance_watermark(locked, staged)
    ledger.record_prices(locked, staged.prices)
    return Receipt(staged.landing.attempt_id, staged.terms.name, counts, switch.days(CORE_NAMES))
