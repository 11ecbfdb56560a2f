"""The mirror of a Snowflake warehouse: a DuckDB warehouse on this machine, from which everybody here reads.

What Snowflake holds of usage is copied into it, as far as it has changed. What is observed here every minute lives in
it, and is forwarded from time to time: in between Snowflake's warehouse may sleep.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics.errors import ServiceUnavailableError, handle_service_errors
from sophia_metrics.frames import fetch_row
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.warehouse.duckdb.damage import find_damage
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.lock import LOCK_WAIT_SECONDS
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.forwarding import Forwarded
from sophia_metrics.warehouse.manifest import TableDay
from sophia_metrics.warehouse.snowflake.bringing_back import bring_back
from sophia_metrics.warehouse.snowflake.copying import Copies, copy_days, copy_parts
from sophia_metrics.warehouse.snowflake.forwarding import forward_operations
from sophia_metrics.warehouse.snowflake.outline import Outline, read_outline
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.taking_over import (
    changed_parts,
    days_that_differ,
    note_origin,
    refuse_other_usage,
    take_over,
)

__all__ = ["Mirror", "MirrorForwarder", "Synced"]

TRIES = 3
"""What Snowflake holds may change while it is copied; the last try keeps others from changing it."""
EARLY = 0.1
"""Forwarding is due a tenth of its interval early: schedules do not tick to the second."""

_translated = handle_service_errors(
    "the mirror",
    unavailable=(OSError, duckdb.IOException, duckdb.TransactionException, duckdb.FatalException),
    advice="the disk is full or fails, or a file of the state folder is gone; look at the folder and run again",
)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync changed in the mirror.

    Attributes:
        days: the days of tables that were copied, or went.
        row_count: rows of the days that were copied.
        tables: state tables of which rows were copied, in order.
    """

    days: tuple[TableDay, ...] = ()
    row_count: int = 0
    tables: tuple[str, ...] = ()


class Mirror:
    """The state folder that mirrors a schema of Snowflake; a DuckDBWarehouse has prepared it."""

    def __init__(
        self,
        folder: Path,
        origin: str,
        *,
        memory_limit: str = "4GiB",
        forward_every: timedelta = timedelta(minutes=15),
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            folder: the state folder.
            origin: account, database and schema.
            memory_limit: what DuckDB may use.
            forward_every: how often operations are brought to Snowflake.
            lock_wait_seconds: so long it waits for another process that has the state file.
        """
        self._folder = folder
        self._origin = origin
        self._memory_limit = memory_limit
        self._forward_every = forward_every
        self._state = StateFile(folder, lock_wait_seconds=lock_wait_seconds)

    @_translated
    def sync(self, session: SnowflakeSession, now: datetime) -> Synced:
        """Copy what has changed in Snowflake, and switch to it at once; `now` is naive UTC.

        Readers here see what Snowflake held at one moment, before or after. What is damaged here is copied again.

        Raises:
            ConfigurationError: the folder holds usage of its own, or mirrors another schema.
            ServiceUnavailableError: Snowflake, the disk, or the state file cannot be used now.
        """
        copies = Copies()
        with one_at_a_time(self._folder / "mirror.lock"):
            self._mend(session, now)
            for _ in range(TRIES - 1):
                synced = self._try(session, copies, now)
                if synced is not None:
                    return synced
            with session.transaction():
                synced = self._try(session, copies, now)
        if synced is None:
            raise ServiceUnavailableError("days of the mirror changed while they were copied: run it again")
        return synced

    @_translated
    def forward(self, session: SnowflakeSession, now: datetime) -> Forwarded:
        """Bring to Snowflake what was observed and recorded here since the last time; `now` is naive UTC.

        Repeating it changes nothing.

        Raises:
            ConfigurationError: the folder mirrors another schema.
            ServiceUnavailableError: Snowflake, the disk, or the state file cannot be used now.
        """
        with one_at_a_time(self._folder / "mirror.lock"):
            self._mend(session, now)
            return forward_operations(self._state, session, self._origin, self._memory_limit, now)

    @_translated
    def refuse_other(self) -> None:
        """Refuse a folder that cannot become the mirror, before something is committed of which it knows nothing.

        Raises:
            ConfigurationError: it holds usage of its own, or mirrors another schema.
        """
        with self._state.transaction() as locked:
            refuse_other_usage(locked, self._origin)

    @_translated
    def is_due(self, now: datetime) -> bool:
        """Say whether it is time to forward; `now` is naive UTC."""
        with self._state.transaction() as locked:
            row = fetch_row(locked, "SELECT forwarded_at FROM mirrors")
        forwarded_at: datetime | None = row[0] if row is not None else None
        return forwarded_at is None or now - forwarded_at >= self._forward_every * (1 - EARLY)

    def _mend(self, session: SnowflakeSession, now: datetime) -> None:
        """Notice files that are gone, and bring back operations that are; usage is copied again by the next sync."""
        self.refuse_other()
        find_damage(self._state, now)
        bring_back(self._state, DayFileStore(self._folder), session, self._memory_limit, now)

    def _try(self, session: SnowflakeSession, copies: Copies, now: datetime) -> Synced | None:
        """Copy what lacks, and switch where nothing has changed meanwhile. None: something has."""
        outline = read_outline(session, now)
        with self._state.transaction() as locked:
            days, parts = days_that_differ(locked, outline), changed_parts(locked, outline)
        copy_parts(session, parts, copies)
        if days or parts:
            copy_days(session, self._folder, self._memory_limit, copies.lacks(days), copies)
            if read_outline(session, now) != outline:
                return None
        return self._switch(outline, copies, now)

    def _switch(self, outline: Outline, copies: Copies, now: datetime) -> Synced | None:
        with self._state.transaction() as locked:
            days, parts = days_that_differ(locked, outline), changed_parts(locked, outline)
            if copies.lacks(days) or parts != copies.parts:
                return None
            changed = take_over(locked, self._folder, outline, copies, now)
            note_origin(locked, self._origin, "synced_at", now)
        rows = sum(outline.days[day].row_count for day in changed if day in outline.days)
        return Synced(changed, rows, tuple(sorted({name for name, _ in parts})))


@dataclass(frozen=True, slots=True)
class MirrorForwarder:
    """Forwards what a mirror has; the session logs in when something is to be sent."""

    mirror: Mirror
    session: SnowflakeSession

    def is_due(self, now: datetime) -> bool:
        """Say whether it is time to forward; `now` is naive UTC."""
        return self.mirror.is_due(now)

    def forward(self, now: datetime) -> Forwarded:
        """Forward, and end the session; `now` is naive UTC."""
        try:
            return self.mirror.forward(self.session, now)
        finally:
            self.session.close()
