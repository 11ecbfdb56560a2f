"""The ledger: what was read, what became of it, and how far each source has been collected."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.frames import fetch_row
from sophia_metrics.pricing.knowledge import Learned
from sophia_metrics.schema import core, state
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.findings import FINDINGS
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.usage.complete_windows import complete_windows
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.positions import position_frame
from sophia_metrics.usage.staging import Slice
from sophia_metrics.usage.watermark import watermark_frame
from sophia_metrics.warehouse.facts import Facts
from sophia_metrics.warehouse.manifest import Switch, files_of, remove_files
from sophia_metrics.warehouse.protocol import FileCount, Receipt
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = [
    "advance_watermark",
    "count_files",
    "count_held",
    "find_receipt",
    "insert_frame",
    "keep_sample_apart",
    "record_attempt",
    "record_prices",
    "replace_rows",
]


def count_files(staged: Slice) -> tuple[FileCount, ...]:
    """Count, for each file of the slice, what became of its rows; call it after the merge."""
    rows = staged.connection.execute(
        "SELECT keys.file_name, count(*), "
        "count(*) FILTER (WHERE rule IS NULL AND NOT is_ignored AND duplicates.row_ordinal IS NULL), "
        "count(*) FILTER (WHERE rule IS NOT NULL AND NOT is_ignored), "
        "count(*) FILTER (WHERE rule IS NULL AND NOT is_ignored AND duplicates.row_ordinal IS NOT NULL), "
        "count(*) FILTER (WHERE is_ignored) "
        "FROM keys LEFT JOIN duplicates ON duplicates.row_ordinal = keys.row_ordinal GROUP BY keys.file_name"
    ).fetchall()
    counted = {str(row[0]): FileCount(*row) for row in rows}
    return tuple(counted.get(file.name, FileCount(file.name, 0, 0, 0, 0, 0)) for file in staged.landing.files)


def count_held(staged: Slice) -> tuple[FileCount, ...]:
    """Count what a held slice would have been: without a merge nothing is known of duplicates."""
    staged.connection.execute("CREATE OR REPLACE TABLE duplicates (row_ordinal BIGINT)")
    return count_files(staged)


def record_attempt(
    connection: StateConnection,
    staged: Slice,
    counts: Sequence[FileCount],
    *,
    status: str,
    error: str | None = None,
) -> None:
    """Write one ledger row a file; an earlier verdict on the same attempt gives way to this one."""
    rows = _ledger_rows(staged, counts, status, error)
    attempt = staged.landing.attempt_id
    row = fetch_row(connection, "DELETE FROM core_ingest_ledger WHERE attempt_id = $1", [attempt])
    is_known = row is not None and row[0] > 0
    insert_frame(connection, state.INGEST_LEDGER, rows)
    if not is_known:
        _advance_positions(connection, staged.landing)
    _record_fields(connection, staged)


def _ledger_rows(staged: Slice, counts: Sequence[FileCount], status: str, error: str | None) -> pl.DataFrame:
    landing = staged.landing
    spans, windows = _spans(staged), complete_windows(landing)
    rows = [
        {
            "source": landing.source,
            "attempt_id": landing.attempt_id,
            "status": status,
            "file_name": file.name,
            "byte_start": file.byte_start,
            "byte_end": file.byte_end,
            "line_start": file.line_start,
            "reading_id": file.reading_id,
            "modified_ns": file.modified_ns,
            "window_start_at": windows[file.name].start_at if file.name in windows else None,
            "window_end_at": windows[file.name].end_at if file.name in windows else None,
            "row_count": count.row_count,
            "accepted_count": count.accepted_count,
            "quarantined_count": count.quarantined_count,
            "duplicate_count": count.duplicate_count,
            "ignored_count": count.ignored_count,
            "content_sha256": file.content_sha256,
            "started_min_at": spans.get(file.name, (None, None))[0],
            "started_max_at": spans.get(file.name, (None, None))[1],
            "error": error,
            "finished_at": staged.now,
        }
        for file, count in zip(landing.files, counts, strict=True)
    ]
    return pl.DataFrame(rows, schema=polars_schema(state.INGEST_LEDGER))


def _spans(staged: Slice) -> dict[str, tuple[datetime, datetime]]:
    """Return the first and the last start of the good rows of each file; a file without any is not in it."""
    rows = staged.connection.execute(
        "SELECT file_name, min(started_at), max(started_at) FROM keys "
        "WHERE rule IS NULL AND NOT is_ignored GROUP BY file_name"
    ).fetchall()
    return {str(name): (first, last) for name, first, last in rows}


def _advance_positions(connection: StateConnection, landing: Landing) -> None:
    """Note how far the files are read; within one reading of a file a position never moves back."""
    positions = position_frame(landing)
    connection.register("landed_positions", positions)
    ahead = connection.execute(
        "SELECT landed_positions.file_name FROM landed_positions INNER JOIN file_positions AS known "
        "ON known.source = landed_positions.source AND known.file_name = landed_positions.file_name "
        "AND known.reading_id = landed_positions.reading_id AND known.byte_end > landed_positions.byte_end"
    ).fetchall()
    connection.unregister("landed_positions")
    names = {str(name) for (name,) in ahead}
    rows = [row for row in positions.iter_rows(named=True) if row["file_name"] not in names]
    replace_rows(connection, state.FILE_POSITIONS, pl.DataFrame(rows, schema=polars_schema(state.FILE_POSITIONS)))


def _record_fields(connection: StateConnection, staged: Slice) -> None:
    """Note the fields that the source's files had not before, or had with another type."""
    rows = connection.execute(
        "SELECT field_name, found_type FROM core_schema_changes WHERE source = $1", [staged.terms.name]
    ).fetchall()
    known = {(str(name), str(kind)) for name, kind in rows}
    names = {name for name, _ in known}
    fresh = [field for field in staged.landing.fields if (field.name, field.found_type) not in known]
    rows = [
        {
            "source": staged.terms.name,
            "field_name": field.name,
            "found_type": field.found_type,
            "change_kind": "first" if not known else "new_type" if field.name in names else "new_field",
            "is_read": field.is_read,
            "file_name": staged.landing.files[0].name,
            "attempt_id": staged.landing.attempt_id,
            "found_at": staged.now,
        }
        for field in fresh
    ]
    insert_frame(connection, state.SCHEMA_CHANGES, pl.DataFrame(rows, schema=polars_schema(state.SCHEMA_CHANGES)))


