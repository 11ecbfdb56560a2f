"""The rows of core as tables: what is there is fetched, what changes is loaded beside it and merged in one transaction.

A day of a table is one piece of the manifest. Its path names the change that made it what it is; so whoever has read a
day sees at the switch whether it is still the same.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_frame
from sophia_metrics.quoting import literal
from sophia_metrics.schema import core
from sophia_metrics.schema.column import Column, Kind, Table
from sophia_metrics.schema.ddl import empty_relation, select_typed
from sophia_metrics.warehouse.facts import EVERYTHING, REPLACED_BY, Wanted
from sophia_metrics.warehouse.manifest import Piece, Switch
from sophia_metrics.warehouse.snowflake.loading import drop_stage_tables, load
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name
from sophia_metrics.warehouse.snowflake.staged import Staged, count_days, merge_staged, remove_days
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.working import spill_folder

__all__ = ["FILE_BYTES", "SnowflakeFacts"]

FEW_IDS = 2_000
"""Up to so many ids travel with the statement that asks for their rows; more of them are loaded first."""

FILE_BYTES = 128 * 1024 * 1024
"""About as large as Snowflake likes the files that it loads."""


@dataclass(slots=True)
class SnowflakeFacts:
    """Facts in the tables of a schema. It serves one commit: `release` drops what that staged."""

    session: SnowflakeSession
    now: datetime
    staged: defaultdict[str, list[Staged]] = field(default_factory=lambda: defaultdict(list))
    made: list[str] = field(default_factory=list[str])

    def select(
        self, connection: duckdb.DuckDBPyConnection, table: Table, found: Sequence[Piece], wanted: Wanted = EVERYTHING
    ) -> str:
        """Fetch the rows that matter into the working connection, and return a SELECT over them.

        A quarantined row may stand on any day: its id alone tells whether it is there.
        """
        name = f"fetched_{table.name}"
        days = sorted({piece.day_on for piece in found})
        is_anywhere = table is core.QUARANTINE and table.name in wanted.ids
        if not days and not is_anywhere:
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS {empty_relation(table)}")
            return f"SELECT * FROM {name}"
        rows = self._fetch(connection, table, None if is_anywhere else days, wanted, ", ".join(table.names))
        connection.register("fetched_rows", rows)
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS {select_typed(table, 'fetched_rows')}")
        connection.unregister("fetched_rows")
        return f"SELECT * FROM {name}"

    def days(self, connection: duckdb.DuckDBPyConnection, found: Sequence[Piece], wanted: Wanted) -> list[date]:
        """Return the days on which an event fulfils the predicate: they are found there, and no row is fetched."""
        days = sorted({piece.day_on for piece in found})
        if not days:
            return []
        return self._fetch(connection, core.USAGE_EVENTS, days, wanted, "DISTINCT usage_on")["usage_on"].to_list()

    def write_changes(
        self,
        connection: duckdb.DuckDBPyConnection,
        found: Sequence[Piece],
        version: str,
        *,
        priced: str = "priced_events",
    ) -> Switch:
        """Stage priced events and `priced_units`; rows of `replaced` go where their event stands on another day now."""
        events = self._stage(connection, core.USAGE_EVENTS, priced, version, replaced="replaced", found=found)
        return events + self._stage(
            connection, core.USAGE_UNITS, "priced_units", version, replaced="replaced", found=found
        )

    def write_rows(
        self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, found: Sequence[Piece], version: str
    ) -> Switch:
        """Stage the rows of a relation, to be merged by the table's key."""
        replaced = None if table is core.QUARANTINE else "replaced"
        return self._stage(connection, table, rows, version, replaced=replaced, found=found)

    def write_days(
        self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, found: Sequence[Piece], version: str
    ) -> Switch:
        """Stage the rows of a relation, to stand in the place of all rows of the days found."""
        return self._stage(connection, table, rows, version, found=found, is_whole=True)

    def enact(self, locked: StateConnection, switch: Switch, *, is_mending: bool = False) -> Switch:
        """Merge what was staged, empty the days that only leave the list, and count the rows of those that stay."""
        del is_mending
        versions = {piece.attempt_id for piece in switch.added}
        for version in sorted(versions):
            for staged in self.staged[version]:
                merge_staged(locked, staged)
        kept = {piece.table_day for piece in switch.added}
        gone = defaultdict[str, set[date]](set)
        for piece in switch.removed:
            if piece.table_day not in kept:
                gone[piece.table_name].add(piece.day_on)
        for name, days in gone.items():
            remove_days(locked, name, sorted(days))
        return Switch(_counted(locked, switch.added), switch.removed)

    def release(self) -> None:
        """Drop the stage tables; call it outside of a transaction."""
        drop_stage_tables(self.session, self.made)
        self.made.clear()
        self.staged.clear()

    def _fetch(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        days: Sequence[date] | None,
        wanted: Wanted,
        selected: str,
    ) -> pl.DataFrame:
        conditions: list[str] = []
        parameters: dict[str, object] = {}
        if days is not None:
            conditions.append(f"{table.day} >= $first_on AND {table.day} <= $last_on")
            parameters |= {"first_on": days[0], "last_on": days[-1]}
        if table.name in wanted.ids:
            relation, column = wanted.ids[table.name]
            ids = fetch_frame(
                connection, f"SELECT DISTINCT {column} FROM {relation} WHERE {column} IS NOT NULL ORDER BY {column}"
            )
            conditions.append(f"{column} IN (SELECT {column} FROM {self._given(column, ids)})")
        if wanted.where is not None:
            for name in wanted.reads:
                self.session.register(name, fetch_frame(connection, f"SELECT * FROM {name}"))
            matching = f"SELECT event_id FROM {core.USAGE_EVENTS.name} WHERE {wanted.where}"
            conditions.append(wanted.where if table is core.USAGE_EVENTS else f"event_id IN ({matching})")
        try:
            return self.session.fetch_frame(
                f"SELECT {selected} FROM {table.name} WHERE {' AND '.join(conditions) or 'true'}",
                parameters,
            )
        finally:
            for name in ("given_ids", *wanted.reads):
                self.session.unregister(name)

    def _given(self, column: str, ids: pl.DataFrame) -> str:
        """Let a statement read ids by a name, and return it."""
        if ids.height <= FEW_IDS:
            self.session.register("given_ids", ids)
            return "given_ids"
        name = self._new_table("given", column)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "ids.parquet"
            ids.write_parquet(file)
            load(self.session, name, (Column(column, Kind.TEXT, "Its id.", is_required=True),), [file])
        return name

    def _stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        rows: str,
        version: str,
        *,
        found: Sequence[Piece],
        replaced: str | None = None,
        is_whole: bool = False,
    ) -> Switch:
        """Load rows into a stage table, and the keys of those that they replace; return the days that change."""
        own = [piece for piece in found if piece.table_name == table.name]
        fresh_days = _days_of(connection, table, "events" if rows == "priced_events" else rows)
        going = REPLACED_BY.get(table, table.key) if replaced else ()
        replaced_days = _days_of(connection, table, replaced) if replaced else frozenset[date]()
        touched = fresh_days | replaced_days | ({piece.day_on for piece in own} if is_whole else frozenset[date]())
        if not touched:
            return Switch()
        staged = Staged(
            table=table,
            rows=self._load(connection, version, table.name, table.columns, rows, table.names) if fresh_days else None,
            replaced=self._load_keys(connection, version, table, str(replaced), going) if replaced_days else None,
            replaced_by=tuple(dict.fromkeys([*going, str(table.day)])),
            emptied=tuple(sorted(touched)) if is_whole else (),
        )
        self.staged[version].append(staged)
        removed = tuple(piece for piece in own if piece.day_on in touched)
        added = tuple(
            Piece(table.name, day, f"{table.name}/{table.day}={day.isoformat()}/{version}", 0, 0, version)
            for day in sorted(touched)
        )
        return Switch(added, removed)

    def _load_keys(
        self, connection: duckdb.DuckDBPyConnection, version: str, table: Table, relation: str, key: Collection[str]
    ) -> str:
        names = tuple(dict.fromkeys([*key, str(table.day)]))
        columns = [column for column in table.columns if column.name in names]
        selected = f"(SELECT DISTINCT {', '.join(names)} FROM {relation})"
        return self._load(connection, version, f"{table.name}_replaced", columns, selected, names)

    def _load(
        self,
        connection: duckdb.DuckDBPyConnection,
        version: str,
        noun: str,
        columns: Sequence[Column],
        relation: str,
        names: Sequence[str],
    ) -> str:
        """Write a relation as Parquet files, load them into a stage table, and return its name."""
        stage = self._new_table(version, noun)
        with TemporaryDirectory(dir=spill_folder(connection)) as folder:
            target = Path(folder) / "rows"
            connection.execute(
                f"COPY (SELECT {', '.join(names)} FROM {relation}) TO {literal(str(target))} "
                f"(FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES {FILE_BYTES})"
            )
            load(self.session, stage, columns, sorted(target.glob("*.parquet")))
        return stage

    def _new_table(self, version: str, noun: str) -> str:
        name = stage_table_name(version, noun, self.now)
        self.made.append(name)
        return name


def _days_of(connection: duckdb.DuckDBPyConnection, table: Table, relation: str) -> frozenset[date]:
    rows = connection.execute(f"SELECT DISTINCT {table.day} FROM {relation}").fetchall()
    return frozenset(day for (day,) in rows)


def _counted(locked: StateConnection, added: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the pieces with the number of rows that their days have now; a day without rows has no piece."""
    days: defaultdict[str, list[date]] = defaultdict(list)
    for piece in added:
        days[piece.table_name].append(piece.day_on)
    counts: Mapping[tuple[str, date], int] = {
        (name, day): count for name, some in days.items() for day, count in count_days(locked, name, some).items()
    }
    return tuple(
        Piece(piece.table_name, piece.day_on, piece.path, counts[piece.table_day], 0, piece.attempt_id)
        for piece in dict.fromkeys(added)
        if counts.get(piece.table_day)
    )
