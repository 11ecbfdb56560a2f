"""Writing our calls to the platform's table AI_USAGE_ANALYTICS: each once, by SELECT, INSERT and UPDATE alone.

A day is written when it has changed here since; what was written is noted in the state folder. Rows that came from such
a table never go back, and ours are known there by how their REQUEST_ID begins.
"""

import hashlib
import json
import logging
from collections import defaultdict
from datetime import date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import cast

import polars as pl

from sophia_metrics.durable import place_file, sync_folder
from sophia_metrics.frames import fetch_frame
from sophia_metrics.schema.column import Column, Kind
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.usage.sinking import Sunk
from sophia_metrics.warehouse.protocol import Query, Warehouse
from sophia_metrics.warehouse.snowflake.loading import drop_stage_tables, load
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.settings import AnalyticsSinkSettings
from sophia_metrics.warehouse.snowflake.stage_names import stage_table_name
from sophia_metrics.working import spill_folder, working_connection

__all__ = ["NOTES_NAME", "AnalyticsSink"]

NOTES_NAME = "analytics_sink.json"
CALLS = (
    "SELECT event_id, started_at, source, provider, model, operation, user_hash, session_id, cost_usd, cost_basis, "
    "latency_ms, is_cache_hit, status, error_class, input_tokens, cache_read_tokens, cache_write_5m_tokens, "
    "cache_write_1h_tokens, output_tokens FROM core_usage_events "
    "WHERE record_kind = 'call' AND source_role = 'ledger' AND NOT list_contains($left_out, source)"
)
STAGED = (
    Column("request_id", Kind.TEXT, ""),
    Column("called_at", Kind.INSTANT, ""),
    Column("provider", Kind.TEXT, ""),
    Column("model", Kind.TEXT, ""),
    Column("task_type", Kind.TEXT, ""),
    Column("user_id", Kind.TEXT, ""),
    Column("session_id", Kind.TEXT, ""),
    Column("cost_usd", Kind.QUANTITY, ""),
    Column("latency_ms", Kind.COUNT, ""),
    Column("tokens_used", Kind.COUNT, ""),
    Column("cache_hit", Kind.BOOLEAN, ""),
    Column("error", Kind.TEXT, ""),
    Column("metadata", Kind.TEXT, ""),
)
THERE = {"called_at": "TIMESTAMP"}
"""Columns that have another name in the platform's table."""
MEMORY_LIMIT = "1GiB"
log = logging.getLogger(__name__)


