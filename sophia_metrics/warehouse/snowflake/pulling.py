"""Pulling: settled hours of a table of Snowflake become files of the state folder, one an hour, which never change.

An hour is written again only where its rows have changed since. A file goes when its rows are committed; what was
committed is known by the names of files. Identifiers of people are hashed before anything is written.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

import polars as pl

from sophia_metrics.durable import make_folder, place_file, sync_folder
from sophia_metrics.errors import ConfigurationError, SophiaError
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from sophia_metrics.sources.spool_source import PulledWindow, newest_by_window
from sophia_metrics.sources.table_settings import TableTerms
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.usage.identity import Identity, keyed_hash
from sophia_metrics.usage.positions import known_positions
from sophia_metrics.usage.pulling import Pulled
from sophia_metrics.warehouse.protocol import Query, Warehouse
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.usage_tables import (
    IDENTIFIERS,
    INSTANT,
    OPEN,
    look_statement,
    pull_statement,
    tag_column,
)

__all__ = ["TableHealth", "TablePuller"]

FIRST_DAYS = 30
"""So many days are read the first time."""
LONGEST_OPEN = timedelta(days=8)
"""A statement of Snowflake runs for a week at most: what is not complete then never will be."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
log = logging.getLogger(__name__)


class TablePuller:
    """Brings the rows of one table into files of a folder."""

    def __init__(
        self, session: SnowflakeSession, terms: TableTerms, folder: Path, identity: Identity, warehouse: Warehouse
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            session: reads the table.
            terms: which table, and how it settles.
            folder: where the files go.
            identity: how people's identifiers are written.
            warehouse: knows what was committed.
        """
        self._session = session
        self._terms = terms
        self._folder = folder
        self._identity = identity
        self._warehouse = warehouse

    def pull(self, now: datetime) -> Pulled:
        """Read the hours that are settled at `now` (naive UTC), and write those that are new or have changed.

        Snowflake's own views may be out of reach of the role: that is a finding, and nothing fails.
        """
        terms = self._terms
        make_folder(self._folder)
        with one_at_a_time(self._folder / "pull.lock"):
            self._sweep()
            known = newest_by_window([*known_positions(self._warehouse, terms.source), *self._files()])
            try:
                written = [
                    self._write(hour_at, rows, known.get((hour_at, hour_at + HOUR)), now)
                    for start_at, end_at in _days(*self._window(known, now))
                    for hour_at, rows in self._hours(start_at, end_at)
                ]
            except ConfigurationError as error:
                finding = unreadable(terms, error)
                if not terms.is_account_usage:
                    raise ConfigurationError(finding) from error
                log.warning("%s", finding)
                return Pulled(terms.name, finding=finding)
            sync_folder(self._folder)
        return Pulled(terms.name, sum(count is not None for count in written), sum(filter(None, written)))

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _window(
        self, known: Mapping[tuple[datetime, datetime], PulledWindow], now: datetime
    ) -> tuple[datetime, datetime]:
        """Return which hours are read: new ones, those that may be restated, and those that were not complete."""
        terms = self._terms
        end_at = _hour_of(now - timedelta(minutes=terms.settling_minutes))
        if terms.since_on is not None:
            first_at = datetime(terms.since_on.year, terms.since_on.month, terms.since_on.day)  # noqa: DTZ001 - naive UTC
        else:
            first_at = _hour_of(now) - FIRST_DAYS * DAY
        if not known:
            return first_at, end_at
        waiting = [hour.start_at for hour in known.values() if hour.is_open and hour.start_at > now - LONGEST_OPEN]
        again_at = min([max(start_at for start_at, _ in known) - terms.reread_hours * HOUR, *waiting])
        return max(first_at, again_at) if terms.since_on is not None else again_at, end_at

    def _hours(self, start_at: datetime, end_at: datetime) -> Iterator[tuple[datetime, pl.DataFrame]]:
        rows = self._prepared(self._session.run_frame(pull_statement(self._terms, start_at, end_at)))
        instant = INSTANT[self._terms.format]
        for (hour_at,), group in rows.group_by(pl.col(instant).dt.truncate("1h"), maintain_order=True):
            if isinstance(hour_at, datetime):
                yield hour_at, group

    def _prepared(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with identifiers hashed and tags in one column, in an order of their own."""
        secret = self._identity.secret
        for name in IDENTIFIERS:
            if secret is not None and name in rows.columns:
                plain: list[str | None] = rows[name].to_list()
                hashed = [keyed_hash(secret, text) if text else None for text in plain]
                rows = rows.with_columns(pl.Series(name, hashed, dtype=pl.String))
        if self._terms.format == "snowflake_analytics":
            columns = [tag_column(place) for place in range(len(self._terms.tags))]
            tags = [_tags(self._terms.tags, values) for values in rows.select(columns).iter_rows()] if columns else None
            column = pl.Series("tags", tags or [None] * rows.height, dtype=pl.String)
            rows = rows.drop(columns).with_columns(column)
        return rows.sort(rows.columns)

    def _write(self, hour_at: datetime, rows: pl.DataFrame, known: PulledWindow | None, now: datetime) -> int | None:
        """Write an hour, and return how many rows it has. None: it is as it was."""
        digest = hashlib.sha256(rows.write_csv().encode()).hexdigest()[:32]
        if known is not None and known.digest == digest:
            return None
        is_open = OPEN in rows.columns and not rows[OPEN].fill_null(value=False).all()
        path = self._folder / PulledWindow(hour_at, hour_at + HOUR, now, digest, is_open).file_name
        stamped = rows.with_columns(pl.lit(now, dtype=pl.Datetime("us")).alias("read_at"))
        place_file(path, stamped.write_parquet)
        return rows.height

    def _files(self) -> list[str]:
        return [str(path) for path in self._folder.glob("*.parquet")]

    def _sweep(self) -> None:
        """Remove the files whose rows are committed, and what a run that died has left half written."""
        names = self._files()
        query = Query(
            "SELECT file_name FROM core_ingest_ledger WHERE source = $source AND list_contains($names, file_name) "
            "GROUP BY file_name HAVING max(CASE WHEN status = 'held' THEN 1 ELSE 0 END) = 0 "
            "AND max(CASE WHEN status = 'committed' THEN 1 ELSE 0 END) = 1",
            {"source": self._terms.source, "names": [str(Path(name).resolve()) for name in names]},
        )
        done = set(self._warehouse.read(query)["file_name"]) if names else set[str]()
        for path in (*(Path(name) for name in done), *self._folder.glob(".*.tmp")):
            with suppress(FileNotFoundError):
                path.unlink()


class TableHealth(ServiceLifecycle):
    """Asks whether a table can be read; it costs no computing."""

    def __init__(self, session: SnowflakeSession, terms: TableTerms) -> None:
        self._session = session
        self._terms = terms

    async def health_check(self) -> Health:
        """Ask for no rows of it."""
        terms = self._terms
        started = perf_counter()
        try:
            self._session.run(look_statement(terms))
        except SophiaError as error:
            status = HealthStatus.DEGRADED if terms.is_account_usage else HealthStatus.DOWN
            return Health(terms.source, status, unreadable(terms, error))
        return Health(terms.source, HealthStatus.HEALTHY, f"{terms.name} can be read", (perf_counter() - started) * 1e3)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Nothing is counted."""
        return {}

    async def cleanup(self) -> None:
        """End the session."""
        self._session.close()


def unreadable(terms: TableTerms, error: SophiaError) -> str:
    """Return why a table cannot be read, and what to do."""
    return (
        f"source {terms.source}: {terms.name} cannot be read: run what `sophia-metrics grants` prints, or correct "
        f"[sources.table] ({error})"
    )


def _tags(names: Sequence[str], values: Sequence[str | None]) -> str | None:
    given = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    return json.dumps(given) if given else None


def _days(start_at: datetime, end_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of a span, cut at midnight."""
    while start_at < end_at:
        midnight = start_at.replace(hour=0) + DAY
        yield start_at, min(midnight, end_at)
        start_at = midnight


def _hour_of(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
