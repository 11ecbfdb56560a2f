"""Recovery: a state file that is gone or damaged is made again, before a run does anything else.

From the best that there is: the file itself without its write-ahead log, else the newest whole backup, else an empty
one; then whatever a newer published version holds, decisions first, so that no alert fires again; then observations
that only day files hold. Landing that is newer is committed by the run, and days of which a file is gone are mended.
Everything is put into a new file, which gets its name at the end: a recovery that is killed begins anew.
"""

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import polars as pl

from sophia_metrics.durable import make_folder, sync_file, sync_folder, unplaced_file
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.maintenance.upkeep import Backup, Restored
from sophia_metrics.schema import state as state_tables
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.usage.identity import KEY_NAME
from sophia_metrics.warehouse.duckdb import migrations
from sophia_metrics.warehouse.duckdb.adoption import adopt_every_day
from sophia_metrics.warehouse.duckdb.backups import STATE_NAME, BackupPlace, make_backup, newest_good, read_backup
from sophia_metrics.warehouse.duckdb.damage import Fault, aside, let_wait, move_aside
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.published_state import (
    DECISIONS,
    newest_version,
    take_decisions,
    take_over,
)
from sophia_metrics.warehouse.duckdb.state import StateDamagedError, StateFile, refuse_network_filesystem
from sophia_metrics.warehouse.ledger import insert_frame
from sophia_metrics.warehouse.mirrored import mirrored_origin

__all__ = ["Keeper"]

log = logging.getLogger(__name__)