class AnalyticsSink:
    """Writes calls to one table."""

    def __init__(
        self,
        session: SnowflakeSession,
        settings: AnalyticsSinkSettings,
        warehouse: Warehouse,
        folder: Path,
        left_out: frozenset[str],
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            session: writes.
            settings: which table, and for how many days.
            warehouse: where the calls are.
            folder: the state folder.
            left_out: sources whose calls are not written: those that are read from such a table.
        """
        self._session = session
        self._settings = settings
        self._warehouse = warehouse
        self._folder = folder
        self._left_out = sorted(left_out)
        self._table = ".".join(settings.place)

    def write(self, now: datetime) -> Sunk:
        """Write the calls of the days that have changed since they were written; `now` is naive UTC.

        Raises:
            ConfigurationError: the table is not there, or may not be written.
            ServiceUnavailableError: no answer came; the next time goes on.
        """
        with one_at_a_time(self._folder / "analytics_sink.lock"):
            noted, there = self._noted(), self._days(now)
            changed = [day for day, print_of in there.items() if noted.get(day.isoformat()) != print_of]
            written = [self._write_day(day, now) for day in changed]
            if changed:
                self._note({day.isoformat(): print_of for day, print_of in there.items()})
        sunk = Sunk(
            self._table,
            len(changed),
            *(sum(each[place] for each in written) for place in range(3)),
        )
        if sunk.refused_count:
            log.warning(
                "%s calls cost 10,000 dollars or more, for which %s has no place: they are not written there",
                f"{sunk.refused_count:,}",
                self._table,
            )
        if sunk.rounded_count:
            log.info("%s costs were rounded to six digits for %s", f"{sunk.rounded_count:,}", self._table)
        return sunk

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _days(self, now: datetime) -> dict[date, str]:
        """Return of each day that is written what tells whether it has changed here."""
        query = Query(
            "SELECT day_on, path FROM manifest WHERE table_name = 'core_usage_events' AND day_on > $before",
            {"before": now.date() - timedelta(days=self._settings.days)},
        )
        paths: defaultdict[date, list[str]] = defaultdict(list)
        for day, path in self._warehouse.read(query).iter_rows():
            paths[day].append(str(path))
        return {
            day: hashlib.sha256("\n".join(sorted(some)).encode()).hexdigest() for day, some in sorted(paths.items())
        }

    def _write_day(self, day: date, now: datetime) -> tuple[int, int, int]:
        """Write the calls of a day; return how many rows changed there, were rounded, and were refused."""
        calls = self._warehouse.read(Query(CALLS, {"left_out": self._left_out}, days=(day,)))
        with working_connection(self._folder, MEMORY_LIMIT) as connection:
            connection.register("calls", calls)
            rows = fetch_frame(connection, _rows_query())
            good = rows.filter(~pl.col("is_refused"))
            rounded, refused = int(good["is_rounded"].sum()), rows.height - good.height
            if good.is_empty():
                return 0, rounded, refused
            path = spill_folder(connection) / "calls.parquet"
            good.select(column.name for column in STAGED).write_parquet(path)
            stage = stage_table_name(f"sink-{day.isoformat()}", "calls", now)
            try:
                load(self._session, stage, STAGED, [path])
                ((count,),) = self._session.run(_merge(self._table, stage)).fetchall()
            finally:
                drop_stage_tables(self._session, [stage])
        return int(count), rounded, refused

    def _noted(self) -> dict[str, str]:
        """Return of each day how it was when it was written; what cannot be read is written anew, which is harmless."""
        try:
            notes = cast("dict[str, object]", json.loads((self._folder / NOTES_NAME).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}
        days = notes.get("days")
        if notes.get("table") != self._table or not isinstance(days, dict):
            return {}
        return {str(day): str(print_of) for day, print_of in cast("dict[object, object]", days).items()}

    def _note(self, days: dict[str, str]) -> None:
        text = json.dumps({"table": self._table, "days": days})
        place_file(self._folder / NOTES_NAME, lambda path: path.write_text(text, encoding="utf-8"))
        sync_folder(self._folder)


def _rows_query() -> str:
    return (resources.files("sophia_metrics") / "sql" / "sinks" / "analytics_rows.sql").read_text(encoding="utf-8")


def _merge(table: str, stage: str) -> str:
    """Return the MERGE in Snowflake's own words: a row that is there is changed where it differs, others are new."""
    names = [column.name for column in STAGED]
    values = {name: f"PARSE_JSON({name})" if name == "metadata" else name for name in names}
    there = {name: THERE.get(name, name.upper()) for name in names}
    others = [name for name in names if name != "request_id"]
    differs = " OR ".join(f"sunk.{there[name]} IS DISTINCT FROM fresh.{name}" for name in others if name != "metadata")
    return (
        f"MERGE INTO {table} AS sunk USING (SELECT {', '.join(f'{values[name]} AS {name}' for name in names)} "
        f"FROM {stage}) AS fresh ON sunk.REQUEST_ID = fresh.request_id "
        f"WHEN MATCHED AND ({differs}) "
        f"THEN UPDATE SET {', '.join(f'{there[name]} = fresh.{name}' for name in others)} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(there[name] for name in names)}) "
        f"VALUES ({', '.join(f'fresh.{name}' for name in names)})"
    )
