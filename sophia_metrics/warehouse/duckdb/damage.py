"""Damage: day files, and rows of the manifest, that are no longer what was noted of them.

A damaged file is taken off the list and moved aside, and its day waits in damaged_days to be made again. So whatever
is listed can be read; and while a day waits nothing is published, so that no reader sees it without its rows.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics import schema
from sophia_metrics.durable import hash_file, make_folder, sync_folder
from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import core
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.column import Storage
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.duckdb.state import DISK_FULL, StateFile
from sophia_metrics.warehouse.ledger import replace_rows
from sophia_metrics.warehouse.manifest import (
    Piece,
    TableDay,
    add_files,
    files_of,
    remove_days,
    remove_files,
    wrong_days,
)
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = [
    "DAMAGED_FOLDER",
    "DAY_NAMES",
    "WRONG_LIST",
    "Fault",
    "SuspectError",
    "aside",
    "fault_of",
    "find_damage",
    "find_damage_behind",
    "let_wait",
    "move_aside",
    "refuse_damage",
    "refuse_wrong_days",
    "rows_in_files",
    "true_files",
    "waiting_day",
]

DAMAGED_FOLDER = "damaged"
DAY_NAMES = tuple(table.name for table in schema.stored(Storage.DAY_FILES))
MADE_FROM_LANDING = frozenset({core.USAGE_EVENTS.name, core.USAGE_UNITS.name, core.QUARANTINE.name})

WRONG_LIST = "the manifest does not list the files that were noted of it"

INNOCENT = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.OutOfMemoryException,
    duckdb.InterruptException,
)
"""What DuckDB raises whatever the files hold."""


class SuspectError(ServiceUnavailableError):
    """Something is not what was noted of it; whoever catches this looks at every file, and says what it is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A day of a table that is damaged, and why, in a sentence without its end."""

    table_day: TableDay
    reason: str

    def __str__(self) -> str:
        name, day = self.table_day
        return f"{name} of {day}: {self.reason}"


def fault_of(folder: Path, file: Piece, *, is_deep: bool) -> str | None:
    """Return what is wrong with a day file; None: nothing, as far as was looked. `is_deep`: its content too."""
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.size_bytes:
            return f"{file.path} has {size:,} bytes instead of {file.size_bytes:,}"
        if is_deep and file.sha256 is not None and hash_file(path) != file.sha256:
            return f"{file.path} does not hold what was written"
    except (FileNotFoundError, NotADirectoryError):
        return f"{file.path} is gone"
    return None


def refuse_damage(folder: Path, files: Iterable[Piece]) -> None:
    """Refuse files that are about to be written anew, and do not hold what was written to them.

    A changed byte inside a Parquet file is mostly read as another value: without this it would become a good file.

    Raises:
        SuspectError: one of them is damaged.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for fault in pool.map(partial(fault_of, folder, is_deep=True), files):
            if fault is not None:
                raise SuspectError(fault)


def refuse_wrong_days(connection: StateConnection, days: Collection[TableDay] | None = None) -> None:
    """Refuse to go on where the manifest does not say what was noted of some days (None: of any day).

    Raises:
        SuspectError: it does not.
    """
    wrong = wrong_days(connection, days)
    if wrong:
        name, day = min(wrong)
        raise SuspectError(f"{name} of {day}: {WRONG_LIST}")


def waiting_day(connection: StateConnection, days: Collection[TableDay]) -> TableDay | None:
    """Return the first of some days that waits to be made again from landing; None: none of them does."""
    rows = connection.execute("SELECT table_name, day_on FROM damaged_days WHERE lost_count IS NULL").fetchall()
    waiting = {(str(name), day) for name, day in rows if name in MADE_FROM_LANDING}
    return min(waiting.intersection(days), default=None)


def find_damage(
    state: StateFile, now: datetime, *, is_deep: bool = False, paths: Collection[str] | None = None
) -> tuple[Fault, ...]:
    """Look at the listed files (those of `paths`; None: all) and at the list, and note and return what is damaged.

    Without `is_deep` only whether files are there, and how long they are, is looked at.
    """
    with state.transaction() as locked:
        files = [file for file in files_of(locked, DAY_NAMES) if paths is None or file.path in paths]
        is_wrong = bool(wrong_days(locked))
    found = _faults(state.folder, files, is_deep=is_deep)
    if not found and not is_wrong:
        return ()
    with state.transaction() as locked:
        return _note(locked, state.folder, found, now)


def find_damage_behind(state: StateFile, error: Exception, now: datetime) -> tuple[Fault, ...]:
    """Look for the damage that may have caused an error, content included, and note and return it."""
    text = str(error)
    if isinstance(error, INNOCENT) or any(full in text for full in DISK_FULL):
        return ()
    with state.transaction() as locked:
        paths = [file.path for file in files_of(locked, DAY_NAMES)]
    named = frozenset(path for path in paths if path in text)
    return find_damage(state, now, is_deep=True, paths=named or None)


