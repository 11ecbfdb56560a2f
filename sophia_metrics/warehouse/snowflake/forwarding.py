"""Forwarding: what was observed and recorded in the mirror goes to Snowflake, as far as it has changed.

Day files of observations are loaded as they are; of state tables the days whose rows have another fingerprint than
when they were forwarded. Everything is merged by key in one transaction, so that a repetition changes nothing; it is
noted here afterwards.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import polars as pl

from sophia_metrics.quoting import literal
from sophia_metrics.schema import core, state
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.duckdb.day_files import listed_days
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.forwarding import Forwarded
from sophia_metrics.warehouse.horizons import horizons
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.manifest import Piece, TableDay, add_files, files_of, remove_days
from sophia_metrics.warehouse.snowflake.loading import drop_stage_tables, load
from sophia_metrics.warehouse.snowflake.merging import merge_sql
from sophia_metrics.warehouse.snowflake.parts import day_of, select_parts
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name
from sophia_metrics.warehouse.snowflake.taking_over import note_origin
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.working import spill_folder, working_connection

__all__ = ["forward_operations", "note_forwarded", "operations_parts"]

OBSERVED = {table.name: table for table in core.OBSERVED}
Part = tuple[str, date | None, str]
"""A table, a UTC day of its rows, and which version of them: a day file, or a fingerprint."""
Days = Mapping[TableDay, Sequence[Piece]]
"""Days of observations, and the files of which each is made."""


@dataclass(frozen=True, slots=True)
class _Outbox:
    """What lies here at one moment, and which of it Snowflake does not have.

    Attributes:
        parts: all there is.
        fresh: what is to be sent.
        listed: the day files of observations.
        files: rows of state tables that are to be sent.
    """

    parts: frozenset[Part]
    fresh: frozenset[Part]
    listed: tuple[Piece, ...]
    files: Mapping[Table, tuple[Path, ...]]


def forward_operations(
    keeper: StateFile, session: SnowflakeSession, origin: str, memory_limit: str, now: datetime
) -> Forwarded:
    """Merge what has changed into Snowflake in one transaction, then note it here. Where nothing has, it is not asked.

    Days of observations whose rows Snowflake keeps no longer are not sent.
    """
    rows: dict[str, int] = {}
    with working_connection(keeper.folder, memory_limit) as connection:
        outbox = _look_through(keeper, spill_folder(connection), now)
        if outbox.fresh:
            days = _fresh_days(outbox, horizons(session))
            files = {**outbox.files, **_day_files(keeper.folder, outbox, days)}
            rows = _send(session, files, days, now)
    with keeper.transaction() as locked:
        note_forwarded(locked, outbox.parts, origin, now)
    return Forwarded(rows)


def _send(
    session: SnowflakeSession, files: Mapping[Table, Sequence[Path]], days: Days, now: datetime
) -> dict[str, int]:
    attempt = f"forward-{uuid4().hex}"
    staged = {table: stage_table_name(attempt, table.name, now) for table in files}
    try:
        rows = {table.name: load(session, staged[table], table.columns, some) for table, some in files.items()}
        with session.transaction():
            for table, stage_table in staged.items():
                session.execute(merge_sql(table, stage_table))
            _list_days(session, days)
    finally:
        drop_stage_tables(session, staged.values())
    return rows


def _look_through(keeper: StateFile, scratch: Path, now: datetime) -> _Outbox:
    """Look what has changed; rows of state tables are written to files."""
    files: dict[Table, tuple[Path, ...]] = {}
    with keeper.transaction() as locked:
        sent = {(str(name), day, str(part)) for name, day, part in _parts_sent(locked)}
        listed = files_of(locked, OBSERVED)
        parts = operations_parts(locked, now)
        fresh = parts - sent
        for table in state.OPERATIONS:
            days = [day for name, day, _ in fresh if name == table.name]
            if days:
                path = scratch / f"{table.name}.parquet"
                dated = listed_days(filter(None, days))
                among = f" WHERE {day_of(table)} IN ({dated})" if dated else ""
                rows = f"SELECT {', '.join(table.names)} FROM {table.name}{among}"
                locked.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet)")
                files[table] = (path,)
    return _Outbox(parts, fresh, listed, files)


def _parts_sent(locked: StateConnection) -> list[tuple[str, date | None, str]]:
    return locked.execute("SELECT table_name, day_on, part FROM forwarded_parts").fetchall()


def operations_parts(locked: StateConnection, now: datetime) -> frozenset[Part]:
    """Return what there is to forward now, sent or not: day files of observations, and fingerprints of state."""
    listed = ((piece.table_name, piece.day_on, piece.path) for piece in files_of(locked, OBSERVED))
    rows = locked.execute(select_parts(state.OPERATIONS, now.date())).fetchall()
    return frozenset((*listed, *((str(name), day, str(part)) for name, day, part in rows)))


def _fresh_days(outbox: _Outbox, kept_from: Mapping[str, date]) -> Days:
    """Return the day files of days of which one is to be sent, but for days whose rows Snowflake has dropped."""
    changed = {(name, day) for name, day, _ in outbox.fresh}
    grouped: defaultdict[tuple[str, date], tuple[Piece, ...]] = defaultdict(tuple)
    for piece in outbox.listed:
        if piece.table_day in changed and piece.day_on >= kept_from.get(piece.table_name, date.min):
            grouped[piece.table_day] += (piece,)
    return grouped


def _day_files(folder: Path, outbox: _Outbox, days: Days) -> dict[Table, tuple[Path, ...]]:
    files: defaultdict[Table, tuple[Path, ...]] = defaultdict(tuple)
    for (name, day), pieces in sorted(days.items()):
        files[OBSERVED[name]] += tuple(
            folder / piece.path for piece in pieces if (name, day, piece.path) in outbox.fresh
        )
    return files


def _list_days(session: StateConnection, pieces: Days) -> None:
    """List the days of observations that have changed: a day is one piece there, named after the files here."""
    counts: dict[tuple[str, date], int] = {}
    for name in sorted({name for name, _ in pieces}):
        day = OBSERVED[name].day
        rows = session.execute(
            f"SELECT {day}, count(*) FROM {name} WHERE list_contains($1, {day}) GROUP BY {day}",
            [[day_on for table_name, day_on in sorted(pieces) if table_name == name]],
        ).fetchall()
        counts |= {(name, day_on): int(count) for day_on, count in rows}
    wanted = [_as_one(some, counts[day]) for day, some in sorted(pieces.items()) if day in counts]
    known = {piece.path for piece in files_of(session, OBSERVED, {piece.day_on for piece in wanted})}
    changed = [piece for piece in wanted if piece.path not in known]
    remove_days(session, [piece.table_day for piece in changed])
    add_files(session, changed)


def _as_one(pieces: Sequence[Piece], row_count: int) -> Piece:
    first, *_ = pieces
    table = OBSERVED[first.table_name]
    digest = hashlib.sha256("\n".join(sorted(piece.path for piece in pieces)).encode()).hexdigest()[:32]
    name = f"forwarded-{digest}"
    path = f"{table.folder}/{table.day}={first.day_on.isoformat()}/{name}"
    return Piece(first.table_name, first.day_on, path, row_count, sum(piece.size_bytes for piece in pieces), name)


def note_forwarded(locked: StateConnection, parts: frozenset[Part], origin: str, now: datetime) -> None:
    """Note that Snowflake has these parts, and that this is the mirror of a schema there."""
    rows = [{"table_name": name, "day_on": day, "part": part} for name, day, part in parts]
    locked.execute("DELETE FROM forwarded_parts")
    insert_frame(locked, state.FORWARDED_PARTS, pl.DataFrame(rows, schema=polars_schema(state.FORWARDED_PARTS)))
    note_origin(locked, origin, "forwarded_at", now)
