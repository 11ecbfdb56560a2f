"""The care of a DuckDB warehouse's state folder."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics.errors import handle_service_errors
from sophia_metrics.maintenance.upkeep import GRACE, Backup, Restored, Swept, Verification
from sophia_metrics.warehouse.duckdb import garbage
from sophia_metrics.warehouse.duckdb.backups import (
    BACKUPS_FOLDER,
    BackupPlace,
    listed_paths,
    make_backup,
    whole_backups,
)
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.lock import LOCK_WAIT_SECONDS
from sophia_metrics.warehouse.duckdb.recovery import Keeper
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.verification import verify

__all__ = ["DuckDBUpkeep"]

_translated = handle_service_errors(
    "the state folder",
    unavailable=(OSError, duckdb.IOException),
    advice="the disk is full or fails, or a file of the state folder is gone; look at the folder and run again",
)


class DuckDBUpkeep:
    """Takes care of a state folder that a DuckDBWarehouse has prepared; see `Upkeep`."""

    def __init__(
        self,
        folder: Path,
        *,
        memory_limit: str = "4GiB",
        keep_versions: int = 3,
        backups: BackupPlace | None = None,
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    ) -> None:
        self._state = StateFile(folder, lock_wait_seconds=lock_wait_seconds)
        self._keep_versions = keep_versions
        self._memory_limit = memory_limit
        self._backups = backups or BackupPlace(folder / BACKUPS_FOLDER)

    @_translated
    def sweep(self, now: datetime, *, grace: timedelta = GRACE, is_dry_run: bool = False) -> Swept:
        """Remove what nobody lists any more and is older than `grace` at `now` (naive UTC); report what is foreign."""
        return garbage.sweep(
            self._state,
            now,
            grace=grace,
            keep_versions=self._keep_versions,
            backed_up=listed_paths(self._backups.folder),
            is_dry_run=is_dry_run,
        )

    @_translated
    def back_up(self, now: datetime) -> Backup:
        """Copy the state, and let the copy count once it was opened and compared; old ones go (`now`: naive UTC)."""
        return make_backup(self._state, self._backups, now)

    @_translated
    def restore(self, now: datetime, backup: str | None = None) -> Restored:
        """Put a backup in the place of the state, with the decisions of now in it; None: the newest that is whole."""
        store = DayFileStore(self._state.folder)
        return Keeper(self._state, store, self._backups, self._memory_limit).restore(now, backup)

    @_translated
    def backups(self) -> tuple[Backup, ...]:
        """Return the backups that are whole, the oldest first."""
        return whole_backups(self._backups)

    @_translated
    def verify(self, *, is_deep: bool = False) -> Verification:
        """Recompute what must agree; nothing is changed."""
        store = DayFileStore(self._state.folder)
        return verify(self._state, store, self._backups, self._memory_limit, is_deep=is_deep)
