"""Collecting usage: what is new at a source, landing it, and committing what was landed.

Each step can be run again at any time. A landed file that the ledger does not know, because the program
was killed or the gate held it, is committed by the next run.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import polars as pl

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.price import distinct_keys
from sophia_metrics.sources.file_source import FileSource, SourceFile
from sophia_metrics.sources.reader import check_file
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.usage.gate import GateLimits, judge
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.landing import Landing, land, landings
from sophia_metrics.usage.prices import PriceDesk, price_keys, worth_another_look
from sophia_metrics.usage.rebuilding import ATTEMPTS_OF_DAYS, create_rebuilt, find_landed
from sophia_metrics.usage.staging import Slice, stage
from sophia_metrics.usage.watermark import watermark_frame
from sophia_metrics.warehouse.protocol import Audit, Changed, Query, Rebuild, Receipt, Record, Repricing, Warehouse
from sophia_metrics.windows import Window
from sophia_metrics.working import working_connection

__all__ = ["Batch", "Collector", "Findings", "Refusal"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Files of one source that are read, landed and committed together."""

    source: str
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not read at all, and why, in a sentence."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is at a source: new files in batches, files that are refused, and how many files in all."""

    batches: tuple[Batch, ...]
    refused: tuple[Refusal, ...]
    file_count: int

    @property
    def new_file_count(self) -> int:
        """Files that are new or have changed, and can be read."""
        return sum(len(batch.files) for batch in self.batches)


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
        batch_bytes: small files are read together up to so many bytes.
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

    def find(self, source: FileSource) -> Findings:
        """Look for files that are new or have changed since they were read."""
        files = source.find_files()
        known = self._known_files(source.name)
        fresh = [file for file in files if (file.path, file.size_bytes, file.modified_ns) not in known]
        refused: list[Refusal] = []
        good: list[SourceFile] = []
        with working_connection(self.folder, self.memory_limit) as connection:
            for file in fresh:
                try:
                    check_file(connection, file.path, source.format)
                except (ConfigurationError, ProcessingError) as error:
                    refused.append(Refusal(file.path, str(error)))
                else:
                    good.append(file)
        batches = tuple(Batch(source.name, files) for files in _cut(good, self.batch_bytes))
        return Findings(batches, tuple(refused), len(files))

    def land(self, source: FileSource, batch: Batch, now: datetime) -> Landing:
        """Read a batch and write it as one landed file."""
        with working_connection(self.folder, self.memory_limit) as connection:
            landing = land(
                connection,
                source,
                batch.files,
                identity=self.identity,
                attempt_id=uuid4().hex,
                folder=self.landing_folder,
                now=now,
            )
        log.info("landed %s rows of %s files of %s", f"{landing.row_count:,}", len(batch.files), source.name)
        return landing

    def pending(self, source: FileSource) -> tuple[Landing, ...]:
        """Return the landed files of a source that are not committed: a run was killed, or the gate held them.

        A landed file whose source file or mapping has changed since is given up: the file is landed anew.
        """
        query = Query(
            "SELECT * FROM core_ingest_ledger WHERE source = $source",
            {"source": source.name},
        )
        ledger = self.warehouse.read(query)
        status = dict(zip(ledger["attempt_id"].to_list(), ledger["status"].to_list(), strict=True))
        done = frozenset(attempt for attempt, state in status.items() if state != "held")
        landed = tuple(landings(self.landing_folder / source.name, but=done))
        outdated = {each.attempt_id for each in landed if _is_outdated(each, source)}
        rows = [
            {**row, "status": "superseded"} for row in ledger.iter_rows(named=True) if row["attempt_id"] in outdated
        ]
        if rows:
            frame = pl.DataFrame(rows, schema=ledger.schema)
            self.warehouse.record(Record({"core_ingest_ledger": frame}))
        return tuple(each for each in landed if each.attempt_id not in outdated)

    def commit(self, source: FileSource, landing: Landing, now: datetime) -> Receipt:
        """Judge, price and commit a landed file. A slice that the gate holds is noted in the ledger, and no more."""
        with working_connection(self.folder, self.memory_limit) as connection:
            stage(connection, landing, source.format, source.terms, now)
            verdict = judge(connection, self.limits)
            connection.execute("CREATE OR REPLACE VIEW events AS SELECT * FROM staged")
            learned = self._desk.look_up(connection, distinct_keys(connection), now)
            self._desk.create_terms(connection, [source.terms])
            staged = Slice(connection, source.terms, landing, now, learned, verdict.reason)
            receipt = self.warehouse.commit(staged)
        log.info("%s", receipt.summary)
        return receipt

    def note_collected(self, source: FileSource, now: datetime) -> None:
        """Note that the source was looked at and had nothing new: it is fresh, and idle days are zeros."""
        query = Query("SELECT newest_at FROM core_watermarks WHERE source = $source", {"source": source.name})
        newest = self.warehouse.read(query)["newest_at"].to_list()
        frame = watermark_frame(source.terms, now, newest[0] if newest else None)
        self.warehouse.record(Record({"core_watermarks": frame}))

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

    def _fingerprint(self, terms: Sequence[SourceTerms]) -> str:
        """Hash what a price depends on besides the event: the book, the exchange rates, the terms of the sources."""
        rates = sorted((code, str(rate)) for code, rate in self.exchange_rates.items())
        paid = sorted((each.name, each.billing, each.reported_basis) for each in terms)
        return hashlib.sha256(repr((self.book.fingerprint(), rates, paid)).encode()).hexdigest()

    def audit(self, now: datetime) -> int:
        """Make one of each event that stands on several days; return how many there were.

        A merge finds known versions within a day of the new one. One that is further away is found here, over the
        keys of all days.
        """
        keys = self.warehouse.read(
            Query(
                "SELECT DISTINCT provider, route, model, service_tier FROM core_usage_events WHERE event_id IN "
                "(SELECT event_id FROM core_usage_events GROUP BY event_id HAVING count(*) > 1)"
            )
        )
        if keys.is_empty():
            return 0
        with working_connection(self.folder, self.memory_limit) as connection:
            learned = self._desk.look_up(connection, price_keys(keys.iter_rows()), now)
            self._desk.create_terms(connection, self._terms())
            changed = self.warehouse.commit(Audit(connection, learned))
        log.info("made one of each of %s events that stood on several days", f"{changed.event_count:,}")
        return changed.event_count

    def rebuild(self, sources: Sequence[FileSource], window: Window, now: datetime) -> Changed:
        """Make whole UTC days of core anew from their landed files, by the rules of today.

        What is priced keeps its price.

        Raises:
            ConfigurationError: a landed file is of a source that is not among these.
            ProcessingError: a landed file of these days is gone.
            ServiceUnavailableError: another run committed to these days meanwhile.
        """
        query = Query(ATTEMPTS_OF_DAYS, {"start_at": window.start_at, "end_at": window.end_at})
        attempts = frozenset(self.warehouse.read(query)["attempt_id"])
        landed = [each for folder in sorted(self.landing_folder.glob("*")) for each in landings(folder)]
        by_name = {source.name: source for source in sources}
        with working_connection(self.folder, self.memory_limit) as connection:
            create_rebuilt(connection, find_landed(landed, attempts), by_name, window, now)
            connection.execute("CREATE OR REPLACE VIEW events AS SELECT * FROM rebuilt_events")
            learned = self._desk.look_up(connection, distinct_keys(connection), now)
            self._desk.create_terms(connection, [source.terms for source in sources])
            return self.warehouse.commit(Rebuild(connection, window, attempts, learned, now))

    def _terms(self) -> list[SourceTerms]:
        """Return the terms on which each source was last collected."""
        rows = self.warehouse.read(
            Query(
                "SELECT source, format, source_role, billing, reported_basis, expected_within_seconds "
                "FROM core_watermarks"
            )
        )
        return [SourceTerms(*row) for row in rows.iter_rows()]

    def _known_files(self, source: str) -> frozenset[tuple[str, int, int]]:
        """Return path, size and modification time of every file that was read, held ones included."""
        query = Query(
            "SELECT DISTINCT file_name, byte_end, modified_ns FROM core_ingest_ledger "
            "WHERE source = $source AND status IN ('committed', 'held')",
            {"source": source},
        )
        return frozenset((name, size, modified) for name, size, modified in self.warehouse.read(query).iter_rows())


def _is_outdated(landing: Landing, source: FileSource) -> bool:
    """Say whether a file of the landing, or how it is read, has changed; a file that is gone has not."""
    if landing.format_sha256 != source.format.sha256:
        return True
    there = [(file, SourceFile.of(Path(file.path))) for file in landing.files if Path(file.path).exists()]
    return any((file.size_bytes, file.modified_ns) != (now.size_bytes, now.modified_ns) for file, now in there)


def _cut(files: Sequence[SourceFile], batch_bytes: int) -> Iterator[tuple[SourceFile, ...]]:
    """Cut files into runs of at most `batch_bytes`; a larger file stands alone."""
    run: list[SourceFile] = []
    size = 0
    for file in files:
        if run and size + file.size_bytes > batch_bytes:
            yield tuple(run)
            run, size = [], 0
        run.append(file)
        size += file.size_bytes
    if run:
        yield tuple(run)
