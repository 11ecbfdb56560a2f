"""Collecting usage: what is new at a source, landing it, and committing what was landed.

Each step can be run again at any time. A landed file that the ledger does not know, because the program
was killed or the gate held it, is committed by the next run.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.cutting import cut
from sophia_metrics.errors import ConfigurationError, handle_service_errors
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.knowledge import Learned
from sophia_metrics.pricing.price import distinct_keys
from sophia_metrics.schema import state
from sophia_metrics.sources.file_source import FileSource, SourceFile
from sophia_metrics.sources.growth import part_to_read, still_stands
from sophia_metrics.sources.part import FilePart
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.usage.earlier import EarlierPart, EarlierPartError, earlier_parts
from sophia_metrics.usage.erasing import erase_landed
from sophia_metrics.usage.gate import GateLimits, judge, judge_rules
from sophia_metrics.usage.identity import AS_THEY_COME, Identity
from sophia_metrics.usage.landing import LandedFile, Landing, landings, readable_landings
from sophia_metrics.usage.landing_writer import Landed, land
from sophia_metrics.usage.mending import Mender
from sophia_metrics.usage.positions import forgotten_positions, known_positions, superseded_rows, touched_positions
from sophia_metrics.usage.prices import PriceDesk, price_keys, worth_another_look
from sophia_metrics.usage.rebuilding import ATTEMPTS_OF_DAYS, EXPIRED, create_rebuilt, find_landed, reading
from sophia_metrics.usage.repriced import Repriced, price_changes
from sophia_metrics.usage.staging import Slice, stage
from sophia_metrics.usage.tombstones import NOBODY, Reach, Tombstones
from sophia_metrics.usage.watermark import watermark_frame
from sophia_metrics.warehouse.protocol import (
    Audit,
    Changed,
    ForgottenMeanwhileError,
    Query,
    Rebuild,
    Receipt,
    Record,
    RepriceOrder,
    Repricing,
    Warehouse,
)
from sophia_metrics.windows import Window
from sophia_metrics.working import spill_folder, working_connection

__all__ = ["Batch", "Collector", "Findings"]

log = logging.getLogger(__name__)

_translated = handle_service_errors(
    "the state folder",
    unavailable=(OSError, duckdb.IOException),
    advice="its disk is full or fails; look at the folder and run again",
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Parts of files of one source that are read and landed together."""

    source: str
    parts: tuple[FilePart, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is at a source: what is new in batches, and how many files in all.

    Attributes:
        batches: what is to be landed.
        file_count: the files that there are.
        bill_count: files of bills that are new or have changed; each is taken as a whole, and is in no batch.
    """

    batches: tuple[Batch, ...]
    file_count: int
    bill_count: int = 0

    @property
    def new_file_count(self) -> int:
        """Files that are new or have changed."""
        return self.bill_count + sum(len(batch.parts) for batch in self.batches)


@dataclass(frozen=True, slots=True)
class Collector:
    """Everything that collecting needs, as values.

    Attributes:
        folder: the state folder.
        warehouse: where rows are committed.
        book: the prices.
        identity: how people's identifiers are written.
        limits: from which point the gate holds a slice.
        exchange_rates: dollars for one unit of another currency.
        batch_bytes: about so much text is read, landed and committed at once.
        memory_limit: what DuckDB may use.
    """

    folder: Path
    warehouse: Warehouse
    book: PriceBook
    identity: Identity
    limits: GateLimits
    exchange_rates: Mapping[str, Decimal]
    batch_bytes: int
    memory_limit: str

    @property
    def landing_folder(self) -> Path:
        """Where landed files are."""
        return self.folder / "landing"

    @property
    def _desk(self) -> PriceDesk:
        return PriceDesk(self.book, self.warehouse, self.exchange_rates)

    def find(self, source: FileSource, now: datetime, *, are_finished: bool = False) -> Findings:
        """Look for files that are new or have changed since they were read; of a file that grew, for what is new.

        `are_finished`: nobody writes to them any more, so that a last line without an end does not wait.
        """
        files = source.find_files()
        known = known_positions(self.warehouse, source.name)
        parts: list[FilePart] = []
        touched: list[FilePart] = []
        for file in files:
            part = part_to_read(file, known.get(file.name), source.format, now, is_finished=are_finished)
            if part is not None:
                (touched if part.byte_start == file.size_bytes > 0 else parts).append(part)
        self._note_touched(source, touched)
        least = self.batch_bytes // source.batch_files if source.batch_files else 0
        runs = cut(parts, lambda part: max(part.file.size_bytes - part.byte_start, least), self.batch_bytes)
        return Findings(tuple(Batch(source.name, run) for run in runs), len(files))

    @_translated
    def land(self, source: FileSource, batch: Batch, now: datetime) -> Landed:
        """Read a batch and write it as landed files, to be committed in their order."""
        tombstones = self._tombstones()
        with working_connection(self.folder, self.memory_limit) as connection:
            landed = land(
                connection,
                source,
                batch.parts,
                identity=AS_THEY_COME if source.is_hashed else self.identity,
                folder=self.landing_folder,
                scratch=spill_folder(connection),
                now=now,
                landing_bytes=self.batch_bytes,
                tombstones=tombstones,
            )
        self._note_touched(source, landed.quiet)
        rows = sum(landing.row_count for landing in landed.landings)
        log.info("landed %s rows of %s files of %s", f"{rows:,}", len(batch.parts), source.name)
        return landed

    def _note_touched(self, source: FileSource, parts: Sequence[FilePart]) -> None:
        """Note the length and time of files of which there is nothing to read yet, so that nobody looks again."""
        if parts:
            known = known_positions(self.warehouse, source.name)
            self.warehouse.record(Record({"file_positions": touched_positions(source.name, parts, known)}))

    @_translated
    def pending(self, source: FileSource) -> tuple[Landing, ...]:
        """Return the landed files of a source that are not committed: a run was killed, or the gate held them.

        A landed file whose source file or mapping has changed since is given up: the file is landed anew.
        """
        query = Query(
            "SELECT DISTINCT attempt_id FROM core_ingest_ledger WHERE source = $source AND status <> 'held'",
            {"source": source.name},
        )
        done = frozenset(self.warehouse.read(query)["attempt_id"])
        landed = tuple(landings(self.landing_folder / source.name, but=done))
        outdated = tuple(each for each in landed if _is_outdated(each, source))
        self._give_up(outdated)
        attempts = {each.attempt_id for each in outdated}
        still = (each for each in landed if each.attempt_id not in attempts)
        return tuple(sorted(still, key=lambda landing: (landing.landed_at, landing.ordinal)))

    def _give_up(self, outdated: Sequence[Landing]) -> None:
        """Let the files of some landed files be read again from their start, and those landed files rest."""
        if not outdated:
            return
        query = Query(
            f"SELECT {', '.join(state.INGEST_LEDGER.names)} FROM core_ingest_ledger "
            "WHERE list_contains($attempts, attempt_id)",
            {"attempts": [each.attempt_id for each in outdated]},
        )
        known = self.warehouse.read(query)
        held = set(known["attempt_id"])
        fresh = pl.concat(
            [superseded_rows(each) for each in outdated if each.attempt_id not in held] or [known.clear()]
        )
        rested = [{**row, "status": "superseded"} for row in known.iter_rows(named=True)]
        ledger = pl.concat([pl.DataFrame(rested, schema=known.schema), fresh])
        positions = forgotten_positions(outdated)
        self.warehouse.record(Record({"core_ingest_ledger": ledger, "file_positions": positions}))

    @_translated
    def commit(self, source: FileSource, landing: Landing, now: datetime) -> Receipt:
        """Judge, price and commit a landed file. A slice that the gate holds is noted in the ledger, and no more.

        Where somebody is forgotten meanwhile, the landed file is looked through for them, and all of it begins again.
        """
        while True:
            try:
                return self._commit(source, landing, now)
            except ForgottenMeanwhileError:
                log.info("somebody was forgotten while a landed file was judged: it is judged again")

    def _commit(self, source: FileSource, landing: Landing, now: datetime) -> Receipt:
        tombstones = self._tombstones()
        with working_connection(self.folder, self.memory_limit) as connection:
            erase_landed(connection, landing, source.format, tombstones)
            held_because, is_lost = None, False
            try:
                with reading(landing):
                    stage(
                        connection,
                        landing,
                        source.format,
                        source.terms,
                        now,
                        lambda: self._earlier(landing),
                        kept_from_on=self._kept_from_on(),
                    )
            except EarlierPartError as error:
                held_because, is_lost = str(error), error.is_lost
            gate = judge(connection, self.limits)
            judged = judge_rules(connection, gate)
            held_because = held_because or gate.reason
            connection.execute("CREATE OR REPLACE VIEW events AS SELECT * FROM staged")
            learned = self._look_up(connection, [source.terms], now)
            staged = Slice(connection, source.terms, landing, now, learned, held_because, len(tombstones))
            receipt = replace(self.warehouse.commit(staged), judged=judged)
        if is_lost:
            self._give_up([landing])
        log.info("%s", receipt.summary)
        return receipt

    def note_collected(self, source: FileSource, now: datetime) -> None:
        """Note that the source was looked at and had nothing new: it is fresh, and idle days are zeros."""
        query = Query("SELECT newest_at FROM core_watermarks WHERE source = $source", {"source": source.name})
        newest = self.warehouse.read(query)["newest_at"].to_list()
        frame = watermark_frame(source.terms, now, newest[0] if newest else None)
        self.warehouse.record(Record({"core_watermarks": frame}))

    @_translated
    def price_again(self, now: datetime) -> int:
        """Price again what had no price, where prices, exchange rates or terms differ from the last time.

        Returns how many events changed. What is priced is left as it is, unless the terms of its source say that it
        is, or is not, paid by the call.
        """
        terms = self._terms()
        fingerprint = self._fingerprint(terms)
        used = self.warehouse.read(Query("SELECT fingerprint FROM price_books ORDER BY used_from_at DESC LIMIT 1"))
        if used["fingerprint"].to_list() == [fingerprint]:
            return 0
        keys = self.warehouse.read(
            Query(
                "SELECT DISTINCT provider, route, model, service_tier FROM core_usage_events "
                f"WHERE {worth_another_look('core_watermarks')}"
            )
        )
        with working_connection(self.folder, self.memory_limit) as connection:
            learned = self._desk.look_up(connection, price_keys(keys.iter_rows()), now)
            self._desk.create_terms(connection, terms)
            changed = self.warehouse.commit(Repricing(connection, learned, fingerprint, now))
        if changed.event_count:
            log.info("priced %s events again", f"{changed.event_count:,}")
        return changed.event_count

    @_translated
    def reprice(self, order: RepriceOrder, now: datetime) -> Repriced:
        """Price again what an order names, with the prices that are known now, and say what that changes.

        What was billed stays the cost. Marts follow with the next build. The second time nothing changes, and a dry
        run changes nothing at all.

        Args:
            order: which events, and why.
            now: the present (naive UTC).
        """
        terms = self._terms()
        query = Query(
            "SELECT DISTINCT provider, route, model, service_tier FROM core_usage_events "
            f"WHERE {'model = $model' if order.model else 'TRUE'}",
            {"model": order.model} if order.model else {},
            days=tuple(order.window.days()),
        )
        keys = price_keys(self.warehouse.read(query).iter_rows())
        with working_connection(self.folder, self.memory_limit) as connection:
            learned = self._desk.look_up(connection, keys, now)
            self._desk.create_terms(connection, terms)
            fingerprint = self._fingerprint(terms)
            changed = self.warehouse.commit(Repricing(connection, learned, fingerprint, now, order))
            return Repriced(order, price_changes(connection), changed.days)

    def _fingerprint(self, terms: Sequence[SourceTerms]) -> str:
        """Hash what a price depends on besides the event: the book, the exchange rates, the terms of the sources."""
        rates = sorted((code, str(rate)) for code, rate in self.exchange_rates.items())
        paid = sorted((each.name, each.billing, each.reported_basis) for each in terms)
        return hashlib.sha256(repr((self.book.fingerprint(), rates, paid)).encode()).hexdigest()

    @_translated
    def audit(self, now: datetime) -> int:
        """Make one of each event that stands on several days; return how many there were.

        A merge finds known versions within a day of the new one. One that is further away is found here, over the
        keys of all days; it costs what was committed since the last audit.
        """
        changed = self.warehouse.commit(Audit(lambda connection: self._look_up(connection, self._terms(), now)))
        if changed.event_count:
            log.info("made one of each of %s events that stood on several days", f"{changed.event_count:,}")
        return changed.event_count

    @_translated
    def rebuild(self, sources: Sequence[FileSource], window: Window, now: datetime) -> Changed:
        """Make whole UTC days of core anew from their landed files, by the rules of today.

        What is priced keeps its price.

        Raises:
            ConfigurationError: a landed file is of a source that is not among these, or the rows of some of these days
                have expired.
            ProcessingError: a landed file of these days is gone.
            ServiceUnavailableError: another run committed to these days meanwhile.
        """
        kept_from_on = self._kept_from_on()
        if kept_from_on is not None and window.start_at.date() < kept_from_on:
            raise ConfigurationError(EXPIRED.format(first=kept_from_on))
        query = Query(ATTEMPTS_OF_DAYS, {"start_at": window.start_at, "end_at": window.end_at})
        attempts = frozenset(self.warehouse.read(query)["attempt_id"])
        tombstones = self._tombstones()
        landed = [each for folder in sorted(self.landing_folder.glob("*")) for each in readable_landings(folder)]
        by_name = {source.name: source for source in sources}
        with working_connection(self.folder, self.memory_limit) as connection:
            create_rebuilt(connection, find_landed(landed, attempts), landed, by_name, window, now)
            connection.execute("CREATE OR REPLACE VIEW events AS SELECT * FROM rebuilt_events")
            learned = self._look_up(connection, [source.terms for source in sources], now)
            return self.warehouse.commit(Rebuild(connection, window, attempts, learned, now, len(tombstones)))

    def _tombstones(self) -> Tombstones:
        """Return who was forgotten."""
        rows = self.warehouse.read(Query("SELECT tombstone, reach FROM core_tombstones")).rows()
        reaches = {str(tombstone): Reach(reach) for tombstone, reach in rows}
        return Tombstones(self.identity.key, reaches) if reaches else NOBODY

    def mend(self, sources: Sequence[FileSource], now: datetime, *, is_deep: bool = False) -> tuple[date, ...]:
        """Make the days whole whose files were lost or damaged, and return them; it costs little where none are.

        Args:
            sources: every source that may have landed anything.
            now: the present (naive UTC).
            is_deep: read every file, too: a changed byte is found by nothing else.

        Raises:
            ProcessingError: of some days nothing holds all rows any more; it says what remains.
            ConfigurationError: landing holds rows of a source that is not among these.
        """
        mender = Mender(
            warehouse=self.warehouse,
            landing_folder=self.landing_folder,
            sources={source.name: source for source in sources},
            rebuild=lambda window: self.rebuild(sources, window, now),
            folder=self.folder,
            memory_limit=self.memory_limit,
        )
        return mender.mend(now, is_deep=is_deep)

    def _look_up(self, connection: duckdb.DuckDBPyConnection, terms: Sequence[SourceTerms], now: datetime) -> Learned:
        """Bring into a working connection what the prices of its relation `events` depend on."""
        learned = self._desk.look_up(connection, distinct_keys(connection), now)
        self._desk.create_terms(connection, terms)
        return learned

    def _earlier(self, landing: Landing) -> tuple[EarlierPart, ...]:
        """Return what stands before this landed file in its files.

        Raises:
            EarlierPartError: some of it is held, or cannot be told.
        """
        readings = sorted({file.reading_id for file in landing.files if file.byte_start})
        if not readings:
            return ()
        query = Query(
            "SELECT DISTINCT attempt_id, status FROM core_ingest_ledger WHERE source = $source "
            "AND status IN ('committed', 'held') AND list_contains($readings, reading_id)",
            {"source": landing.source, "readings": readings},
        )
        found = self.warehouse.read(query)
        paths = (landing.path.with_name(f"{attempt}.parquet") for attempt in sorted(found["attempt_id"].to_list()))
        known = [Landing.read(path) for path in paths if path.exists()]
        held = [attempt for attempt, status in found.iter_rows() if status == "held"]
        return earlier_parts(landing, known, held)

    def _kept_from_on(self) -> date | None:
        """Return the first UTC day whose rows are kept. None: all are."""
        query = Query("SELECT kept_from_on FROM core_retention WHERE table_name = 'core_usage_events'")
        return next(iter(self.warehouse.read(query)["kept_from_on"]), None)

    def _terms(self) -> list[SourceTerms]:
        """Return the terms on which each source was last collected."""
        rows = self.warehouse.read(
            Query(
                "SELECT source, format, source_role, billing, reported_basis, expected_within_seconds "
                "FROM core_watermarks"
            )
        )
        return [SourceTerms(*row) for row in rows.iter_rows()]


def _is_outdated(landing: Landing, source: FileSource) -> bool:
    """Say whether what was landed of a file, or how it is read, has changed; a file that is gone has not."""
    return landing.format_sha256 != source.format.sha256 or any(_has_changed(file) for file in landing.files)


def _has_changed(file: LandedFile) -> bool:
    path = Path(file.path)
    try:
        seen = SourceFile.of(path)
    except OSError:  # a file that is gone has not changed
        return False
    if (seen.size_bytes, seen.modified_ns) == (file.size_bytes, file.modified_ns):
        return False
    return file.prefix_sha256 is None or not still_stands(path, file.byte_end, file.prefix_sha256)
