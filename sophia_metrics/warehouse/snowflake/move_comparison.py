"""What lies in a state folder at one moment, compared with what lies in Snowflake: each day and table once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from sophia_metrics.errors import ProcessingError
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.manifest import Piece, TableDay, files_of
from sophia_metrics.warehouse.snowflake.day_sums import DaySums, difference, read_sums, select_sums
from sophia_metrics.warehouse.snowflake.moved import MOVED_CORE, MovedDay, days_built_here, days_to_move
from sophia_metrics.warehouse.snowflake.moved_days import drop_days
from sophia_metrics.warehouse.snowflake.moved_state import StateRows, export_state, state_differences
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.tables import built_name
from sophia_metrics.warehouse.staleness import DAY_MARTS, stale_days

__all__ = ["TABLES", "Comparison", "Snapshot", "listed_there", "sums_here", "take_snapshot"]

TABLES: Mapping[str, Table] = {**MOVED_CORE, **{mart.name: mart.table for mart in DAY_MARTS}}
"""Tables by day, by name."""
NAMED_DIFFERENCES = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
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


def take_snapshot(locked: duckdb.DuckDBPyConnection, scratch: Path, known: Mapping[str, str]) -> Snapshot:
    """Look at everything at once; rows of state are written to files, but for those whose fingerprint is known."""
    stale = stale_days(locked)
    return Snapshot(
        days_to_move(locked),
        days_built_here(locked, stale),
        frozenset((name, day) for name, days in stale.items() for day in days),
        export_state(locked, scratch, known),
    )


def listed_there(session: SnowflakeSession) -> dict[TableDay, Piece]:
    """Return what Snowflake lists."""
    return {piece.table_day: piece for piece in files_of(session, TABLES)}


def sums_here(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, table: Table, days: Iterable[MovedDay]
) -> dict[date, DaySums]:
    """Return the sums of some days as they lie in day files."""
    pieces = [piece for day in days for piece in day.pieces]
    if not pieces:
        return {}
    rows = connection.execute(select_sums(table, f"({store.relation(table, pieces)})")).fetchall()
    return read_sums(table, rows)


@dataclass(slots=True)
class Comparison:
    """What has been found equal so far.

    Attributes:
        session: a session on the schema.
        store: the day files.
        days: by day, which one it was here and there.
        sums: by day, what it adds up to.
        state: by table, the fingerprint of its rows here.
    """

    session: SnowflakeSession
    store: DayFileStore
    days: dict[TableDay, tuple[str, str]] = field(default_factory=dict[TableDay, tuple[str, str]])
    sums: dict[TableDay, DaySums] = field(default_factory=dict[TableDay, DaySums])
    state: dict[str, str] = field(default_factory=dict[str, str])

    def compare(self, connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
        """Compare what was not found equal yet.

        Raises:
            ProcessingError: something is not the same; the days that differ are taken away there, so that the next
                move loads or builds them again.
        """
        there, differing = listed_there(self.session), dict[TableDay, str]()
        for name in TABLES:
            differing |= self._compare_days(connection, name, snapshot, there)
        found = [f"{name} of {day}: {words}" for (name, day), words in sorted(differing.items())]
        found += state_differences(self.session, connection, snapshot.state)
        if found:
            drop_days(self.session, differing)
            more = f"; and {len(found) - NAMED_DIFFERENCES} more" if len(found) > NAMED_DIFFERENCES else ""
            raise ProcessingError(
                f"Snowflake does not hold what is here, so the state folder stays as it is: "
                f"{'; '.join(found[:NAMED_DIFFERENCES])}{more}. Run it again: it loads these once more"
            )
        self.state |= {each.table.name: each.fingerprint for each in snapshot.state}

    def _compare_days(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        snapshot: Snapshot,
        there: Mapping[TableDay, Piece],
    ) -> dict[TableDay, str]:
        """Compare the days of a table; return what differs, in words."""
        table, days = TABLES[name], snapshot.compared(name)
        listed = {day: there[name, day].path if (name, day) in there else "" for day in days}
        wanted = {day for day in days if self.days.get((name, day)) != (days[day].fingerprint, listed[day])}
        is_known = any(table_name == name for table_name, _ in self.days)
        if is_known and not wanted:
            return {}
        span = (min(wanted), max(wanted)) if is_known else None
        here_sums = sums_here(connection, self.store, table, (days[day] for day in wanted))
        there_sums = read_sums(table, self.session.run(select_sums(table, built_name(table), span)).fetchall())
        strays = {day for day in there_sums if day not in days and (name, day) not in snapshot.stale}
        differing: dict[TableDay, str] = {}
        for day in sorted(wanted | strays):
            words = difference(here_sums.get(day), there_sums.get(day))
            if words is None and not listed[day]:
                words = "it is not listed there"
            if words is not None:
                differing[name, day] = words
                continue
            self.days[name, day] = days[day].fingerprint, listed[day]
            self.sums[name, day] = here_sums[day]
        return differing