def advance_watermark(connection: StateConnection, staged: Slice) -> None:
    """Note the collection; the newest instant never moves back."""
    row = fetch_row(staged.connection, "SELECT max(started_at) FROM keys WHERE rule IS NULL AND NOT is_ignored")
    terms, newest = staged.terms, row[0] if row else None
    known = fetch_row(connection, "SELECT newest_at FROM core_watermarks WHERE source = $1", [terms.name])
    instants = [each for each in (newest, known[0] if known else None) if each is not None]
    replace_rows(connection, state.WATERMARKS, watermark_frame(terms, staged.now, max(instants, default=None)))


def record_prices(connection: StateConnection, update: Learned) -> None:
    """Close the price cards that are known better now, and add those that were learnt; twice is once.

    A card that is known is not learnt again, whenever the other run learnt it: two open cards of one price would count
    an event twice.
    """
    connection.register("closed_cards", update.closed)
    connection.execute(
        "UPDATE core_price_cards SET known_to_at = closed_cards.known_to_at FROM closed_cards "
        "WHERE core_price_cards.price_id = closed_cards.price_id AND core_price_cards.known_to_at IS NULL"
    )
    connection.unregister("closed_cards")
    same_card = "known.price_id = fresh.price_id AND known.known_to_at IS NULL"
    same_unit = "known.price_id = fresh.price_id AND known.unit = fresh.unit"
    for table, frame, same in (
        (state.PRICE_CARDS, update.cards, same_card),
        (state.PRICE_CARD_UNITS, update.units, same_unit),
    ):
        connection.register("fresh", frame)
        connection.execute(
            f"INSERT INTO {table.name} ({', '.join(table.names)}) "
            f"SELECT {', '.join(f'fresh.{name}' for name in table.names)} FROM fresh "
            f"WHERE NOT EXISTS (SELECT 1 FROM {table.name} AS known WHERE {same})"
        )
        connection.unregister("fresh")


def find_receipt(connection: StateConnection, staged: Slice) -> Receipt | None:
    """Return the receipt of the attempt where another run has committed it already; else None."""
    attempt = staged.landing.attempt_id
    rows = connection.execute(
        "SELECT file_name, row_count, accepted_count, quarantined_count, duplicate_count, ignored_count "
        "FROM core_ingest_ledger WHERE attempt_id = $1 AND status = 'committed'",
        [attempt],
    ).fetchall()
    return Receipt(attempt, staged.terms.name, tuple(FileCount(*row) for row in rows), ()) if rows else None


def keep_sample_apart(connection: StateConnection, facts: Facts, source: str) -> None:
    """Take the sample data, and what was found in them, off every list when a real source commits.

    Beside real usage they are refused.

    Raises:
        ConfigurationError: sample data are to be committed where real usage is.
    """
    if source == SAMPLE_SOURCE:
        if fetch_row(connection, "SELECT 1 FROM core_watermarks WHERE source <> $1 LIMIT 1", [SAMPLE_SOURCE]):
            raise ConfigurationError(
                "sample data are not mixed with real usage: set SOPHIA_HOME to a folder of its own for a look at them"
            )
        return
    if fetch_row(connection, "SELECT 1 FROM core_watermarks WHERE source = $1", [SAMPLE_SOURCE]) is None:
        return
    pieces = files_of(connection, [table.name for table in (core.USAGE_EVENTS, core.USAGE_UNITS, core.QUARANTINE)])
    facts.enact(connection, Switch(removed=pieces))
    remove_files(connection, pieces)
    connection.execute("UPDATE core_ingest_ledger SET status = 'superseded' WHERE source = $1", [SAMPLE_SOURCE])
    for table in ("core_watermarks", "core_schema_changes", "file_positions"):
        connection.execute(f"DELETE FROM {table} WHERE source = $1", [SAMPLE_SOURCE])
    for each in FINDINGS:
        connection.execute(f"DELETE FROM {each.name}")


def insert_frame(connection: StateConnection, table: Table, frame: pl.DataFrame) -> None:
    """Append the rows of a frame to a state table, columns by name; a column that it lacks is null."""
    if frame.is_empty():
        return
    connection.register("incoming", frame)
    names = ", ".join(frame.columns)
    connection.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM incoming")
    connection.unregister("incoming")


def replace_rows(connection: StateConnection, table: Table, frame: pl.DataFrame) -> None:
    """Write the rows of a frame to a state table; a row with the same key gives way."""
    keys = " AND ".join(f"{table.name}.{key} IS NOT DISTINCT FROM incoming_keys.{key}" for key in table.key)
    connection.register("incoming_keys", frame)
    connection.execute(f"DELETE FROM {table.name} USING incoming_keys WHERE {keys}")
    connection.unregister("incoming_keys")
    insert_frame(connection, table, frame)
