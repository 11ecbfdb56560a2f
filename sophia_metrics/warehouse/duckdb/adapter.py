"""The DuckDB warehouse: day files, a small state file, and published versions, in one folder."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import overload

import duckdb
import polars as pl

from sophia_metrics import schema
from sophia_metrics.errors import ServiceUnavailableError, SophiaError, handle_service_errors
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from sophia_metrics.usage.staging import Slice
from sophia_metrics.warehouse.duckdb import ledger
from sophia_metrics.warehouse.duckdb.audit import commit_audit
from sophia_metrics.warehouse.duckdb.build import build_marts
from sophia_metrics.warehouse.duckdb.commit import commit_slice
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.manifest import DayFile, files_of
from sophia_metrics.warehouse.duckdb.observations import commit_observations
from sophia_metrics.warehouse.duckdb.publish import publish_version
from sophia_metrics.warehouse.duckdb.rebuild import commit_rebuild
from sophia_metrics.warehouse.duckdb.repricing import commit_repricing
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.protocol import (
    Audit,
    BuildReport,
    Changed,
    Observations,
    Publication,
    Query,
    Rebuild,
    Receipt,
    Record,
    Repricing,
)
from sophia_metrics.working import working_connection

__all__ = ["DuckDBWarehouse"]


_translated = handle_service_errors(
    "the warehouse",
    # DuckDB says so by the last two where a COMMIT or a checkpoint finds no room.
    unavailable=(OSError, duckdb.IOException, duckdb.TransactionException, duckdb.FatalException),
    advice="the disk is full or fails, or a file of the state folder is gone; look at the folder and run again",
)


class DuckDBWarehouse(ServiceLifecycle):
    """Core, marts and state in a state folder on a local disk."""

    def __init__(self, folder: Path, *, memory_limit: str = "4GiB", keep_versions: int = 3) -> None:
        self.folder = folder
        self._memory_limit = memory_limit
        self._keep_versions = keep_versions
        self._state = StateFile(folder)
        self._store = DayFileStore(folder)

    @_translated
    def prepare(self, now: datetime) -> None:
        """Make the state folder, or bring an older one up to date.

        Raises:
            ConfigurationError: the folder lies on a network file system, or a newer program wrote it.
            ServiceUnavailableError: the disk is full or fails.
        """
        self._state.create(now)
        for table in schema.stored(Storage.DAY_FILES):
            if not (self.folder / self._store.empty_path(table)).exists():
                self._store.create_empty(table)

    async def health_check(self) -> Health:
        """Open the state file and count what it lists."""
        started = perf_counter()
        if not self._state.path.exists():
            return Health(
                "warehouse",
                HealthStatus.UNKNOWN,
                f"no state in {self.folder} yet: `sophia-metrics run` makes it",
            )
        try:
            facts = self._metrics()
        except (SophiaError, duckdb.Error) as error:
            message = (
                str(error)
                if isinstance(error, SophiaError)
                else f"{self._state.path} is damaged: restore it from a backup"
            )
            return Health("warehouse", HealthStatus.DOWN, message)
        elapsed_ms = (perf_counter() - started) * 1000
        return Health("warehouse", HealthStatus.HEALTHY, f"{self._state.path} answers", elapsed_ms, facts)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Files, rows and bytes that the manifest lists."""
        return self._metrics()

    @_translated
    def read(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query over what is committed now.

        The lock is held only for state tables: where the query names none, its files are read without it.
        """
        tables = [table for table in schema.TABLES if re.search(rf"\b{table.name}\b", query.sql)]
        facts = [table for table in tables if table.storage is Storage.DAY_FILES]
        with self._state.transaction() as connection:
            files = files_of(connection, [table.name for table in facts], query.days) if facts else ()
            if len(facts) < len(tables) or not facts:
                return self._answer(connection, query, facts, files)
        with working_connection(self.folder, self._memory_limit) as connection:
            return self._answer(connection, query, facts, files)

    def _answer(
        self, connection: duckdb.DuckDBPyConnection, query: Query, facts: Sequence[Table], files: Sequence[DayFile]
    ) -> pl.DataFrame:
        for table in facts:
            rows = self._store.relation(table, [file for file in files if file.table_name == table.name])
            connection.execute(f"CREATE TEMP VIEW {table.name} AS {rows}")
        return fetch_frame(connection, query.sql, query.parameters)

    @overload
    def commit(self, change: Slice) -> Receipt: ...
    @overload
    def commit(self, change: Repricing | Rebuild | Audit | Observations) -> Changed: ...
    @_translated
    def commit(self, change: Slice | Repricing | Rebuild | Audit | Observations) -> Receipt | Changed:
        """Make a change of core visible in one step, with all that belongs to it."""
        if isinstance(change, Slice):
            return commit_slice(self._state, self._store, change)
        if isinstance(change, Repricing):
            return commit_repricing(self._state, self._store, change)
        if isinstance(change, Rebuild):
            return commit_rebuild(self._state, self._store, change)
        if isinstance(change, Observations):
            return commit_observations(self._state, self._store, change, self.folder, self._memory_limit)
        return commit_audit(self._state, self._store, change, self._memory_limit)

    @_translated
    def record(self, record: Record) -> None:
        """Write rows of state tables in one step; a row replaces the one with the same key."""
        with self._state.transaction() as connection:
            for name, frame in record.rows.items():
                ledger.replace_rows(connection, schema.table(name), frame)

    @_translated
    def build(self) -> BuildReport:
        """Build the days of the marts whose inputs changed."""
        return build_marts(self._state, self._store, self.folder, self._memory_limit)

    @_translated
    def publish(self, now: datetime) -> Publication:
        """Let readers see what is committed and built; nothing happens where nothing changed."""
        return publish_version(self._state, self._store, self.folder / "serving", now, self._keep_versions)

    def _metrics(self) -> dict[str, float | int | None]:
        with self._state.transaction() as connection:
            row = fetch_row(
                connection,
                "SELECT count(*), coalesce(sum(row_count), 0), coalesce(sum(size_bytes), 0) FROM manifest",
            )
        if row is None:
            raise ServiceUnavailableError(f"{self._state.path} does not answer: try again")
        return {"file_count": int(row[0]), "row_count": int(row[1]), "size_bytes": int(row[2])}
