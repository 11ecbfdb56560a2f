"""The care of a DuckDB warehouse's state folder."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics.errors import handle_service_errors
from sophia_metrics.maintenance.upkeep import GRACE, Swept
from sophia_metrics.warehouse.duckdb import garbage
from sophia_metrics.warehouse.duckdb.state import StateFile

__all__ = ["DuckDBUpkeep"]

_translated = handle_service_errors(
    "the state folder",
    unavailable=(OSError, duckdb.IOException),
    advice="the disk is full or fails, or a file of the state folder is gone; look at the folder and run again",
)


class DuckDBUpkeep:
    """Takes care of a state folder that a DuckDBWarehouse has prepared; see `Upkeep`."""

    def __init__(self, folder: Path, *, keep_versions: int = 3) -> None:
        self._state = StateFile(folder)
        self._keep_versions = keep_versions

    @_translated
    def sweep(self, now: datetime, *, grace: timedelta = GRACE, is_dry_run: bool = False) -> Swept:
        """Remove what nobody lists any more and is older than `grace` at `now` (naive UTC); report what is foreign."""
        return garbage.sweep(
            self._state,
            now,
            grace=grace,
            keep_versions=self._keep_versions,
            backed_up=frozenset(),
            is_dry_run=is_dry_run,
        )
