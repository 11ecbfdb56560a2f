"""A stand-in for Snowflake that holds what a pipeline on DuckDB has made, and a mirror of it in a folder of its own."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from sophia_metrics.frames import fetch_frame
from sophia_metrics.marts import mart
from sophia_metrics.schema.column import Table
from sophia_metrics.serving import Serving
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
from sophia_metrics.warehouse.forwarding import Forwarded
from sophia_metrics.warehouse.manifest import files_of
from sophia_metrics.warehouse.protocol import Publication, Query
from sophia_metrics.warehouse.snowflake.copied import COPIED_DAYS, COPIED_MARTS, COPIED_STATE, copied_from
from sophia_metrics.warehouse.snowflake.mirror import Mirror, Synced
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.staleness import day_inputs
from tests.lab import NOW, Lab
from tests.snowflake_lab import SnowflakeLab

ORIGIN = "fakesnow/DB/SC"


@dataclass(frozen=True)
class MirrorLab:
    """Usage is collected by DuckDB in `source`, brought to Snowflake (`lab`), and mirrored in `home`."""

    source: Lab
    lab: SnowflakeLab
    session: SnowflakeSession
    home: Path
    now: datetime = NOW

    @property
    def warehouse(self) -> DuckDBWarehouse:
        """The mirror as those see it who read and write it locally."""
        warehouse = DuckDBWarehouse(self.home, memory_limit="1GiB")
        warehouse.prepare(self.now)
        return warehouse

    @property
    def mirror(self) -> Mirror:
        _ = self.warehouse
        return Mirror(self.home, ORIGIN, memory_limit="1GiB")

    @property
    def upkeep(self) -> DuckDBUpkeep:
        return DuckDBUpkeep(self.home, memory_limit="1GiB")

    def upload(self) -> None:
        """Bring everything that the pipeline has made to Snowflake; a day that changed gets another path."""
        self.source.warehouse.build()
        store = DayFileStore(self.source.home)
        with StateFile(self.source.home).transaction() as locked:
            listed = files_of(locked, COPIED_DAYS)
            for table in COPIED_DAYS.values():
                rows = store.relation(table, [piece for piece in listed if piece.table_name == table.name])
                self._fill(table, copied_from(table), fetch_frame(locked, rows))
            for table in COPIED_STATE:
                names = ", ".join(table.names)
                self._fill(table, table.name, fetch_frame(locked, f"SELECT {names} FROM {table.name}"))
        self.session.execute("DELETE FROM manifest WHERE NOT starts_with(attempt_id, 'forwarded-')")
        days: dict[tuple[str, Any], list[Any]] = {}
        for piece in listed:
            days.setdefault(piece.table_day, []).append(piece)
        rows = [
            {
                "table_name": name,
                "day_on": day,
                "path": f"{name}/{day}/{hashlib.sha256(' '.join(each.path for each in some).encode()).hexdigest()}",
                "row_count": sum(each.row_count for each in some),
                "size_bytes": 0,
                "attempt_id": "upload",
            }
            for (name, day), some in days.items()
        ]
        if rows:
            self.session.register("listed", pl.DataFrame(rows))
            names = ", ".join(rows[0])
            self.session.execute(f"INSERT INTO manifest ({names}) SELECT {names} FROM listed")
            self.session.unregister("listed")
        self.note_builds()

    def note_builds(self) -> None:
        """Note on Snowflake that every mart is built of what is listed."""
        self.session.execute("DELETE FROM mart_builds")
        for table in COPIED_MARTS:
            each = mart(table.name)
            self.session.execute(
                "INSERT INTO mart_builds (mart, day_on, inputs_sha256) "
                "SELECT $1, day_on, sha256($2 || string_agg(chr(10) || path, '' ORDER BY path)) "
                "FROM manifest WHERE list_contains($3, table_name) GROUP BY day_on",
                [each.name, each.sql_sha256, day_inputs(each)],
            )

    def _fill(self, table: Table, name: str, rows: pl.DataFrame) -> None:
        self.session.execute(f"DELETE FROM {name}")
        self.session.register("made", rows)
        names = ", ".join(table.names)
        self.session.execute(f"INSERT INTO {name} ({names}) SELECT {names} FROM made")
        self.session.unregister("made")

    def sync(self) -> Synced:
        return self.mirror.sync(self.session, self.now)

    def forward(self) -> Forwarded:
        return self.mirror.forward(self.session, self.now)

    def publish(self) -> Publication:
        """Build what is built here, and publish the mirror."""
        self.warehouse.build()
        return self.warehouse.publish(self.now)

    def here(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the version that is published here."""
        return Serving(self.home).query(sql).rows()

    def there(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query on Snowflake."""
        return self.session.fetch_frame(sql).rows()

    def committed(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over what is committed in the mirror."""
        return self.warehouse.read(Query(sql)).rows()


def ordered(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)