NOTHING = "nothing"
ITSELF = "state"
OCCUPIED = "SELECT block_size * used_blocks FROM pragma_database_size() WHERE database_name = current_database()"
ANY_TABLE = "SELECT 1 FROM duckdb_tables() WHERE NOT internal AND database_name = current_database() LIMIT 1"
"""Of the state file alone: its engine may have others open."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the state file there and whole.

    Attributes:
        state: the state file.
        store: its day files.
        place: its backups.
        memory_limit: what DuckDB may use.
    """

    state: StateFile
    store: DayFileStore
    place: BackupPlace
    memory_limit: str

    def prepare(self, now: datetime) -> None:
        """Make the state file where there is none or it is damaged, and bring an older one up to date.

        A state that is about to be changed by a newer program is backed up first.

        Raises:
            ConfigurationError: the folder lies on a network file system, or a newer program wrote the file.
            ServiceUnavailableError: another process hangs with the lock, or has the file open.
        """
        state = self.state
        make_folder(state.folder)
        refuse_network_filesystem(state.folder)
        with state.lock():
            self._give_key_back()
            if not state.path.exists() and not state.log_path.exists() and not self._was_used():
                self._place(now)
                return
            if self._is_ready():
                return
            reason = self._damage()
            if reason is not None:
                self._recover(now, reason)
            else:
                self._migrate(now)

    def check(self, now: datetime) -> None:
        """Read all of the state file, and make it again where it is damaged.

        Raises:
            ServiceUnavailableError: another process hangs with the lock, or has the file open.
        """
        with self.state.lock():
            reason = self._damage(read_all=True)
            if reason is not None:
                self._recover(now, reason)

    def restore(self, now: datetime, name: str | None) -> Restored:
        """Put a backup in the place of the state, with the decisions of now in it.

        Raises:
            ConfigurationError: there is no such backup, it is not whole, or it was made before the folder became the
                mirror that it is.
        """
        with self.state.lock():
            backup = newest_good(self.place) if name is None else read_backup(self._named(name))
            if backup is None:
                raise ConfigurationError(
                    f"there is no whole backup in {self.place.folder}: `sophia-metrics maintain` makes one. "
                    "A state file that is gone or damaged is made again by the next run, without one too"
                )
            self._refuse_before_move(backup)
            decisions = self._decisions()
            make = self._from_file(backup.folder / STATE_NAME)
            return self._replace(now, f"restore of {backup.name}", backup.name, make, decisions)

    def _refuse_before_move(self, backup: Backup) -> None:
        """Refuse a backup whose usage is in Snowflake now: it would be committed here once more."""
        try:
            with self.state.connection() as connection:
                origin = mirrored_origin(connection)
        except (duckdb.Error, StateDamagedError):
            return  # it is made again anyway
        if origin is None:
            return
        try:
            with duckdb.connect(backup.folder / STATE_NAME, read_only=True) as connection:
                before = mirrored_origin(connection)
        except duckdb.CatalogException:
            before = None  # an older program had no mirrors
        if before != origin:
            raise ConfigurationError(
                f"the backup {backup.name} was made before the state folder mirrored {origin}, where its usage is now: "
                "choose a newer one; to work without Snowflake again, restore it in a copy of the folder from before"
            )

    def _named(self, name: str) -> Path:
        path = self.place.folder / name
        if path.parent != self.place.folder or not path.is_dir():
            there = ", ".join(sorted(each.name for each in self.place.folder.glob("[0-9]*Z*"))) or "none"
            raise ConfigurationError(f"there is no backup {name!r} in {self.place.folder}; there are: {there}")
        return path

    def _was_used(self) -> bool:
        """Say whether something is here that only a run leaves, so that a state file must have been there."""
        folder = self.state.folder
        places = (
            (folder / "serving", "v*.duckdb"),
            (folder / "landing", "*/*.parquet"),
            (self.place.folder, "[0-9]*Z*"),
        )
        return any(next(place.glob(pattern), None) is not None for place, pattern in places)

    def _give_key_back(self) -> None:
        """Take the key of people's hashes from the newest backup, where it is gone: a new one would make new hashes."""
        key = self.state.folder / KEY_NAME
        if key.exists():
            return
        kept = max(self.place.folder.glob(f"[0-9]*Z*/{KEY_NAME}"), default=None)
        if kept is not None:
            temporary = unplaced_file(key)
            shutil.copy(kept, temporary)
            sync_file(temporary)
            temporary.replace(key)
            sync_folder(key.parent)
            log.warning("%s was gone: it is that of the backup %s", key, kept.parent.name)

    def _is_ready(self) -> bool:
        """Say whether the file opens, nothing is wrong with it as far as one sees, and it is up to date."""
        state = self.state
        if not state.path.exists() or state.suspicion_path.exists():
            return False
        try:
            with state.connection() as connection:
                occupied = fetch_row(connection, OCCUPIED)
                is_current = not migrations.unseen(connection)
        except StateDamagedError:
            return False
        return is_current and _is_long_enough(state.path, occupied)

    def _damage(self, *, read_all: bool = False) -> str | None:
        """Return what is wrong with the state file, in a sentence without its end. None: nothing, as far as one sees.

        Only what is wrong with a copy, too, counts as damage: a disk or a right that fails is none.
        """
        state = self.state
        if not state.path.exists():
            return f"{STATE_NAME} was gone"
        try:
            with state.connection() as connection:
                occupied = fetch_row(connection, OCCUPIED)
            is_read = read_all or not _is_long_enough(state.path, occupied) or state.suspicion_path.exists()
            if not is_read or StateFile.is_whole(state.path):
                state.suspicion_path.unlink(missing_ok=True)
                return None
        except StateDamagedError:
            pass
        if self._copy_is_readable(with_log=True):
            raise ServiceUnavailableError(f"{state.path} cannot be opened here, and a copy of it can: try again")
        has_log = state.log_path.exists() and self._copy_is_readable(with_log=False)
        return f"the write-ahead log of {STATE_NAME} was damaged" if has_log else f"{STATE_NAME} was damaged"

    def _copy_is_readable(self, *, with_log: bool) -> bool:
        """Copy the state file, and say whether all of the copy can be read.

        Raises:
            OSError: it cannot be copied: the disk fails or is full, or it may not be read.
        """
        scratch = self.state.folder / f".{STATE_NAME}.{uuid4().hex}.tmp"
        log_path = scratch.with_name(f"{scratch.name}.wal")
        try:
            shutil.copyfile(self.state.path, scratch)
            if with_log and self.state.log_path.exists():
                shutil.copyfile(self.state.log_path, log_path)
            return StateFile.is_whole(scratch)
        finally:
            scratch.unlink(missing_ok=True)
            log_path.unlink(missing_ok=True)

    def _migrate(self, now: datetime) -> None:
        with self.state.connection() as connection:
            steps = migrations.unseen(connection)
            is_new = fetch_row(connection, ANY_TABLE) is None
        if not steps:
            return
        if not is_new:
            make_backup(self.state, self.place, now, is_locked=True)
        with self.state.connection() as connection:
            connection.execute("BEGIN")
            migrations.apply(connection, now)
            connection.execute("COMMIT")

    def _recover(self, now: datetime, reason: str) -> None:
        name, make = NOTHING, None
        if self.state.path.exists() and self._copy_is_readable(with_log=False):
            name, make = ITSELF, self._from_file(self.state.path)
        elif (backup := newest_good(self.place)) is not None:
            name, make = backup.name, self._from_file(backup.folder / STATE_NAME)
        self._replace(now, reason, name, make, None)

    def _from_file(self, path: Path) -> Callable[[Path], object]:
        return lambda temporary: shutil.copyfile(path, temporary)

    def _decisions(self) -> dict[str, pl.DataFrame] | None:
        """Return the decisions in the state as it is. None: it cannot be read."""
        try:
            with self.state.connection() as connection:
                return {table.name: fetch_frame(connection, f"SELECT * FROM {table.name}") for table in DECISIONS}
        except (duckdb.Error, StateDamagedError):
            return None

    def _replace(
        self,
        now: datetime,
        reason: str,
        base: str,
        make: Callable[[Path], object] | None,
        decisions: dict[str, pl.DataFrame] | None,
    ) -> Restored:
        """Make a new state file, move the old one aside, and put the new one in its place.

        `decisions` are those to take. None: everything that a newer published version holds is taken over.
        """
        moved_to = aside(self.state.folder, now) if self.state.path.exists() or self.state.log_path.exists() else None
        restored = Restored(base, None, 0, moved_to)

        def fill(connection: duckdb.DuckDBPyConnection) -> None:
            nonlocal restored
            if decisions is not None:
                take_decisions(connection, decisions)
            else:
                restored = self._take_newer(connection, restored, now)
            _forget_copies(connection)
            version = f"adopted-{uuid4().hex}"
            adopted = adopt_every_day(connection, self.store, self.memory_limit, version)
            restored = Restored(base, restored.version, adopted, moved_to)
            insert_frame(connection, state_tables.RECOVERIES, _recovery(restored, reason, now, self.state.folder))

        self._place(now, fill, make)
        log.warning(
            "%s: it was made again from %s%s, and what landing holds that is newer is committed now",
            reason,
            base,
            f" and the published version {restored.version}" if restored.version else "",
        )
        return restored

    def _take_newer(self, connection: duckdb.DuckDBPyConnection, restored: Restored, now: datetime) -> Restored:
        published = newest_version(self.state.folder / "serving")
        row = fetch_row(connection, "SELECT coalesce(max(version), 0) FROM core_versions")
        if published is None or row is None or published.number <= row[0]:
            return restored
        gone = take_over(connection, published, self.state.folder)
        let_wait(
            connection,
            [Fault(day, "a file that was published is gone") for day in gone],
            _least_rows(connection, gone),
            now,
        )
        return Restored(restored.base, published.number, 0, restored.moved_to)

    def _place(
        self,
        now: datetime,
        fill: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
        make: Callable[[Path], object] | None = None,
    ) -> None:
        """Make a new state file in one transaction, move the one that is there aside, and give it its name."""
        state = self.state
        temporary = unplaced_file(state.path)
        try:
            if make is not None:
                make(temporary)
            with duckdb.connect(temporary) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute("BEGIN")
                migrations.apply(connection, now)
                if fill is not None:
                    fill(connection)
                connection.execute("COMMIT")
                connection.execute("CHECKPOINT")
            sync_file(temporary)
            if state.path.exists():
                _keep_aside(state.path, aside(state.folder, now))
            move_aside(state.folder, state.log_path.name, now)  # else it would be replayed onto the new file
            temporary.replace(state.path)
            sync_folder(state.folder)
            state.suspicion_path.unlink(missing_ok=True)
        finally:
            temporary.unlink(missing_ok=True)
            temporary.with_name(f"{temporary.name}.wal").unlink(missing_ok=True)


