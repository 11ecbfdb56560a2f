"""Pulling: what a vendor's API tells becomes files of the state folder, one a window, which never change.

A window is written again only where its rows have changed since. Its file goes when its rows are committed; what was
committed is known by the names of files: so the place up to which a source was read moves with the data.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from time import perf_counter

import polars as pl

from sophia_metrics.errors import ServiceUnavailableError, SophiaError
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, LiveReader
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.live_frame import by_window, distinct, frame_of, told
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
        """Read span by span. One is written while the next is read, and no more than these two are held."""
        known = self._spool.known()
        first_at, end_at = self._bounds(known, now)
        until = self._clock.seconds() + PULL_SECONDS
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool") as thread:
            writing = thread.submit(list[int])
            try:
                for asked in Window(first_at, end_at).split(self._live.span) if first_at < end_at else ():
                    if self._clock.seconds() > until:
                        raise ServiceUnavailableError(
                            f"source {self._terms.source}: a run reads no longer than {PULL_SECONDS / 60:.0f} minutes; "
                            f"the next one goes on at {asked.start_at:%Y-%m-%d %H:%M} UTC"
                        )
                    told_rows = reader.read(Window(asked.start_at, min(asked.end_at, now)))
                    rows = frame_of(told_rows, self._live.format, self._identity)
                    written += writing.result()
                    writing = thread.submit(self._write_span, asked, rows, known, now, end_at)
            finally:
                written += writing.result()

    def _write_span(
        self,
        asked: Window,
        rows: pl.DataFrame,
        known: Mapping[Span, PulledWindow],
        now: datetime,
        end_at: datetime,
    ) -> list[int]:
        """Write the windows of a span in their order; return how many rows each has that was written."""
        by_start = self._by_window(rows, asked)
        counts: list[int] = []
        for window in asked.split(self._live.window):
            found = by_start.get(window.start_at, rows.clear())
            count = self._write(window, found, known, now, is_mark=window.end_at >= end_at)
            counts += [] if count is None else [count]
        return counts

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

    def _by_window(self, rows: pl.DataFrame, asked: Window) -> Mapping[datetime, pl.DataFrame]:
        """Return the rows by the start of their window; rows outside of what was asked for belong to other windows."""
        instant = self._live.instant
        return {asked.start_at: rows} if instant is None else by_window(rows, instant, asked, self._live.window)

    def _write(
        self, window: Window, rows: pl.DataFrame, known: Mapping[Span, PulledWindow], now: datetime, *, is_mark: bool
    ) -> int | None:
        """Write a window, and return how many rows it has. None: it is as it was.

        A window without rows is written where it had some, or marks the place up to which was read.
        """
        before = known.get((window.start_at, window.end_at))
        frame, hashes = distinct(told(rows, self._live.format))
        digest = _digest(frame.columns, hashes)
        is_open = window.end_at + timedelta(minutes=self._terms.settling_minutes) > now
        if before is not None and (before.digest, before.is_open) == (digest, is_open):
            return None
        if before is None and frame.is_empty() and not is_mark:
            return None
        self._spool.place(PulledWindow(window.start_at, window.end_at, now, digest, is_open), frame)
        return frame.height

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


def _digest(names: Sequence[str], hashes: pl.Series) -> str:
    """Return a hash over the rows in any order. Another version of Polars may find another one: they are read again."""
    return hashlib.sha256(",".join(names).encode() + hashes.sort().to_numpy().tobytes()).hexdigest()[:32]
