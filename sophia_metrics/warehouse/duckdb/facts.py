"""The rows of core as day files."""

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.changes import write_changes, write_observations, write_quarantine
from sophia_metrics.warehouse.duckdb.damage import refuse_damage, refuse_wrong_days, waiting_day
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore, rows_by_day
from sophia_metrics.warehouse.facts import EVERYTHING, Wanted
from sophia_metrics.warehouse.manifest import Piece, Switch, TableDay
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["DayFileFacts", "date_unlisted", "refuse_swept"]


@dataclass(frozen=True, slots=True)
class DayFileFacts:
    """Facts in the day files of a state folder: written whole, and then listed."""

    store: DayFileStore

    def select(
        self, connection: duckdb.DuckDBPyConnection, table: Table, found: Sequence[Piece], wanted: Wanted = EVERYTHING
    ) -> str:
        """Return a SELECT over the files: which of their rows are read is for the reader to say."""
        del connection, wanted
        return self.store.relation(table, found)

    def days(self, connection: duckdb.DuckDBPyConnection, found: Sequence[Piece], wanted: Wanted) -> list[date]:
        """Return the days on which an event fulfils the predicate."""
        rows = connection.execute(
            f"SELECT DISTINCT usage_on FROM ({self.store.relation(core.USAGE_EVENTS, found)}) "
            f"WHERE {wanted.where or 'true'}"
        )
        return [day for (day,) in rows.fetchall()]

    def write_changes(
        self,
        connection: duckdb.DuckDBPyConnection,
        found: Sequence[Piece],
        version: str,
        *,
        priced: str = "priced_events",
    ) -> Switch:
        """Write new files, and those anew in which a row is replaced."""
        return write_changes(connection, self.store, found, version, priced=priced)

    def write_rows(
        self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, found: Sequence[Piece], version: str
    ) -> Switch:
        """Write new files, and those anew in which a row is replaced."""
        if table is core.QUARANTINE:
            return write_quarantine(connection, self.store, rows, found, version)
        return write_observations(connection, self.store, table, rows, found, version)

    def write_days(
        self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, found: Sequence[Piece], version: str
    ) -> Switch:
        """Write one file a day in the place of the files found."""
        refuse_damage(self.store.folder, found)
        counts = rows_by_day(connection, rows, str(table.day))
        return Switch(self.store.write(connection, table, rows, counts, version), tuple(found))

    def enact(self, locked: StateConnection, switch: Switch, *, is_mending: bool = False) -> Switch:
        """Check that the files are there, and date those that leave the list: there is nothing else to do.

        Raises:
            SuspectError: the manifest does not say what was noted of a day.
            ServiceUnavailableError: a file was swept away as garbage, or a day waits to be made again from landing.
        """
        refuse_swept(self.store.folder, switch.added)
        if not is_mending:
            _refuse_damaged_days(locked, {piece.table_day for piece in (*switch.added, *switch.removed)})
        date_unlisted(self.store.folder, (piece.path for piece in switch.removed))
        return switch


def refuse_swept(folder: Path, files: Iterable[Piece]) -> None:
    """Refuse to list files that are gone; call it under the lock, under which garbage is removed.

    Raises:
        ServiceUnavailableError: a file was written more than an hour ago, and swept away since.
    """
    if missing := next((file.path for file in files if not (folder / file.path).exists()), None):
        raise ServiceUnavailableError(
            f"{missing} was written for this commit and is gone: it took so long that the file was taken for garbage. "
            "Nothing was changed; run it again"
        )


def date_unlisted(folder: Path, paths: Iterable[str]) -> None:
    """Date files anew that leave the list: for an hour from then on somebody may still be reading them."""
    for path in paths:
        with suppress(FileNotFoundError):
            os.utime(folder / path)


def _refuse_damaged_days(locked: StateConnection, days: Collection[TableDay]) -> None:
    refuse_wrong_days(locked, days)
    waiting = waiting_day(locked, days)
    if waiting is not None:
        name, day = waiting
        raise ServiceUnavailableError(
            f"{name} of {day} is damaged, and the next collection makes it anew from landing first: "
            "nothing was changed, run it again"
        )
