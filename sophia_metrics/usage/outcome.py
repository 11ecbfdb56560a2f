"""What a run did, as values: they cross from the tasks to the flows and on to whoever prints them."""

from dataclasses import dataclass, field

from sophia_metrics.cache.outcome import CachesCollected
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.sources.part import Refusal
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.usage.collect import Findings
from sophia_metrics.warehouse.protocol import BuildReport, Publication, Receipt

__all__ = ["Collected", "RowCounts", "RunSummary"]


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows read, and what became of them: read is the sum of the other four."""

    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    ignored: int = 0

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(
            self.read + other.read,
            self.accepted + other.accepted,
            self.quarantined + other.quarantined,
            self.duplicate + other.duplicate,
            self.ignored + other.ignored,
        )


@dataclass(frozen=True, slots=True)
class Collected:
    """What was collected from one source.

    Attributes:
        source: its name.
        findings: the files that there were.
        receipts: the commits, those of earlier landings that had been left over included.
        refused: the files that were not read, and why.
    """

    source: str
    findings: Findings
    receipts: tuple[Receipt, ...]
    refused: tuple[Refusal, ...] = ()

    @property
    def is_sample(self) -> bool:
        """The rows are made up."""
        return self.source == SAMPLE_SOURCE

    @property
    def counts(self) -> RowCounts:
        """Rows of committed and held slices together."""
        files = [file for receipt in self.receipts for file in receipt.files]
        return RowCounts(
            sum(file.row_count for file in files),
            sum(file.accepted_count for file in files),
            sum(file.quarantined_count for file in files),
            sum(file.duplicate_count for file in files),
            sum(file.ignored_count for file in files),
        )

    @property
    def held(self) -> tuple[Receipt, ...]:
        """The slices that the gate keeps back."""
        return tuple(receipt for receipt in self.receipts if receipt.held_because is not None)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A whole run of the pipeline.

    Attributes:
        run_id: as in core_pipeline_runs.
        collected: by source.
        repriced_count: events that had no price and have one now.
        build: the mart days that were built.
        quality: what became of the expectations.
        publication: the version that readers see now.
        caches: what was read of caches, and which failed.
    """

    run_id: str
    collected: tuple[Collected, ...]
    repriced_count: int
    build: BuildReport
    quality: QualityReport
    publication: Publication
    caches: CachesCollected = field(default_factory=CachesCollected)

    @property
    def counts(self) -> RowCounts:
        """Rows of all sources."""
        return sum((each.counts for each in self.collected), RowCounts())

    @property
    def is_held(self) -> bool:
        """The gate holds a slice back, or a failed expectation the publish: the exit code is 3."""
        return any(each.held for each in self.collected) or self.publication.held_because is not None

    @property
    def is_changed(self) -> bool:
        """The run committed, built or published anything."""
        return bool(self.counts.read or self.repriced_count or self.build.day_count or self.publication.is_new)