def aside(folder: Path, now: datetime) -> Path:
    """Return the folder to which what was found damaged at an instant (naive UTC) is moved."""
    return folder / DAMAGED_FOLDER / f"{now:%Y%m%dT%H%M%SZ}"


def move_aside(folder: Path, path: str, now: datetime) -> None:
    """Move a file of the state folder out of the way, if it is there."""
    if (folder / path).exists():
        target = aside(folder, now) / path
        make_folder(target.parent)
        (folder / path).replace(target)
        sync_folder(target.parent)


def _faults(folder: Path, files: Iterable[Piece], *, is_deep: bool) -> dict[Piece, str]:
    """Return what is wrong with which of some files."""
    if not is_deep:
        looked = ((file, fault_of(folder, file, is_deep=False)) for file in files)
        return {file: fault for file, fault in looked if fault is not None}
    listed = list(files)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        faults = pool.map(partial(fault_of, folder, is_deep=True), listed)
        return {file: fault for file, fault in zip(listed, faults, strict=True) if fault is not None}


def _note(locked: StateConnection, folder: Path, found: Mapping[Piece, str], now: datetime) -> tuple[Fault, ...]:
    """Take damaged files off the list and aside, and let their days wait; what is listed no longer is left out."""
    wrong = set(wrong_days(locked))
    days = wrong | {file.table_day for file in found}
    listed = [file for file in files_of(locked, DAY_NAMES, {day for _, day in days}) if file.table_day in days]
    reasons = {file: found[file] for file in listed if file in found}
    rows = {day: _rows_before(locked, day, listed) for day in days}
    believed = [file for file in listed if file.table_day in wrong and file not in reasons]
    whole = true_files(folder, believed)
    reasons.update((file, f"{file.path} cannot be read") for file in believed if file.path not in whole)
    for file in reasons:
        move_aside(folder, file.path, now)
    remove_files(locked, reasons)
    remove_days(locked, wrong)
    add_files(locked, whole.values())
    first = {file.table_day: reason for file, reason in sorted(reasons.items(), reverse=True)}
    faults = tuple(Fault(day, first.get(day, WRONG_LIST)) for day in sorted(days) if day in first or day in wrong)
    let_wait(locked, faults, rows, now)
    return faults


def _rows_before(locked: StateConnection, day: TableDay, listed: Iterable[Piece]) -> int:
    """Return how many rows a day had when it was whole."""
    for table in ("damaged_days", "manifest_days"):
        row = fetch_row(locked, f"SELECT row_count FROM {table} WHERE table_name = $1 AND day_on = $2", list(day))
        if row is not None:
            return int(row[0])
    return sum(file.row_count for file in listed if file.table_day == day)


def true_files(folder: Path, files: Iterable[Piece]) -> dict[str, Piece]:
    """Return by path what files say themselves, where the manifest cannot be believed, but for unreadable ones."""
    listed = list(files)
    rows = rows_in_files(folder, listed)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        hashes = pool.map(hash_file, (folder / path for path in rows))
        hashed = dict(zip(rows, hashes, strict=True))
    return {
        file.path: replace(
            file,
            row_count=rows[file.path],
            size_bytes=(folder / file.path).stat().st_size,
            sha256=hashed[file.path],
        )
        for file in listed
        if file.path in rows
    }


def rows_in_files(folder: Path, files: Iterable[Piece]) -> dict[str, int]:
    """Return by path how many rows files have; those that cannot be read are left out."""
    paths = [str(folder / file.path) for file in files]
    with duckdb.connect() as connection:
        try:
            found = _rows_in(connection, paths) if paths else []
        except duckdb.Error:  # it does not say which of them it cannot read
            found: list[tuple[str, int]] = []
            for path in paths:
                with suppress(duckdb.Error):
                    found += _rows_in(connection, [path])
    return {Path(path).relative_to(folder).as_posix(): count for path, count in found}


def _rows_in(connection: StateConnection, paths: list[str]) -> list[tuple[str, int]]:
    return connection.execute("SELECT file_name, num_rows FROM parquet_file_metadata($1)", [paths]).fetchall()


def let_wait(locked: StateConnection, faults: Iterable[Fault], rows: Mapping[TableDay, int], now: datetime) -> None:
    """Note that some days wait to be made again, and how many rows they had."""
    waiting = [
        {
            "table_name": fault.table_day[0],
            "day_on": fault.table_day[1],
            "reason": fault.reason,
            "row_count": rows[fault.table_day],
            "found_at": now,
            "lost_count": None,
        }
        for fault in faults
    ]
    table = state_tables.DAMAGED_DAYS
    replace_rows(locked, table, pl.DataFrame(waiting, schema=polars_schema(table)))
    for each in waiting:
        locked.execute("DELETE FROM mart_builds WHERE mart = $1 AND day_on = $2", [each["table_name"], each["day_on"]])
