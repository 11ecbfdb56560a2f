"""Committing a slice: its rows, ledger, quarantine, prices and watermark become visible in one step."""

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import polars as pl

from sophia_metrics.pricing.price import price_batch
from sophia_metrics.schema import core
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.usage.complete_windows import complete_windows, window_days
from sophia_metrics.usage.merge import merge
from sophia_metrics.usage.quarantine import quarantine_frame
from sophia_metrics.usage.staging import Slice
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.complete_windows import (
    committed_readings,
    create_standing,
    merge_windows,
    removed_rows,
)
from sophia_metrics.warehouse.facts import CORE_NAMES, Facts, Wanted, create_known
from sophia_metrics.warehouse.forgotten import refuse_forgotten
from sophia_metrics.warehouse.manifest import Piece, Switch, files_of
from sophia_metrics.warehouse.mirrored import refuse_mirror
from sophia_metrics.warehouse.protocol import Receipt
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import State, switch_optimistically

__all__ = ["commit_slice"]

WANTED = Wanted(
    {
        core.USAGE_EVENTS.name: ("keys", "event_id"),
        core.USAGE_UNITS.name: ("keys", "event_id"),
        core.QUARANTINE.name: ("rejected", "quarantine_id"),
    }
)
"""A merge looks at no other rows than those whose ids come again."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a commit depends on.

    Attributes:
        pieces: the days, as they are.
        readings: the committed readings of the windows of a complete source; of others there are none.
    """

    pieces: tuple[Piece, ...]
    readings: tuple[PulledWindow, ...] = ()


def commit_slice(state: State, facts: Facts, staged: Slice) -> Receipt:
    """Merge, price and write a slice, and make it visible in one step; a held slice is only noted."""
    if staged.held_because is not None:
        return _note_held(state, staged)
    windows = complete_windows(staged.landing)
    days = sorted({*_neighbouring_days(staged.connection), *window_days(windows.values())})
    rejected = quarantine_frame(staged.connection, staged.landing, staged.now)
    staged.connection.register("rejected", rejected)
    with state.transaction() as locked:
        refuse_mirror(locked)
        ledger.keep_sample_apart(locked, facts, staged.terms.name)
    return switch_optimistically(
        state,
        facts,
        find=lambda locked: Found(
            files_of(locked, CORE_NAMES, days) + _quarantine_files(locked, staged, rejected),
            committed_readings(locked, staged.terms.name, windows.values()),
        ),
        write=lambda found, unique: _write(facts, staged, found, f"{staged.landing.attempt_id}-{unique}"),
        finish=lambda locked, switch: _finish(locked, facts, staged, switch),
        settled=lambda locked: ledger.find_receipt(locked, staged),
    )


def _note_held(state: State, staged: Slice) -> Receipt:
    """Write the ledger rows of a slice that the gate holds; its landed file stays and is tried again."""
    counts = ledger.count_held(staged)
    with state.transaction() as locked:
        refuse_mirror(locked)
        ledger.record_attempt(locked, staged, counts, status="held", error=staged.held_because)
    return Receipt(staged.landing.attempt_id, staged.terms.name, counts, (), staged.held_because)


def _neighbouring_days(connection: duckdb.DuckDBPyConnection) -> tuple[date, ...]:
    """Return the days of the slice and one day either side of each: there a known version may stand."""
    rows = connection.execute(
        "SELECT DISTINCT CAST(started_at AS DATE) FROM keys WHERE rule IS NULL AND NOT is_ignored"
    ).fetchall()
    return tuple(sorted({day + timedelta(days=shift) for (day,) in rows for shift in (-1, 0, 1)}))


def _quarantine_files(locked: StateConnection, staged: Slice, rejected: pl.DataFrame) -> tuple[Piece, ...]:
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


def _write(facts: Facts, staged: Slice, found: Found, version: str) -> Switch:
    """Write the day files that the slice needs beside those that were found."""
    connection, pieces = staged.connection, found.pieces
    has_windows = bool(complete_windows(staged.landing))
    if has_windows:
        create_standing(staged, facts, pieces)
    create_known(connection, facts, pieces, WANTED)
    connection.execute(
        "CREATE OR REPLACE TABLE quarantined AS SELECT * FROM rejected ANTI JOIN known_quarantine USING (quarantine_id)"
    )
    if has_windows:
        merge_windows(staged, found.readings)
    else:
        merge(connection)
    price_batch(connection)
    switch = facts.write_changes(connection, pieces, version)
    return switch + facts.write_rows(connection, core.QUARANTINE, "quarantined", pieces, version)


def _finish(locked: StateConnection, facts: Facts, staged: Slice, switch: Switch) -> Receipt:
    """Write ledger, prices and watermark beside the manifest."""
    refuse_mirror(locked)
    refuse_forgotten(locked, staged.tombstone_count)
    ledger.keep_sample_apart(locked, facts, staged.terms.name)
    counts = ledger.count_files(staged)
    ledger.record_attempt(locked, staged, counts, status="committed")
    ledger.advance_watermark(locked, staged)
    ledger.record_prices(locked, staged.prices)
    removed = removed_rows(staged) if complete_windows(staged.landing) else 0
    days = switch.days(CORE_NAMES)
    return Receipt(staged.landing.attempt_id, staged.terms.name, counts, days, removed_count=removed)
