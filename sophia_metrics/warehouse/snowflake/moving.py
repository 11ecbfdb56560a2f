"""Moving from DuckDB to Snowflake: everything is loaded, compared, and only then the folder becomes the mirror.

It can be killed at any point and begun again: days that are there as they are here are not loaded a second time.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import duckdb

from sophia_metrics.errors import ConfigurationError, handle_service_errors
from sophia_metrics.frames import fetch_row
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.lock import LOCK_WAIT_SECONDS
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import forget_audits
from sophia_metrics.warehouse.moving import Moved
from sophia_metrics.warehouse.snowflake.build import build_marts
from sophia_metrics.warehouse.snowflake.forwarding import note_forwarded, operations_parts
from sophia_metrics.warehouse.snowflake.movable import refuse_unfit
from sophia_metrics.warehouse.snowflake.move_comparison import (
    TABLES,
    Comparison,
    Snapshot,
    listed_there,
    sums_here,
    take_snapshot,
)
from sophia_metrics.warehouse.snowflake.move_report import moved_tables
from sophia_metrics.warehouse.snowflake.moved import MOVED_CORE, is_moved
from sophia_metrics.warehouse.snowflake.moved_days import drop_days, load_days
from sophia_metrics.warehouse.snowflake.moved_state import load_state
from sophia_metrics.warehouse.snowflake.publish import publish_version
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.snowflake.tables import is_prepared, prepare
from sophia_metrics.warehouse.snowflake.target import claim, folder_mark, refuse_other_contents, release
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.working import spill_folder, working_connection

__all__ = ["SnowflakeMover"]

_translated = handle_service_errors(
    "moving to Snowflake",
    unavailable=(OSError, duckdb.IOException, duckdb.TransactionException, duckdb.FatalException),
    advice="the disk is full or fails, or a file of the state folder is gone; look at the folder and run again",
)


class SnowflakeMover:
    """Moves a state folder to a schema of Snowflake; a DuckDBWarehouse has prepared the folder."""

    def __init__(
        self,
        session: SnowflakeSession,
        folder: Path,
        back_up: Callable[[datetime], object],
        *,
        memory_limit: str = "4GiB",
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            session: a session on the schema.
            folder: the state folder.
            back_up: makes a backup of the state; `now` is naive UTC.
            memory_limit: what DuckDB may use.
            lock_wait_seconds: so long it waits for another process that has the state file.
        """
        self._session = session
        self._origin = session.settings.place
        self._folder = folder
        self._back_up = back_up
        self._store = DayFileStore(folder)
        self._memory_limit = memory_limit
        self._state = StateFile(folder, lock_wait_seconds=lock_wait_seconds)

    @_translated
    def look(self) -> Moved:
        """Say what there is to move, change nothing, and end the session.

        Raises:
            ConfigurationError, ProcessingError, ServiceUnavailableError: as `move` does.
        """
        with self._state.transaction() as locked:
            if self._is_done(locked):
                return Moved(self._origin, is_done_before=True)
            refuse_unfit(locked)
            mark = folder_mark(locked)
        with self._session:
            if is_prepared(self._session):
                refuse_other_contents(self._session, mark)
        with working_connection(self._folder, self._memory_limit) as connection:
            snapshot = self._snapshot(spill_folder(connection), {})
            sums = {
                (name, day): each
                for name, table in TABLES.items()
                for day, each in sums_here(connection, self._store, table, snapshot.compared(name).values()).items()
            }
        return Moved(self._origin, moved_tables(snapshot, sums))

    @_translated
    def move(self, now: datetime) -> Moved:
        """Load, compare, let the folder be the mirror of the schema, and end the session; `now` is naive UTC.

        Other runs go on meanwhile; only what they have changed is brought there under the lock of the state, and
        compared. Nothing here is changed before everything is found equal.

        Raises:
            ConfigurationError: the schema or the folder holds something else than it must.
            ProcessingError: something is not the same there, or is not fit to be moved.
            ServiceUnavailableError: Snowflake, the disk, or the state file cannot be used now.
        """
        with one_at_a_time(self._folder / "mirror.lock"), self._session:
            with self._state.transaction() as locked:
                is_done, mark = self._is_done(locked), folder_mark(locked)
                if not is_done:
                    refuse_unfit(locked)
            prepare(self._session, now)
            if is_done:
                moved = Moved(self._origin, is_done_before=True)
            else:
                claim(self._session, mark)
                moved = self._move(now)
            self._back_up(now)  # a state that is made again from an older one would be no mirror
            release(self._session, mark)  # after a move that was killed just before it, too
        return moved

    def _move(self, now: datetime) -> Moved:
        comparison = Comparison(self._session, self._store)
        with working_connection(self._folder, self._memory_limit) as connection:
            scratch = spill_folder(connection)
            loaded = self._bring(connection, self._snapshot(scratch, {}), comparison, now)
            with self._state.transaction() as locked:
                snapshot = take_snapshot(locked, scratch, comparison.state)
                loaded += self._bring(connection, snapshot, comparison, now)
                note_forwarded(locked, operations_parts(locked, now), self._origin, now)
                locked.execute("DELETE FROM key_runs")
                forget_audits(locked)
        return Moved(self._origin, moved_tables(snapshot, comparison.sums), loaded)

    def _is_done(self, locked: StateConnection) -> bool:
        row = fetch_row(locked, "SELECT origin FROM mirrors")
        if row is not None and row[0] != self._origin:
            raise ConfigurationError(
                f"the state folder mirrors {row[0]}, where its usage is: name that schema in [snowflake]"
            )
        return row is not None

    def _snapshot(self, scratch: Path, known: Mapping[str, str]) -> Snapshot:
        with self._state.transaction() as locked:
            return take_snapshot(locked, scratch, known)

    def _bring(
        self, connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, comparison: Comparison, now: datetime
    ) -> int:
        """Let Snowflake be what a snapshot says, compare, and publish there; return how many days were loaded."""
        there = listed_there(self._session)
        kept = {day for day, piece in there.items() if day[0] in MOVED_CORE or is_moved(piece)}
        drop_days(self._session, kept - snapshot.days.keys())
        fresh = [each for day, each in snapshot.days.items() if day not in there or there[day].path != each.piece.path]
        load_days(self._session, connection, self._store, fresh, now)
        load_state(self._session, snapshot.state, now)
        build_marts(SnowflakeState(self._session), self._session, now)
        comparison.compare(connection, snapshot)
        publish_version(SnowflakeState(self._session), self._session, now)
        return len(fresh)
