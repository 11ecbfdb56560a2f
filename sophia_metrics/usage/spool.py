"""The spool of a source: files of the state folder that were read elsewhere, and go when their rows are committed."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import polars as pl

from sophia_metrics.durable import make_folder, place_file, sync_folder
from sophia_metrics.sources.spool_source import PulledWindow, newest_by_window
from sophia_metrics.usage.positions import known_positions
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["Span", "Spool"]

Span = tuple[datetime, datetime]
"""Start and end of a window (naive UTC)."""

COMMITTED = (
    "SELECT file_name FROM core_ingest_ledger WHERE source = $source AND list_contains($names, file_name) "
    "GROUP BY file_name HAVING max(CASE WHEN status = 'held' THEN 1 ELSE 0 END) = 0 "
    "AND max(CASE WHEN status = 'committed' THEN 1 ELSE 0 END) = 1"
)


class Spool:
    """The files of one source."""

    def __init__(self, folder: Path, source: str, warehouse: Warehouse) -> None:
        """Name the folder, which is made when it is needed."""
        self.folder = folder
        self._source = source
        self._warehouse = warehouse

    @property
    def lock(self) -> Path:
        """One reading of a source at a time holds this."""
        make_folder(self.folder)
        return self.folder / "pull.lock"

    def known(self) -> dict[Span, PulledWindow]:
        """Return how each window was read the last time, whether it is committed or waits."""
        return newest_by_window([*known_positions(self._warehouse, self._source), *self._files()])

    def place(self, window: PulledWindow, rows: pl.DataFrame) -> None:
        """Write the rows of a window, each with the moment at which it was read."""
        stamped = rows.with_columns(pl.lit(window.read_at, dtype=pl.Datetime("us")).alias("read_at"))
        place_file(self.folder / window.file_name, stamped.write_parquet)

    def sync(self) -> None:
        """Make sure that the names of the files are on disk."""
        sync_folder(self.folder)

    def sweep(self) -> None:
        """Remove the files whose rows are committed, and what a run that died has left half written."""
        names = [str(Path(name).resolve()) for name in self._files()]
        query = Query(COMMITTED, {"source": self._source, "names": names})
        done = set(self._warehouse.read(query)["file_name"]) if names else set[str]()
        for path in (*(Path(name) for name in done), *self.folder.glob(".*.tmp")):
            with suppress(FileNotFoundError):
                path.unlink()

    def _files(self) -> list[str]:
        return [str(path) for path in self.folder.glob("*.parquet")]
