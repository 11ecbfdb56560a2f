"""A small real pipeline in a temporary folder: sources of usage events, a collector and a DuckDB warehouse."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.schema import core
from sophia_metrics.serving import Serving
from sophia_metrics.sources import events
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.part import Refusal
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.usage.collect import Collector
from sophia_metrics.usage.gate import GateLimits
from sophia_metrics.usage.identity import Identity
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.protocol import Publication, Query, Receipt

NOW = datetime(2026, 11, 20, 12)
NOT_COMPARED = {"attempt_id", "ingested_at"}
HASHED = Identity(b"a key of the tests, not a secret")
CORE_COLUMNS = [name for name in core.USAGE_EVENTS.names if name not in NOT_COMPARED]


def event(ident: str, started_at: str = "2026-11-18T10:00:00Z", **fields: Any) -> dict[str, Any]:
    """One call of gpt-4o with 1,000 input and 100 output tokens: 0.0035 USD at 2.50 and 10.00 a million."""
    call = {
        "id": ident,
        "started_at": started_at,
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "output_tokens": 100,
    }
    return {**call, **fields}


@dataclass(frozen=True)
class Gathered:
    """What a collection committed, and what it refused."""

    receipts: list[Receipt]
    refused: list[Refusal]


@dataclass(frozen=True)
class Lab:
    """A state folder at `home`, and usage files beside it."""

    home: Path
    book: PriceBook = field(default_factory=PriceBook)
    now: datetime = NOW
    batch_bytes: int = 1 << 20
    limits: GateLimits = field(default_factory=GateLimits)
    identity: Identity = HASHED

    @property
    def warehouse(self) -> DuckDBWarehouse:
        warehouse = DuckDBWarehouse(self.home, memory_limit="1GiB")
        warehouse.prepare(self.now)
        return warehouse

    @property
    def collector(self) -> Collector:
        return Collector(
            folder=self.home,
            warehouse=self.warehouse,
            book=self.book,
            identity=self.identity,
            limits=self.limits,
            exchange_rates={},
            batch_bytes=self.batch_bytes,
            memory_limit="1GiB",
        )

    def write(self, name: str, calls: Iterable[Mapping[str, Any]]) -> Path:
        """Write calls as a JSON Lines file in our own event format."""
        path = self.home.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(call) + "\n" for call in calls))
        return path

    def source(self, *paths: Path, name: str = "app", file_format: Format = events.FORMAT) -> FileSource:
        terms = SourceTerms(name, file_format.name, billing="api", reported_basis=file_format.reported_basis)
        return FileSource(terms, file_format, tuple(str(path) for path in paths))

    def ingest(self, *paths: Path, name: str = "app") -> list[Receipt]:
        """Land and commit what is new in these files, one file after the other."""
        receipts: list[Receipt] = []
        for path in paths:
            receipts += self.collect_new(self.source(path, name=name)).receipts
        return receipts

    def collect(self, source: FileSource) -> "Gathered":
        """Commit what is pending of a source, then land and commit what is new."""
        collector = self.collector
        receipts = [collector.commit(source, each, self.now) for each in collector.pending(source)]
        new = self.collect_new(source)
        return Gathered([*receipts, *new.receipts], new.refused)

    def collect_new(self, source: FileSource) -> "Gathered":
        """Land and commit what is new at a source."""
        collector = self.collector
        receipts: list[Receipt] = []
        refused: list[Refusal] = []
        for batch in collector.find(source, self.now).batches:
            landed = collector.land(source, batch, self.now)
            receipts += [collector.commit(source, landing, self.now) for landing in landed.landings]
            refused += landed.refused
        return Gathered(receipts, refused)

    def publish(self) -> Publication:
        """Build the marts and publish."""
        self.warehouse.build()
        return self.warehouse.publish(self.now)

    def core(self, columns: Iterable[str] = CORE_COLUMNS) -> list[tuple[Any, ...]]:
        """Return the rows of core_usage_events, sorted, without attempt_id and ingested_at."""
        sql = f"SELECT {', '.join(columns)} FROM core_usage_events"
        return sorted(self.warehouse.read(Query(sql)).rows(), key=repr)

    def one(self, sql: str) -> Any:
        """Return the single value of a query over what is committed."""
        return self.warehouse.read(Query(sql)).item()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over what is committed."""
        return self.warehouse.read(Query(sql)).rows()

    @property
    def serving(self) -> Serving:
        return Serving(self.home)
