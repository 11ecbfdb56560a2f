"""Collecting bills: files that are new or have changed replace the lines that they held.

Safe to run twice and after a kill: lines are committed first, and where a file was read to is noted afterwards.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import polars as pl

from sophia_metrics.errors import ProcessingError, handle_service_errors
from sophia_metrics.invoices.commit import commit_lines
from sophia_metrics.invoices.files import BillFiles
from sophia_metrics.invoices.focus import read_focus
from sophia_metrics.invoices.lines import InvoiceSource
from sophia_metrics.invoices.pulled import read_pulled
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.part import Refusal
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.usage.positions import known_positions
from sophia_metrics.usage.watermark import watermark_frame
from sophia_metrics.warehouse.protocol import FileCount, Query, Receipt, Record, Warehouse
from sophia_metrics.windows import Window

__all__ = ["BillCollector", "BillsCollected"]

log = logging.getLogger(__name__)

HELD = (
    "SELECT file_name, min(charge_start_at) AS start_at, max(charge_start_at) AS last_at FROM core_invoice_lines "
    "WHERE source = $source AND file_name IS NOT NULL AND removed_at IS NULL GROUP BY file_name"
)

_translated = handle_service_errors(
    "the bill", unavailable=(OSError,), advice="its disk fails, or the file may not be read; look at it and run again"
)


@dataclass(frozen=True, slots=True)
class BillsCollected:
    """What was collected of bills.

    Attributes:
        file_count: the files that there are.
        receipts: one for each file that was new or had changed.
        refused: files of which nothing is taken, and why.
    """

    file_count: int
    receipts: tuple[Receipt, ...]
    refused: tuple[Refusal, ...]

    @property
    def new_count(self) -> int:
        """Files that are new or have changed."""
        return len(self.receipts) + len(self.refused)


@dataclass(frozen=True, slots=True)
class BillCollector:
    """Everything that collecting bills needs, as values.

    Attributes:
        warehouse: where lines are committed.
        exchange_rates: dollars for one unit of another currency.
    """

    warehouse: Warehouse
    exchange_rates: Mapping[str, Decimal]

    @_translated
    def collect(self, bills: BillFiles, now: datetime) -> BillsCollected:
        """Commit the lines of each file that is new or has changed since it was read; `now` is naive UTC.

        A file is taken as a whole, or refused: a bill with a part missing is none.
        """
        source = InvoiceSource(bills.name, bills.terms.settling_seconds, self.exchange_rates, bills.terms.account)
        files = bills.find_files()
        known = known_positions(self.warehouse, bills.name)
        changed = [
            file
            for file in files
            if (at := known.get(file.name)) is None
            or (at.size_bytes, at.modified_ns) != (file.size_bytes, file.modified_ns)
        ]
        held = self._held(source) if changed else {}
        receipts: list[Receipt] = []
        refused: list[Refusal] = []
        for file in changed:
            try:
                content = _sha256(file)
                position = known.get(file.name)
                if position is not None and position.prefix_sha256 == content:
                    self.warehouse.record(Record({"file_positions": _position(source, file, content)}))
                    continue
                receipts.append(
                    self._commit_pulled(source, file, bills.mapping, content, now)
                    if bills.mapping is not None
                    else self._commit(source, file, held.get(file.name), content, now)
                )
            except ProcessingError as error:
                refused.append(Refusal(file.name, str(error)))
        self.warehouse.record(Record({"core_watermarks": watermark_frame(bills.terms, now, None)}))
        return BillsCollected(len(files), tuple(receipts), tuple(refused))

    def _held(self, source: InvoiceSource) -> dict[str, Window]:
        """Return in which window each file had lines when it was read the last time."""
        rows = self.warehouse.read(Query(HELD, {"source": source.name}))
        return {str(name): Window(first, last + timedelta(microseconds=1)) for name, first, last in rows.iter_rows()}

    def _commit(
        self, source: InvoiceSource, file: SourceFile, held: Window | None, content: str, now: datetime
    ) -> Receipt:
        if file.member is not None:
            raise ProcessingError(f"{file.name}: a bill inside an archive is not read: unpack it")
        lines = read_focus(Path(file.path))
        window = _window(lines, held)
        days = commit_lines(self.warehouse, source, window, lines, now, file_name=file.name).days if window else ()
        return self._note(source, file, content, lines.height, days, now)

    def _commit_pulled(
        self, source: InvoiceSource, file: SourceFile, mapping: str, content: str, now: datetime
    ) -> Receipt:
        """Let the lines of a pulled file be all that the source has in its window."""
        pulled = PulledWindow.parse(file.name)
        if pulled is None:
            raise ProcessingError(f"{file.name}: nothing was pulled under such a name: remove it from the spool")
        lines = read_pulled(Path(file.path), mapping)
        window = Window(pulled.start_at, pulled.end_at)
        days = commit_lines(self.warehouse, source, window, lines, pulled.read_at).days
        return self._note(source, file, content, lines.height, days, now)

    def _note(
        self, source: InvoiceSource, file: SourceFile, content: str, count: int, days: tuple[date, ...], now: datetime
    ) -> Receipt:
        """Note that the lines of a file are committed."""
        attempt = f"bill-{uuid4().hex}"
        self.warehouse.record(
            Record(
                {
                    "core_ingest_ledger": _ledger_row(source, file, attempt, content, count, now),
                    "file_positions": _position(source, file, content),
                }
            )
        )
        log.info("%s: %s lines of a bill from %s", source.name, f"{count:,}", file.name)
        return Receipt(attempt, source.name, (FileCount(file.name, count, count, 0, 0, 0),), days)


def _window(lines: pl.DataFrame, held: Window | None) -> Window | None:
    """Return the window of the lines, and of those that the file had before. None: there are and were none."""
    starts = lines["charge_start_at"]
    instants = [*([] if starts.is_empty() else [starts.min(), starts.max()])]
    last = timedelta(microseconds=1)
    edges = [each for each in instants if isinstance(each, datetime)]
    firsts: Sequence[datetime] = [*edges, *([held.start_at] if held else [])]
    ends: Sequence[datetime] = [*(edge + last for edge in edges), *([held.end_at] if held else [])]
    return Window(min(firsts), max(ends)) if firsts else None


def _sha256(file: SourceFile) -> str:
    with Path(file.path).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _position(source: InvoiceSource, file: SourceFile, content: str) -> pl.DataFrame:
    """Return the row of file_positions of a bill, which is always read whole."""
    row = {
        "source": source.name,
        "file_name": file.name,
        "reading_id": content,
        "size_bytes": file.size_bytes,
        "modified_ns": file.modified_ns,
        "byte_end": file.size_bytes,
        "line_end": 1,
        "prefix_sha256": content,
    }
    return pl.DataFrame([row], schema=polars_schema(state.FILE_POSITIONS))


def _ledger_row(
    source: InvoiceSource, file: SourceFile, attempt: str, content: str, count: int, now: datetime
) -> pl.DataFrame:
    row = {
        "source": source.name,
        "attempt_id": attempt,
        "status": "committed",
        "file_name": file.name,
        "byte_start": 0,
        "byte_end": file.size_bytes,
        "reading_id": content,
        "modified_ns": file.modified_ns,
        "row_count": count,
        "accepted_count": count,
        "quarantined_count": 0,
        "duplicate_count": 0,
        "ignored_count": 0,
        "content_sha256": content,
        "finished_at": now,
    }
    return pl.DataFrame([row], schema=polars_schema(state.INGEST_LEDGER))
