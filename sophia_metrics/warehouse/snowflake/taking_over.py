"""Taking over: copies become what the mirror lists and holds, in one transaction of its state."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics import schema
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.marts import mart
from sophia_metrics.schema import state
from sophia_metrics.schema.column import Table
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.duckdb.facts import date_unlisted, refuse_swept
from sophia_metrics.warehouse.horizons import horizons
from sophia_metrics.warehouse.ledger import insert_frame, replace_rows
from sophia_metrics.warehouse.manifest import Piece, TableDay, add_files, files_of, remove_days
from sophia_metrics.warehouse.snowflake.copied import COPIED_CORE, COPIED_DAYS, COPIED_MARTS, is_copy, is_mirrored
from sophia_metrics.warehouse.snowflake.copying import Copies
from sophia_metrics.warehouse.snowflake.outline import Outline
from sophia_metrics.warehouse.snowflake.parts import DATED_BY, PartKey
from sophia_metrics.warehouse.staleness import note_built_as_listed
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["changed_parts", "days_that_differ", "days_that_vanished", "note_origin", "refuse_other_usage", "take_over"]


def refuse_other_usage(locked: StateConnection, origin: str) -> None:
    """Refuse a state folder that holds usage of its own, or mirrors another schema.

    Raises:
        ConfigurationError: it does, and copies would take its place.
    """
    advice = "set SOPHIA_HOME to a folder of its own for this warehouse"
    known = fetch_row(locked, "SELECT origin FROM mirrors")
    if known is not None and known[0] != origin:
        raise ConfigurationError(f"the state folder mirrors {known[0]}, and not {origin}: {advice}")
    if known is not None:
        return
    own = [piece for piece in files_of(locked, [table.name for table in COPIED_CORE]) if not is_mirrored(piece)]
    if own:
        raise ConfigurationError(
            f"the state folder holds usage that DuckDB committed ({own[0].table_name} of {own[0].day_on}), which "
            f"{origin} does not have: {advice}, and collect there what the sources still have"
        )


def days_that_differ(locked: StateConnection, outline: Outline) -> dict[TableDay, Piece]:
    """Return the days, as Snowflake lists them, of which the mirror does not list a copy."""
    listed = _listed(locked)
    return {
        day: original
        for day, original in outline.days.items()
        if len(pieces := listed.get(day, ())) != 1 or not is_copy(pieces[0], original)
    }


def days_that_vanished(locked: StateConnection, outline: Outline) -> set[TableDay]:
    """Return the days that the mirror lists and Snowflake does not, or that are copied no longer."""
    return {day for day in _listed(locked).keys() - outline.days.keys() if day[1] not in outline.waiting}


def changed_parts(locked: StateConnection, outline: Outline) -> dict[PartKey, str]:
    """Return the parts of state tables of which the mirror does not have the rows; tables without days as a whole."""
    known = _known_parts(locked)
    return {key: part for key, part in outline.parts.items() if known.get(key) != part}


def take_over(
    locked: duckdb.DuckDBPyConnection, folder: Path, outline: Outline, copies: Copies, now: datetime
) -> tuple[TableDay, ...]:
    """Let the mirror be what an outline says; return the days that changed.

    Every day that differs is among the copies, and every part that changed.
    """
    differing, gone = days_that_differ(locked, outline), days_that_vanished(locked, outline)
    changed = tuple(sorted({*differing, *gone}))
    date_unlisted(folder, remove_days(locked, changed))
    added = [copies.files[day] for day in sorted(differing)]
    refuse_swept(folder, added)
    add_files(locked, added)
    locked.execute("DELETE FROM damaged_days WHERE list_contains($1, table_name)", [list(COPIED_DAYS)])
    _take_parts(locked, outline, copies)
    _note_horizons(locked, outline.kept_from, now)
    _note_builds(locked)
    return changed


def note_origin(locked: StateConnection, origin: str, moment: str, now: datetime) -> None:
    """Note that this is the mirror of a schema, and when it was synced_at or forwarded_at."""
    if fetch_row(locked, "SELECT origin FROM mirrors") is None:
        locked.execute("INSERT INTO mirrors (origin) VALUES ($1)", [origin])
    locked.execute(f"UPDATE mirrors SET {moment} = $1", [now])


def _listed(locked: StateConnection) -> Mapping[TableDay, tuple[Piece, ...]]:
    grouped: defaultdict[TableDay, tuple[Piece, ...]] = defaultdict(tuple)
    for piece in files_of(locked, COPIED_DAYS):
        grouped[piece.table_day] += (piece,)
    return grouped


def _known_parts(locked: StateConnection) -> dict[PartKey, str]:
    rows = locked.execute("SELECT table_name, day_on, part FROM mirrored_parts").fetchall()
    return {(str(name), day): str(part) for name, day, part in rows}


def _take_parts(locked: duckdb.DuckDBPyConnection, outline: Outline, copies: Copies) -> None:
    changed = changed_parts(locked, outline)
    gone = _known_parts(locked).keys() - outline.parts.keys()
    days: defaultdict[str, set[date | None]] = defaultdict(set)
    for name, day in (*changed, *gone):
        days[name].add(day)
    for name, some in days.items():
        table = schema.table(name)
        rows = copies.rows.get(name) if any(key[0] == name for key in changed) else None
        fresh = rows if rows is not None else pl.DataFrame(schema=polars_schema(table))
        if table is state.TOMBSTONES:
            fresh = _with_own_versions(locked, fresh)
        _delete(locked, table, some)
        insert_frame(locked, table, fresh)
    locked.execute("DELETE FROM mirrored_parts")
    noted = [{"table_name": name, "day_on": day, "part": part} for (name, day), part in outline.parts.items()]
    insert_frame(locked, state.MIRRORED_PARTS, pl.DataFrame(noted, schema=polars_schema(state.MIRRORED_PARTS)))


def _delete(locked: StateConnection, table: Table, days: Iterable[date | None]) -> None:
    if table.name in DATED_BY:
        instant = f"CAST({DATED_BY[table.name]} AS DATE)"
        locked.execute(f"DELETE FROM {table.name} WHERE list_contains($1, {instant})", [sorted(filter(None, days))])
    else:
        locked.execute(f"DELETE FROM {table.name}")


def _with_own_versions(locked: duckdb.DuckDBPyConnection, tombstones: pl.DataFrame) -> pl.DataFrame:
    """Say of each tombstone which version that was published here may still show the person."""
    locked.register("fetched_tombstones", tombstones)
    frame = fetch_frame(
        locked,
        "SELECT fetched.tombstone, fetched.reach, fetched.forgotten_at, "
        "coalesce(known.last_version, (SELECT coalesce(max(version), 0) FROM core_versions)) AS last_version "
        "FROM fetched_tombstones AS fetched LEFT JOIN core_tombstones AS known USING (tombstone)",
    )
    locked.unregister("fetched_tombstones")
    return frame


def _note_horizons(locked: StateConnection, kept_from: Mapping[str, date], now: datetime) -> None:
    """Note from which day on the mirror has rows of core: of the days before there are only marts."""
    known = horizons(locked)
    rows = [
        {"table_name": name, "kept_from_on": first, "moved_at": now}
        for name, first in kept_from.items()
        if known.get(name) != first
    ]
    replace_rows(locked, state.RETENTION, pl.DataFrame(rows, schema=polars_schema(state.RETENTION)))
    whole = [table.name for table in COPIED_CORE if table.name not in kept_from]
    locked.execute(f"DELETE FROM {state.RETENTION.name} WHERE list_contains($1, table_name)", [whole])


def _note_builds(locked: StateConnection) -> None:
    """Note that every day of the copied marts is built of what is here: nothing here builds it again."""
    locked.execute("DELETE FROM mart_builds WHERE list_contains($1, mart)", [[table.name for table in COPIED_MARTS]])
    for table in COPIED_MARTS:
        note_built_as_listed(locked, mart(table.name))