def _is_long_enough(path: Path, occupied: tuple[Any, ...] | None) -> bool:
    """Say whether a file that was closed has all the bytes that it says it occupies."""
    return occupied is not None and occupied[0] <= path.stat().st_size


def _keep_aside(path: Path, folder: Path) -> None:
    """Give a file a second name in another folder: there is no moment without it."""
    make_folder(folder)
    (folder / path.name).unlink(missing_ok=True)
    (folder / path.name).hardlink_to(path)
    sync_folder(folder)


def _forget_copies(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a mirror of Snowflake look at everything again: its tables are of several moments now."""
    connection.execute("DELETE FROM mirrored_parts")
    connection.execute("UPDATE mirrors SET synced_at = NULL")


def _recovery(restored: Restored, reason: str, now: datetime, folder: Path) -> pl.DataFrame:
    table = state_tables.RECOVERIES
    row = {
        "recovered_at": now,
        "reason": reason,
        "base": restored.base,
        "version": restored.version,
        "adopted_count": restored.adopted_count,
        "moved_to": restored.moved_to and restored.moved_to.relative_to(folder).as_posix(),
    }
    return pl.DataFrame([row], schema=polars_schema(table))


def _least_rows(
    connection: duckdb.DuckDBPyConnection, days: frozenset[tuple[str, date]]
) -> Mapping[tuple[str, date], int]:
    """Return a row more than is listed of each day: how many were in a file that is gone nobody knows."""
    least: dict[tuple[str, date], int] = {}
    for name, day in days:
        row = fetch_row(
            connection,
            "SELECT coalesce(sum(row_count), 0) FROM manifest WHERE table_name = $1 AND day_on = $2",
            [name, day],
        )
        least[name, day] = int(row[0]) + 1 if row else 1
    return least
