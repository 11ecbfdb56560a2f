"""The DuckDB warehouse: day files, a small state file, and published versions, in one folder."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
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
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.commit import commit_slice
from sophia_metrics.warehouse.duckdb.audit import commit_audit
from sophia_metrics.warehouse.duckdb.backups import BACKUPS_FOLDER, BackupPlace
from sophia_metrics.warehouse.duckdb.build import build_marts
from sophia_metrics.warehouse.duckdb.compaction import commit_compaction
from sophia_metrics.warehouse.duckdb.damage import SuspectError, aside, find_damage, find_damage_behind
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.erasure import commit_erasure
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.lock import LOCK_WAIT_SECONDS
from sophia_metrics.warehouse.duckdb.mending import commit_mending
from sophia_metrics.warehouse.duckdb.publish import publish_version
from sophia_metrics.warehouse.duckdb.recovery import Keeper
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import Piece, files_of
from sophia_metrics.warehouse.mirrored import refuse_mirrored_rows
from sophia_metrics.warehouse.observations import commit_observations
from sophia_metrics.warehouse.protocol import (
    BuildReport,
    Change,
    Changed,
    Checkup,
    Compaction,
    CoreChange,
    Erasure,
    Expired,
    Learning,
    Mending,
    Observations,
    Publication,
    Query,
    Rebuild,
    Receipt,
    Record,
    Repricing,
    Retention,
)
from sophia_metrics.warehouse.rebuild import commit_rebuild
from sophia_metrics.warehouse.repricing import commit_learning, commit_repricing
from sophia_metrics.warehouse.retention import commit_retention
from sophia_metrics.working import reading_connection

__all__ = ["DuckDBWarehouse"]


_translated = handle_service_errors(
    "the warehouse",
    # DuckDB says so by the last two where a COMMIT or a checkpoint finds no room.
    unavailable=(OSError, duckdb.IOException, duckdb.TransactionException, duckdb.FatalException),
    advice="the disk is full or fails, or a file of the state folder is gone; look at the folder and run again",
)


class DuckDBWarehouse(ServiceLifecycle):
    """Core, marts and state in a state folder on a local disk."""

    def __init__(
        self,
        folder: Path,
        *,
        memory_limit: str = "4GiB",
        keep_versions: int = 3,
        backups: BackupPlace | None = None,
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    ) -> None:
        self.folder = folder
        self._memory_limit = memory_limit
        self._keep_versions = keep_versions
        self._state = StateFile(folder, lock_wait_seconds=lock_wait_seconds)
        self._store = DayFileStore(folder)
        self._facts = DayFileFacts(self._store)
        self._keeper = Keeper(self._state, self._store, backups or BackupPlace(folder / BACKUPS_FOLDER), memory_limit)
        self._prepared_at: datetime | None = None

    @_translated
    def prepare(self, now: datetime) -> None:
        """Make the state folder, bring an older one up to date, and make a state file again that is gone or damaged.

        Raises:
            ConfigurationError: the folder lies on a network file system, or a newer program wrote it.
            ServiceUnavailableError: the disk is full or fails, another process hangs with the lock, or has the state
                file open.
        """
        self._prepared_at = now
        self._keeper.prepare(now)
        self._store.create_empty(schema.stored(Storage.DAY_FILES))

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
                str(error) if isinstance(error, SophiaError) else f"{self._state.path} cannot be read: look at the disk"
            )
            return Health("warehouse", HealthStatus.DOWN, message)
        elapsed_ms = (perf_counter() - started) * 1000
        if facts["damaged_count"]:
            message = (
                f"{facts['damaged_count']:,} days of tables are damaged ({facts['lost_count']:,} rows of them lost): "
                "what can be made again is, by the next collection; `sophia-metrics verify` names the rest"
            )
            return Health("warehouse", HealthStatus.DEGRADED, message, elapsed_ms, facts)
        return Health("warehouse", HealthStatus.HEALTHY, f"{self._state.path} answers", elapsed_ms, facts)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Files, rows and bytes that the manifest lists."""
        return self._metrics()

    @_translated
    def read(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query over what is committed now.

        The lock is held only for state tables: where the query names none, its files are read without it.
        """
        with self._noticing_damage():
            return self._read(query)

    def _read(self, query: Query) -> pl.DataFrame:
        tables = schema.tables_in(query.sql)
        facts = [table for table in tables if table.storage is Storage.DAY_FILES]
        with self._state.transaction() as connection:
            files = files_of(connection, [table.name for table in facts], query.days) if facts else ()
            if len(facts) < len(tables) or not facts:
                return self._answer(connection, query, facts, files)
        size_bytes = sum(file.size_bytes for file in files)
        with reading_connection(self.folder, self._memory_limit, size_bytes) as connection:
            return self._answer(connection, query, facts, files)

    def _answer(
        self, connection: duckdb.DuckDBPyConnection, query: Query, facts: Sequence[Table], files: Sequence[Piece]
    ) -> pl.DataFrame:
        for table in facts:
            rows = self._store.relation(table, [file for file in files if file.table_name == table.name])
            connection.execute(f"CREATE TEMP VIEW {table.name} AS {rows}")
        return fetch_frame(connection, query.sql, query.parameters)

    @overload
    def commit(self, change: Slice) -> Receipt: ...
    @overload
    def commit(self, change: CoreChange) -> Changed: ...
    @overload
    def commit(self, change: Retention) -> Expired: ...
    @_translated
    def commit(self, change: Change) -> Receipt | Changed | Expired:
        """Make a change of core visible in one step, with all that belongs to it."""
        with self._noticing_damage():
            if isinstance(change, Slice):
                return commit_slice(self._state, self._facts, change)
            if isinstance(change, Retention):
                return commit_retention(self._state, self._facts, change)
            return self._change(change)

    def _change(self, change: CoreChange) -> Changed:  # noqa: PLR0911 - one return a kind of change
        if isinstance(change, Repricing):
            return commit_repricing(self._state, self._facts, change)
        if isinstance(change, Learning):
            return commit_learning(self._state, change)
        if isinstance(change, Rebuild):
            return commit_rebuild(self._state, self._facts, change)
        if isinstance(change, Observations):
            return commit_observations(self._state, self._facts, change, self.folder, self._memory_limit)
        if isinstance(change, Compaction):
            return commit_compaction(self._state, self._store, change, self._memory_limit)
        if isinstance(change, Erasure):
            return commit_erasure(self._state, self._store, change, self._memory_limit)
        if isinstance(change, Checkup):
            self._keeper.check(change.now)
            faults = find_damage(self._state, change.now, is_deep=change.is_deep)
            return Changed(len(faults), tuple(sorted({fault.table_day[1] for fault in faults})))
        if isinstance(change, Mending):
            return commit_mending(self._state, self._store, change, self._memory_limit)
        return commit_audit(self._state, self._store, change, self._memory_limit)

    @_translated
    def record(self, record: Record) -> None:
        """Write rows of state tables in one step; a row replaces the one with the same key."""
        with self._state.transaction() as connection:
            refuse_mirrored_rows(connection, record.rows)
            for name, frame in record.rows.items():
                ledger.replace_rows(connection, schema.table(name), frame)

    @_translated
    def build(self) -> BuildReport:
        """Build the days of the marts whose inputs changed."""
        with self._noticing_damage():
            return build_marts(self._state, self._store, self.folder, self._memory_limit)

    @_translated
    def publish(self, now: datetime) -> Publication:
        """Let readers see what is committed and built; nothing happens where nothing changed."""
        with self._noticing_damage():
            return publish_version(self._state, self._store, self.folder / "serving", now, self._keep_versions)

    @contextmanager
    def _noticing_damage(self) -> Generator[None]:
        """Look, after a failure, whether a day file is damaged: then the next run has to know, and a person too.

        Raises:
            ServiceUnavailableError: one is, and its day waits to be made again.
        """
        try:
            yield
        except (duckdb.Error, SuspectError) as error:
            now = self._prepared_at
            if now is None:
                raise
            faults = find_damage_behind(self._state, error, now)
            if not faults:
                raise
            first, *rest = faults
            more = f" (and {len(rest)} more)" if rest else ""
            raise ServiceUnavailableError(
                f"{first}{more}. What is damaged was moved to {aside(self.folder, now)}, and nothing is published "
                "until its day is made anew: run it again, the next collection begins with that"
            ) from error

    def _metrics(self) -> dict[str, float | int | None]:
        with self._state.transaction() as connection:
            row = fetch_row(
                connection,
                "SELECT count(*), coalesce(sum(row_count), 0), coalesce(sum(size_bytes), 0), "
                "(SELECT count(*) FROM damaged_days), (SELECT coalesce(sum(lost_count), 0) FROM damaged_days) "
                "FROM manifest",
            )
        if row is None:
            raise ServiceUnavailableError(f"{self._state.path} does not answer: try again")
        names = ("file_count", "row_count", "size_bytes", "damaged_count", "lost_count")
        return {name: int(count) for name, count in zip(names, row, strict=True)}
