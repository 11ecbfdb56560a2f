"""Backups: copies of the state file, each compared with it before it counts, with the key of people's hashes beside it.

A backup holds no day files: it lists them, and what a kept backup lists is kept.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from sophia_metrics.durable import hash_file, make_folder, place_file, sync_file, sync_folder
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.frames import fetch_row
from sophia_metrics.maintenance.upkeep import Backup
from sophia_metrics.usage.identity import KEY_NAME
from sophia_metrics.warehouse.duckdb.fingerprints import Fingerprint, fingerprints
from sophia_metrics.warehouse.duckdb.state import StateFile

__all__ = [
    "BACKUPS_FOLDER",
    "STATE_NAME",
    "BackupPlace",
    "listed_paths",
    "make_backup",
    "newest_good",
    "read_backup",
    "renew_backups",
    "whole_backups",
]

BACKUPS_FOLDER = "backups"
STATE_NAME = "warehouse.duckdb"
FACTS_NAME = "backup.json"
UNFINISHED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BackupPlace:
    """Where backups are, and how many of them are kept."""

    folder: Path
    keep: int = 7


@dataclass(frozen=True, slots=True)
class _Copied:
    """What the state file was when it was copied."""

    tables: Mapping[str, Fingerprint]
    sha256: str
    manifest: tuple[int, int, int]


def make_backup(state: StateFile, place: BackupPlace, now: datetime, *, is_locked: bool = False) -> Backup:
    """Copy the state, compare the copy, and only then give it its name; then let go of the oldest ones.

    Args:
        state: the state file.
        place: where the backup goes.
        now: the present (naive UTC).
        is_locked: the caller holds the lock of the state folder.

    Raises:
        ServiceUnavailableError: the copy is not what was copied.
    """
    make_folder(place.folder)
    unfinished = place.folder / f".{_name(now)}.{uuid4().hex}.tmp"
    try:
        unfinished.mkdir(mode=0o700)
        if is_locked:
            copied = _copy(state, unfinished)
        else:
            with state.lock():
                copied = _copy(state, unfinished)
        _compare(unfinished / STATE_NAME, copied)
        _write_facts(unfinished, copied, now)
        target = _free_name(place.folder, now)
        unfinished.rename(target)
        sync_folder(place.folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _thin_out(place, now)
    return read_backup(target)


def renew_backups(state: StateFile, place: BackupPlace, now: datetime) -> int:
    """Where there are backups, make a new one and remove those before it; return how many those were.

    What the older ones list is garbage then; `now` is naive UTC.
    """
    before = _backups(place.folder)
    if before:
        make_backup(state, place, now)
        for path in before:
            shutil.rmtree(path, ignore_errors=True)
    return len(before)


def read_backup(path: Path) -> Backup:
    """Return what a backup says of itself, after each of its files was found to be what was written.

    Raises:
        ConfigurationError: it is no backup, or not whole.
    """
    try:
        facts: dict[str, Any] = json.loads((path / FACTS_NAME).read_text(encoding="utf-8"))
        wrong = [name for name, sha256 in facts["sha256"].items() if hash_file(path / name) != sha256]
        if not wrong:
            with duckdb.connect(path / STATE_NAME, read_only=True) as connection:
                fingerprints(connection)
            return Backup(
                name=path.name,
                made_at=datetime.fromisoformat(facts["made_at"]),
                folder=path,
                program_version=facts["program_version"],
                file_count=facts["file_count"],
                row_count=facts["row_count"],
                size_bytes=facts["size_bytes"],
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, duckdb.Error) as error:
        raise ConfigurationError(f"{path} is no whole backup: choose another one of {path.parent}") from error
    raise ConfigurationError(
        f"the backup {path} is damaged ({', '.join(wrong)} is not what was written): choose another one beside it"
    )


def newest_good(place: BackupPlace) -> Backup | None:
    """Return the newest backup that is whole. None: there is none."""
    return next(_whole(reversed(_backups(place.folder))), None)


def whole_backups(place: BackupPlace) -> tuple[Backup, ...]:
    """Return the backups that are whole, the oldest first."""
    return tuple(_whole(_backups(place.folder)))


def _whole(paths: Iterable[Path]) -> Iterator[Backup]:
    for path in paths:
        try:
            yield read_backup(path)
        except ConfigurationError:
            continue


def listed_paths(folder: Path) -> frozenset[str]:
    """Return the day files that the backups in a folder list, relative to the state folder.

    A backup that cannot be read keeps none: nothing can be restored from it.
    """
    paths: set[str] = set()
    for path in _backups(folder):
        try:
            with duckdb.connect(path / STATE_NAME, read_only=True) as connection:
                rows = connection.execute("SELECT path FROM manifest UNION SELECT path FROM key_runs").fetchall()
        except duckdb.Error:
            continue
        paths |= {str(listed) for (listed,) in rows}
    return frozenset(paths)


def _backups(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9]*Z*") if path.is_dir())


def _name(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"


def _free_name(folder: Path, now: datetime) -> Path:
    names = (folder / (_name(now) + (f"-{number}" if number else "")) for number in range(1000))
    return next(path for path in names if not path.exists())


def _write_log_into_file(connection: duckdb.DuckDBPyConnection, state: StateFile) -> None:
    """Leave no write-ahead log beside the state file.

    The log of a checkpoint that was killed at its very end says nothing any more, and stays until something is written.
    """
    connection.execute("CHECKPOINT")
    if state.log_path.exists():
        connection.execute("CREATE TABLE checkpointed (number INTEGER)")
        connection.execute("DROP TABLE checkpointed")
        connection.execute("CHECKPOINT")


def _copy(state: StateFile, target: Path) -> _Copied:
    """Copy the state file, whose lock is held, when everything is in it, and the key."""
    with state.connection() as connection:
        _write_log_into_file(connection, state)
        tables = fingerprints(connection)
        row = fetch_row(
            connection,
            "SELECT count(*), CAST(coalesce(sum(row_count), 0) AS BIGINT), "
            "CAST(coalesce(sum(size_bytes), 0) AS BIGINT) FROM manifest",
        )
    if state.log_path.exists():
        raise ServiceUnavailableError(f"{state.log_path} could not be written into the state file: try again")
    shutil.copyfile(state.path, target / STATE_NAME)
    key = state.folder / KEY_NAME
    if key.exists():
        shutil.copy(key, target / KEY_NAME)  # its mode too: nobody else may read it
    return _Copied(tables, hash_file(state.path), row or (0, 0, 0))


def _compare(copy: Path, copied: _Copied) -> None:
    """Open the copy and compare it, table by table.

    Raises:
        ServiceUnavailableError: it is not what was copied.
    """
    sync_file(copy)
    try:
        with duckdb.connect(copy, read_only=True) as connection:
            found = fingerprints(connection)
    except duckdb.Error as error:
        raise ServiceUnavailableError(
            f"the backup in {copy.parent.parent} cannot be read again: the disk fails, or is full"
        ) from error
    different = sorted(
        name for name in found.keys() | copied.tables.keys() if found.get(name) != copied.tables.get(name)
    )
    if different or hash_file(copy) != copied.sha256:
        raise ServiceUnavailableError(
            f"the backup in {copy.parent.parent} differs from the state ({', '.join(different) or 'its bytes'}): "
            "the disk fails, or is full"
        )


def _write_facts(folder: Path, copied: _Copied, now: datetime) -> None:
    names = [path.name for path in sorted(folder.iterdir())]
    files, rows, size = copied.manifest
    facts = {
        "made_at": now.isoformat(),
        "program_version": version("sophia-metrics"),
        "sha256": {name: hash_file(folder / name) for name in names},
        "file_count": files,
        "row_count": rows,
        "size_bytes": size,
    }
    for name in names:
        sync_file(folder / name)
    place_file(
        folder / FACTS_NAME, lambda temporary: temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    )
    sync_folder(folder)


def _thin_out(place: BackupPlace, now: datetime) -> None:
    """Remove all but the newest backups, and what a killed process had not finished."""
    for path in _backups(place.folder)[: -place.keep]:
        shutil.rmtree(path, ignore_errors=True)
    before = f"{now - UNFINISHED_FOR:%Y%m%dT%H%M%SZ}"
    for path in place.folder.glob(".[0-9]*Z.*.tmp"):
        if path.name.split(".")[1] < before:
            shutil.rmtree(path, ignore_errors=True)
