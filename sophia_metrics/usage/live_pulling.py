"""Pulling: what a vendor's API tells becomes files of the state folder, one a window, which never change.

A window is written again only where its rows have changed since. Its file goes when its rows are committed; what was
committed is known by the names of files: so the place up to which a source was read moves with the data.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from time import perf_counter

import polars as pl
from pydantic_core import to_json

from sophia_metrics.errors import ServiceUnavailableError, SophiaError
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from sophia_metrics.sources.format import LandedColumn, is_nested
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, LiveReader, Row
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.usage.identity import Identity, keyed_hash
from sophia_metrics.usage.pulling import Pulled
from sophia_metrics.usage.spool import Span, Spool
from sophia_metrics.windows import Window, floored

__all__ = ["LiveHealth", "LivePuller"]

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
MOST_LEAD = timedelta(minutes=1)
"""A clock that is further ahead of the vendor's is worth a word."""
PULL_SECONDS = 2_400.0
"""A run reads no longer: the next one goes on, and other sources get their turn."""
TYPES: Mapping[str, pl.DataType] = {
    "VARCHAR": pl.String(),
    "DOUBLE": pl.Float64(),
    "BIGINT": pl.Int64(),
    "BOOLEAN": pl.Boolean(),
    "TIMESTAMPTZ": pl.Datetime("us"),
    "DATE": pl.Date(),
    "DECIMAL(38,12)": pl.Decimal(38, 12),
}
"""How a column of a format stands in a file of the spool; nested values are JSON."""


