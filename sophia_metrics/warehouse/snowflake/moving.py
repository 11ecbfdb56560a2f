"""Moving from DuckDB to Snowflake: everything is loaded, compared, and only then the folder becomes the mirror.

It can be killed at any point and begun again: days that are there as they are here are not loaded a second time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from sophia_metrics.errors import ConfigurationError, ProcessingError, handle_service_errors
from sophia_metrics.schema.column import Table
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.lock import LOCK_WAIT_SECONDS
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import Piece, TableDay, files_of, forget_audits
from sophia_metrics.warehouse.snowflake.build import build_marts
from sophia_metrics.warehouse.snowflake.day_sums import DaySums, difference, read_sums, select_sums
from sophia_metrics.warehouse.snowflake.forwarding import note_forwarded, operations_parts
from sophia_metrics.warehouse.snowflake.moved import (
    MOVED_CORE,
    MovedDay,
    days_built_here,
    days_to_move,
    is_moved,
)
from sophia_metrics.warehouse.snowflake.moved_days import drop_days, load_days
from sophia_metrics.warehouse.snowflake.moved_state import StateRows, export_state, load_state, state_differences
from sophia_metrics.warehouse.snowflake.publish import publish_version
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.snowflake.tables import built_name, is_prepared, prepare
from sophia_metrics.warehouse.snowflake.target import claim, folder_mark, refuse_other_contents, release
from sophia_metrics.warehouse.staleness import DAY_MARTS, stale_days
from sophia_metrics.warehouse.state_connection import StateConnection, fetch_first
from sophia_metrics.working import spill_folder, working_connection

__all__ = ["Moved", "MovedTable", "Mover"]

TABLES: Mapping[str, Table] = {**MOVED_CORE, **{mart.name: mart.table for mart in DAY_MARTS}}
COST = "cost_usd"
NAMED_DIFFERENCES = 5

_translated = handle_service_errors(
    "moving to Snowflake",
    unavailable=(OSError, duckdb.IOException, duckdb.TransactionException, duckdb.FatalException),
    advice="the disk is full or fails, or a file of the state folder is gone; look at the folder and run again",
)


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table that was moved and compared.

    Attributes:
        name: its name.
        day_count: its UTC days. None: it has none.
        row_count: its rows.
        cost_usd: what they cost in sum. None: no cost is known, or the table knows none.
    """

    name: str
    day_count: int | None
    row_count: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did.

    Attributes:
        origin: account, database and schema.
        tables: what was compared; in a dry run, what there is to move. Tables without rows are left out.
        loaded_count: days of tables that were loaded; others were there already.
        is_done_before: the folder was the mirror of the schema already, and nothing was done.
    """

    origin: str
    tables: tuple[MovedTable, ...] = ()
    loaded_count: int = 0
    is_done_before: bool = False


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What lies here at one moment.

    Attributes:
        days: days that are loaded.
        built: days of marts that are built of what is here.
        stale: days of marts that are not.
        state: the state tables.
    """

    days: Mapping[TableDay, MovedDay]
    built: Mapping[TableDay, MovedDay]
    stale: frozenset[TableDay]
    state: tuple[StateRows, ...]

    def compared(self, name: str) -> dict[date, MovedDay]:
        """Return the days of a table that are to be the same there."""
        both = {**self.built, **self.days}
        return {day: found for (table_name, day), found in both.items() if table_name == name}


@dataclass(slots=True)
class _Done:
    """What has been found equal so far.

    Attributes:
        days: by day, which one it was here and there.
        sums: what it adds up to.
        state: by table, the fingerprint of its rows here.
        loaded_count: days that were loaded.
    """

    days: dict[TableDay, tuple[str, str]] = field(default_factory=dict[TableDay, tuple[str, str]])
    sums: dict[TableDay, DaySums] = field(default_factory=dict[TableDay, DaySums])
    state: dict[str, str] = field(default_factory=dict[str, str])
    loaded_count: int = 0


