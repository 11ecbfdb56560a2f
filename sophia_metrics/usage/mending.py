"""Mending: days of core whose files were lost or damaged are made anew from landing, before anything else happens."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.errors import ProcessingError
from sophia_metrics.schema import core
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.usage.landing import Landing, readable_landings
from sophia_metrics.usage.quarantine import quarantine_frame
from sophia_metrics.usage.rebuilding import earlier_of, reading
from sophia_metrics.usage.staging import stage
from sophia_metrics.warehouse.protocol import Changed, Checkup, Mending, Query, Warehouse
from sophia_metrics.windows import Window
from sophia_metrics.working import working_connection

__all__ = ["Mender"]

log = logging.getLogger(__name__)

USAGE = frozenset({core.USAGE_EVENTS.name, core.USAGE_UNITS.name})
DAYS_TOGETHER = 31
"""So many days are rebuilt together at most: memory does not depend on how many are damaged."""

WAITING = "SELECT table_name, day_on FROM damaged_days WHERE lost_count IS NULL ORDER BY table_name, day_on"
LOST = (
    "SELECT table_name, day_on, reason, row_count, lost_count FROM damaged_days "
    "WHERE lost_count IS NOT NULL AND list_contains($days, day_on) ORDER BY table_name, day_on"
)
REJECTING = (
    "SELECT attempt_id, max(finished_at) AS finished_at FROM core_ingest_ledger "
    "WHERE status = 'committed' AND quarantined_count > 0 GROUP BY attempt_id"
)


@dataclass(frozen=True, slots=True)
class Mender:
    """What mending needs.

    Attributes:
        warehouse: whose days are damaged.
        landing_folder: where landed files are.
        sources: every source that may have landed any, by name.
        rebuild: makes whole UTC days of usage anew from landing.
        folder: the state folder.
        memory_limit: what DuckDB may use.
    """

    warehouse: Warehouse
    landing_folder: Path
    sources: Mapping[str, FileSource]
    rebuild: Callable[[Window], Changed]
    folder: Path
    memory_limit: str

    def mend(self, now: datetime, *, is_deep: bool = False) -> tuple[date, ...]:
        """Look for damage, and make the days that are damaged whole; return them, in order.

        Days of marts are made by the next build.

        Raises:
            ProcessingError: of some days nothing holds all rows any more. They have what could be found, their marts
                stay as they were, and the next run goes on without them.
            ConfigurationError: landing holds rows of a source that is not configured.
        """
        self.warehouse.commit(Checkup(now, is_deep=is_deep))
        waiting: dict[str, list[date]] = {}
        for name, day in self.warehouse.read(Query(WAITING)).iter_rows():
            waiting.setdefault(str(name), []).append(day)
        if not waiting:
            return ()
        days = tuple(sorted({day for some in waiting.values() for day in some}))
        log.warning("%s days are damaged, from %s to %s: they are made anew", len(days), days[0], days[-1])
        for window in _windows({day for name in USAGE for day in waiting.get(name, ())}):
            self._rebuild(window)
        if core.QUARANTINE.name in waiting:
            self._quarantine(tuple(waiting.pop(core.QUARANTINE.name)))
        self.warehouse.commit(Mending({}, {name: tuple(some) for name, some in waiting.items()}))
        self._tell_lost(days)
        return days

    def _rebuild(self, window: Window) -> None:
        """Rebuild days together; where that cannot be, each by itself, so that one does not keep back the others."""
        try:
            self.rebuild(window)
        except ProcessingError as error:
            days = list(window.days())
            if len(days) == 1:
                log.warning("%s", error)
                return
            for day in days:
                self._rebuild(Window.of_days(day, day))

    def _quarantine(self, days: tuple[date, ...]) -> None:
        """Judge the landed rows again that were rejected on these days; where some lack then, those of every day."""
        name = core.QUARANTINE.name
        attempts = self.warehouse.read(Query(REJECTING))
        own = attempts.filter(attempts["finished_at"].dt.date().is_in(days))
        for some in (own, attempts):
            rows = self._rejected_again(dict(some.iter_rows()))
            self.warehouse.commit(Mending({name: rows}, {name: days}))
            if self.warehouse.read(Query(LOST, {"days": list(days)})).filter(pl.col("table_name") == name).is_empty():
                return

    def _rejected_again(self, attempts: Mapping[str, datetime]) -> pl.DataFrame:
        """Return the rejected rows of some attempts, as of when each was committed."""
        landed = [each for folder in sorted(self.landing_folder.glob("*")) for each in readable_landings(folder)]
        rows = [pl.DataFrame(schema=polars_schema(core.QUARANTINE))]
        with working_connection(self.folder, self.memory_limit) as connection:
            for landing in sorted(landed, key=lambda each: (each.landed_at, each.ordinal)):
                if landing.attempt_id in attempts and landing.source in self.sources:
                    rows += self._rejected(connection, landing, landed, attempts[landing.attempt_id])
        return pl.concat(rows)

    def _rejected(
        self, connection: duckdb.DuckDBPyConnection, landing: Landing, landed: Sequence[Landing], now: datetime
    ) -> Iterator[pl.DataFrame]:
        source = self.sources[landing.source]
        try:
            with reading(landing):
                stage(connection, landing, source.format, source.terms, now, partial(earlier_of, landing, landed))
            yield quarantine_frame(connection, landing, now)
        except ProcessingError as error:
            log.warning("%s", error)

    def _tell_lost(self, days: Sequence[date]) -> None:
        lost = self.warehouse.read(Query(LOST, {"days": list(days)}))
        if lost.is_empty():
            return
        sentences = [
            f"{name} of {day}: {reason}, and its landing is gone or damaged; "
            f"{row_count - lost_count:,} of {row_count:,} rows remain"
            for name, day, reason, row_count, lost_count in lost.iter_rows()
        ]
        raise ProcessingError(
            f"{'; '.join(sentences)}. The marts of these days stay as they were built, and the next run goes on. "
            "If you have the landed files elsewhere, put them back and run `sophia-metrics backfill` for the days"
        )


def _windows(days: Iterable[date]) -> Iterator[Window]:
    """Yield runs of days that follow each other, of at most DAYS_TOGETHER days."""
    run: list[date] = []
    for day in sorted(days):
        if run and (day - run[-1] != timedelta(days=1) or len(run) == DAYS_TOGETHER):
            yield Window.of_days(run[0], run[-1])
            run = []
        run.append(day)
    if run:
        yield Window.of_days(run[0], run[-1])