class LivePuller:
    """Brings what one source tells into files of a folder."""

    def __init__(self, live: LiveFormat, terms: LiveTerms, spool: Spool, identity: Identity, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Args:
            live: what the endpoint declares.
            terms: how it is read.
            spool: where the files go.
            identity: how people's identifiers are written.
            clock: how time passes.
        """
        self._live = live
        self._terms = terms
        self._spool = spool
        self._identity = identity
        self._clock = clock

    def pull(self, now: datetime) -> Pulled:
        """Read the windows that are new at `now` (naive UTC), may be restated or were not complete; write what changed.

        A source that does not answer is a finding, and what was read until then is kept: other sources go on.
        """
        written: list[int] = []
        finding = None
        with one_at_a_time(self._spool.lock):
            self._spool.sweep()
            try:
                with closing(self._live.connect(self._terms, self._clock)) as reader:
                    self._read(reader, now, written)
                    self._compare_clocks(reader.lead)
            except SophiaError as error:
                log.warning("%s", error)
                finding = str(error)
            finally:
                self._spool.sync()
        return Pulled(self._terms.source, len(written), sum(written), finding)

    def close(self) -> None:
        """Nothing is left open."""

    def _read(self, reader: LiveReader, now: datetime, written: list[int]) -> None:
        known = self._spool.known()
        first_at, end_at = self._bounds(known, now)
        until = self._clock.seconds() + PULL_SECONDS
        for asked in Window(first_at, end_at).split(self._live.span) if first_at < end_at else ():
            if self._clock.seconds() > until:
                raise ServiceUnavailableError(
                    f"source {self._terms.source}: a run reads no longer than {PULL_SECONDS / 60:.0f} minutes; the "
                    f"next one goes on at {asked.start_at:%Y-%m-%d %H:%M} UTC"
                )
            rows = list(reader.read(Window(asked.start_at, min(asked.end_at, now))))
            by_start = self._by_window(rows, asked)
            for window in asked.split(self._live.window):
                is_mark = window.end_at >= end_at
                count = self._write(window, by_start.get(window.start_at, ()), known, now, is_mark=is_mark)
                written += [] if count is None else [count]

    def _bounds(self, known: Mapping[Span, PulledWindow], now: datetime) -> tuple[datetime, datetime]:
        """Return from where and up to where is read: whole windows, the one that runs among them where it is read."""
        live, terms = self._live, self._terms
        settled_at = now if live.is_open_read else now - timedelta(minutes=terms.settling_minutes)
        end_at = floored(settled_at, live.window)
        if live.is_open_read and end_at < settled_at:
            end_at += live.window
        today = floored(now, DAY)
        first_at = today - live.first_days * DAY
        if terms.since_on is not None:
            first_at = datetime(terms.since_on.year, terms.since_on.month, terms.since_on.day)  # noqa: DTZ001 - naive UTC
        if live.history_days is not None:
            first_at = max(first_at, today - live.history_days * DAY)
        if known:
            waiting = [each.start_at for each in known.values() if each.is_open]
            newest = max(each.start_at for each in known.values())
            again_at = floored(newest - timedelta(hours=terms.reread_hours), live.window)
            first_at = max(first_at, min([again_at, *waiting]))
        return first_at, end_at

    def _by_window(self, rows: Sequence[Row], asked: Window) -> Mapping[datetime, Sequence[Row]]:
        """Return the rows by the start of their window; rows outside of what was asked for belong to other windows."""
        instant = self._live.instant
        if instant is None:
            return {asked.start_at: rows}
        found: dict[datetime, list[Row]] = {}
        for row in rows:
            moment = row[instant]
            if asked.start_at <= moment < asked.end_at:
                found.setdefault(floored(moment, self._live.window), []).append(row)
        return found

    def _write(
        self, window: Window, rows: Sequence[Row], known: Mapping[Span, PulledWindow], now: datetime, *, is_mark: bool
    ) -> int | None:
        """Write a window, and return how many rows it has. None: it is as it was.

        A window without rows is written where it had some, or marks the place up to which was read.
        """
        before = known.get((window.start_at, window.end_at))
        frame = self._frame(rows)
        digest = _digest(frame)
        is_open = window.end_at + timedelta(minutes=self._terms.settling_minutes) > now
        if before is not None and (before.digest, before.is_open) == (digest, is_open):
            return None
        if before is None and not rows and not is_mark:
            return None
        self._spool.place(PulledWindow(window.start_at, window.end_at, now, digest, is_open), frame)
        return frame.height

    def _frame(self, rows: Sequence[Row]) -> pl.DataFrame:
        """Return the rows as columns of the format, identifiers hashed, each row once.

        A key that the format does not read is a number that may be usage: it comes along, and landing notes its name.
        """
        columns = [column for column in self._live.format.columns if column.name != "read_at"]
        schema = {column.key: _kind(column) for column in columns}
        extra = sorted({key for row in rows for key in row.keys() - schema.keys()})
        schema |= dict.fromkeys(extra, pl.Float64())
        nested = [column.key for column in columns if is_nested(column.type_in_file)]
        plain = [_with_text(row, nested) for row in rows] if nested else rows
        frame = pl.DataFrame(plain, schema=schema, orient="row") if plain else pl.DataFrame(schema=schema)
        hashed = self._hashed(frame, columns)
        return hashed.unique(maintain_order=True) if hashed.hash_rows().n_unique() < hashed.height else hashed

    def _hashed(self, frame: pl.DataFrame, columns: Iterable[LandedColumn]) -> pl.DataFrame:
        secret = self._identity.secret
        if secret is None:
            return frame
        for column in columns:
            if column.is_identity:
                texts = {text for text in frame[column.key] if text}
                hashes = {text: keyed_hash(secret, text) for text in texts}
                hashed = pl.Series(column.key, [hashes.get(text) for text in frame[column.key]], dtype=pl.String)
                frame = frame.with_columns(hashed)
        return frame

    def _compare_clocks(self, lead: timedelta | None) -> None:
        if lead is not None and abs(lead) > MOST_LEAD:
            log.warning(
                "source %s: our clock is %.0f s %s the vendor's: set the clock of this machine",
                self._terms.source,
                abs(lead.total_seconds()),
                "ahead of" if lead > timedelta() else "behind",
            )


class LiveHealth(ServiceLifecycle):
    """Asks whether a live source can be read, by the smallest request that it takes."""

    def __init__(self, terms: LiveTerms, connect: Callable[[], LiveReader]) -> None:
        self._terms = terms
        self._connect = connect

    async def health_check(self) -> Health:
        """Ask for as little as possible, once."""
        return await asyncio.to_thread(self._look)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Nothing is counted."""
        return {}

    def _look(self) -> Health:
        started = perf_counter()
        try:
            with closing(self._connect()) as reader:
                message = reader.check()
        except SophiaError as error:
            return Health(self._terms.source, HealthStatus.DOWN, str(error))
        return Health(self._terms.source, HealthStatus.HEALTHY, message, (perf_counter() - started) * 1e3)


def _digest(rows: pl.DataFrame) -> str:
    """Return a hash over the rows in any order. Another version of Polars may find another one: they are read again."""
    names = ",".join(rows.columns)
    return hashlib.sha256(names.encode() + rows.hash_rows().sort().to_numpy().tobytes()).hexdigest()[:32]


def _kind(column: LandedColumn) -> pl.DataType:
    return pl.String() if is_nested(column.type_in_file) else TYPES[column.type_in_file]


def _with_text(row: Row, nested: Iterable[str]) -> Row:
    """Return a row whose nested values are JSON."""
    texts = {key: to_json(row[key]).decode() for key in nested if row.get(key) is not None}
    return {**row, **texts}