class Mover:
    """Moves a state folder to a schema of Snowflake; a DuckDBWarehouse has prepared the folder."""

    def __init__(
        self,
        session: SnowflakeSession,
        folder: Path,
        *,
        memory_limit: str = "4GiB",
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            session: a session on the schema.
            folder: the state folder.
            memory_limit: what DuckDB may use.
            lock_wait_seconds: so long it waits for another process that has the state file.
        """
        self._session = session
        self._origin = session.settings.place
        self._folder = folder
        self._store = DayFileStore(folder)
        self._memory_limit = memory_limit
        self._state = StateFile(folder, lock_wait_seconds=lock_wait_seconds)

    @_translated
    def look(self) -> Moved:
        """Say what there is to move, and change nothing.

        Raises:
            ConfigurationError, ProcessingError, ServiceUnavailableError: as `move` does.
        """
        with self._state.transaction() as locked:
            if self._is_done(locked):
                return Moved(self._origin, is_done_before=True)
            _refuse_unfit(locked)
            mark = folder_mark(locked)
        if is_prepared(self._session):
            refuse_other_contents(self._session, mark)
        with working_connection(self._folder, self._memory_limit) as connection:
            snapshot, done = self._snapshot(spill_folder(connection), {}), _Done()
            for name in TABLES:
                sums = self._sums_here(connection, TABLES[name], snapshot.compared(name).values())
                done.sums |= {(name, day): each for day, each in sums.items()}
        return Moved(self._origin, _report(snapshot, done))

    @_translated
    def move(self, now: datetime) -> Moved:
        """Load, compare, and let the folder be the mirror of the schema; `now` is naive UTC.

        Other runs go on meanwhile; only what they have changed is brought there under the lock of the state, and
        compared. Nothing here is changed before everything is found equal.

        Raises:
            ConfigurationError: the schema or the folder holds something else than it must.
            ProcessingError: something is not the same there, or is not fit to be moved.
            ServiceUnavailableError: Snowflake, the disk, or the state file cannot be used now.
        """
        with one_at_a_time(self._folder / "mirror.lock"):
            with self._state.transaction() as locked:
                is_done, mark = self._is_done(locked), folder_mark(locked)
                if not is_done:
                    _refuse_unfit(locked)
            prepare(self._session, now)
            if is_done:
                release(self._session, mark)
                return Moved(self._origin, is_done_before=True)
            claim(self._session, mark)
            moved = self._move(now)
            release(self._session, mark)
        return moved

    def _move(self, now: datetime) -> Moved:
        done = _Done()
        with working_connection(self._folder, self._memory_limit) as connection:
            scratch = spill_folder(connection)
            self._bring(connection, self._snapshot(scratch, done.state), done, now)
            with self._state.transaction() as locked:
                snapshot = _take(locked, scratch, done.state)
                self._bring(connection, snapshot, done, now)
                note_forwarded(locked, operations_parts(locked, now), self._origin, now)
                locked.execute("DELETE FROM key_runs")
                forget_audits(locked)
        return Moved(self._origin, _report(snapshot, done), done.loaded_count)

    def _is_done(self, locked: StateConnection) -> bool:
        row = fetch_first(locked, "SELECT origin FROM mirrors")
        if row is not None and row[0] != self._origin:
            raise ConfigurationError(f"the state folder mirrors {row[0]}: what is there is moved by its own means")
        return row is not None

    def _snapshot(self, scratch: Path, known: Mapping[str, str]) -> _Snapshot:
        with self._state.transaction() as locked:
            return _take(locked, scratch, known)

    def _bring(self, connection: duckdb.DuckDBPyConnection, snapshot: _Snapshot, done: _Done, now: datetime) -> None:
        """Let Snowflake be what a snapshot says, compare, and publish there."""
        there = self._listed()
        kept = {day: piece for day, piece in there.items() if day[0] in MOVED_CORE or is_moved(piece)}
        drop_days(self._session, kept.keys() - snapshot.days.keys())
        fresh = [each for day, each in snapshot.days.items() if day not in there or there[day].path != each.piece.path]
        load_days(self._session, connection, self._store, fresh, now)
        done.loaded_count += len(fresh)
        load_state(self._session, snapshot.state, now)
        build_marts(SnowflakeState(self._session), self._session, now)
        self._compare(connection, snapshot, done)
        publish_version(SnowflakeState(self._session), self._session, now)

    def _compare(self, connection: duckdb.DuckDBPyConnection, snapshot: _Snapshot, done: _Done) -> None:
        """Compare what was not compared yet.

        Raises:
            ProcessingError: something is not the same; the days that differ are loaded again by the next move.
        """
        there, differing = self._listed(), dict[TableDay, str]()
        for name in TABLES:
            differing |= self._compare_days(connection, name, snapshot, there, done)
        found = [f"{name} of {day}: {words}" for (name, day), words in sorted(differing.items())]
        found += state_differences(self._session, connection, snapshot.state)
        if found:
            drop_days(self._session, differing)
            more = f"; and {len(found) - NAMED_DIFFERENCES} more" if len(found) > NAMED_DIFFERENCES else ""
            raise ProcessingError(
                f"Snowflake does not hold what is here, so the state folder stays as it is: "
                f"{'; '.join(found[:NAMED_DIFFERENCES])}{more}. Run it again: it loads these once more"
            )
        done.state |= {each.table.name: each.fingerprint for each in snapshot.state}

    def _compare_days(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        snapshot: _Snapshot,
        there: Mapping[TableDay, Piece],
        done: _Done,
    ) -> dict[TableDay, str]:
        """Compare the days of a table; return what differs, in words."""
        table, days = TABLES[name], snapshot.compared(name)
        known = {day for table_name, day in done.days if table_name == name}
        listed = {day: there[name, day].path if (name, day) in there else "" for day in days}
        wanted = {day for day in days if done.days.get((name, day)) != (days[day].fingerprint, listed[day])}
        here_sums = self._sums_here(connection, table, (days[day] for day in wanted))
        span = (min(wanted), max(wanted)) if known and wanted else None
        if known and not wanted:
            return {}
        there_sums = read_sums(table, self._session.run(select_sums(table, built_name(table), span)).fetchall())
        strays = {day for day in there_sums if day not in days and (name, day) not in snapshot.stale}
        differing: dict[TableDay, str] = {}
        for day in sorted(wanted | strays):
            words = difference(here_sums.get(day), there_sums.get(day))
            if words is None and not listed[day]:
                words = "it is not listed there"
            if words is not None:
                differing[name, day] = words
                continue
            done.days[name, day] = days[day].fingerprint, listed[day]
            done.sums[name, day] = here_sums[day]
        return differing

    def _sums_here(
        self, connection: duckdb.DuckDBPyConnection, table: Table, days: Iterable[MovedDay]
    ) -> dict[date, DaySums]:
        pieces = [piece for day in days for piece in day.pieces]
        if not pieces:
            return {}
        rows = connection.execute(select_sums(table, f"({self._store.relation(table, pieces)})")).fetchall()
        return read_sums(table, rows)

    def _listed(self) -> dict[TableDay, Piece]:
        return {piece.table_day: piece for piece in files_of(self._session, TABLES)}


def _take(locked: duckdb.DuckDBPyConnection, scratch: Path, known: Mapping[str, str]) -> _Snapshot:
    stale = stale_days(locked)
    return _Snapshot(
        days_to_move(locked),
        days_built_here(locked, stale),
        frozenset((name, day) for name, days in stale.items() for day in days),
        export_state(locked, scratch, known),
    )


def _refuse_unfit(locked: StateConnection) -> None:
    """Refuse a folder with nothing to move, with sample data, or that is not whole.

    Raises:
        ConfigurationError: it has no usage, or only made-up usage.
        ProcessingError: days are damaged, or marts not built.
    """
    sources = {str(source) for (source,) in locked.execute("SELECT source FROM core_watermarks").fetchall()}
    if SAMPLE_SOURCE in sources:
        raise ConfigurationError(
            "the state folder holds the made-up usage of `run --sample`, which is not moved: collect real usage first, "
            'or set warehouse = "snowflake" and SOPHIA_HOME to a folder of its own'
        )
    if not sources and not files_of(locked, MOVED_CORE):
        raise ConfigurationError(
            'the state folder holds no usage: there is nothing to move, set warehouse = "snowflake" and run'
        )
    damaged = fetch_first(locked, "SELECT table_name, day_on FROM damaged_days WHERE lost_count IS NULL LIMIT 1")
    if damaged is not None:
        raise ProcessingError(
            f"{damaged[0]} of {damaged[1]} is damaged and waits to be made again: `sophia-metrics run` does that, then "
            "move"
        )
    stale = {day for days in stale_days(locked).values() for day in days}
    if stale:
        raise ProcessingError(
            f"the marts of {len(stale):,} days are not built of what is committed (first: {min(stale)}), so that they "
            "cannot be compared: `sophia-metrics run` builds them, then move"
        )


def _report(snapshot: _Snapshot, done: _Done) -> tuple[MovedTable, ...]:
    moved: list[MovedTable] = []
    for name in TABLES:
        sums = [done.sums[name, day] for day in snapshot.compared(name) if (name, day) in done.sums]
        costs = [cost for each in sums if (cost := each.exact.get(COST)) is not None]
        if sums:
            rows = sum(each.row_count for each in sums)
            moved.append(MovedTable(name, len(sums), rows, sum(costs, Decimal(0)) if costs else None))
    state = (MovedTable(each.table.name, None, each.row_count, None) for each in snapshot.state if each.row_count)
    return (*moved, *state)
