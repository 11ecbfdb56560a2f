"""What the pipeline needs of a warehouse: five verbs, and one frozen value across each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, overload

import duckdb
import polars as pl

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.pricing.knowledge import Learned
from sophia_metrics.quality.verdict import Verdict
from sophia_metrics.services import Service
from sophia_metrics.usage.staging import Slice
from sophia_metrics.usage.tombstones import Tombstones
from sophia_metrics.windows import Window

__all__ = [
    "BEHIND",
    "Audit",
    "BuildReport",
    "Change",
    "Changed",
    "Checkup",
    "Compaction",
    "CoreChange",
    "Erasure",
    "Expired",
    "FileCount",
    "ForgottenMeanwhileError",
    "Learning",
    "Mending",
    "Observations",
    "Publication",
    "Query",
    "Rebuild",
    "Receipt",
    "Record",
    "RepriceOrder",
    "Repricing",
    "Retention",
    "Warehouse",
    "Whole",
]


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT over core, built marts and state tables as they are committed now, with `$name` parameters.

    `days` restricts every table that is kept by UTC day to some days. None: all of them.
    """

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    days: tuple[date, ...] | None = None


@dataclass(frozen=True, slots=True)
class FileCount:
    """What became of the rows of one file: row_count is the sum of the other four."""

    file_name: str
    row_count: int
    accepted_count: int
    quarantined_count: int
    duplicate_count: int
    ignored_count: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a commit that is on disk.

    Attributes:
        attempt_id: the attempt.
        source: name of the source.
        files: counts by file.
        days: the UTC days of core that changed.
        held_because: why the gate held everything back. None: it is committed.
        judged: the verdict on every row rule, and on the slice.
        removed_count: rows of core that their source no longer has in its windows; they are in none of the files.
    """

    attempt_id: str
    source: str
    files: tuple[FileCount, ...]
    days: tuple[date, ...]
    held_because: str | None = None
    judged: tuple[Verdict, ...] = ()
    removed_count: int = 0

    @property
    def summary(self) -> str:
        """The counts in a line."""
        total = {
            name: sum(getattr(file, f"{name}_count") for file in self.files)
            for name in ("row", "accepted", "quarantined", "duplicate", "ignored")
        }
        rows = total.pop("row")
        if self.removed_count:
            total["removed"] = self.removed_count
        counts = [f"{rows:,} {'row' if rows == 1 else 'rows'}", *(f"{count:,} {name}" for name, count in total.items())]
        state = "held" if self.held_because else "committed"
        return f"{self.source}: {state}, {', '.join(counts)}"


@dataclass(frozen=True, slots=True)
class RepriceOrder:
    """A request to price again what has a price already.

    Attributes:
        window: whole UTC days.
        reason: why, in the words of whoever asks.
        model: as in core_usage_events. None: all models.
        is_dry_run: tell what would change, and change nothing.
    """

    window: Window
    reason: str
    model: str | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Repricing:
    """Events to be priced again: those without a price, or all that an order names.

    The working connection then holds `price_changes`: by provider and model, what changed. See core_reprices.

    Attributes:
        connection: a working connection with `cards`, `card_units`, `source_terms` and `fx_rates`.
        prices: what was learnt about prices on the way.
        fingerprint: of the price book.
        now: the present (naive UTC).
        order: which events. None: those that have no price, or other terms now.
    """

    connection: duckdb.DuckDBPyConnection
    prices: Learned
    fingerprint: str
    now: datetime
    order: RepriceOrder | None = None


@dataclass(frozen=True, slots=True)
class Learning:
    """What the price book says now, to be known from now on; nothing is priced again.

    Attributes:
        prices: what changed about prices.
    """

    prices: Learned


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Whole days of core made anew from landing.

    Attributes:
        connection: a working connection with `cards`, `card_units`, `source_terms` and `fx_rates`, and with
            `rebuilt_events` and `rebuilt_units`, the days' rows without money, and `rejected`.
        window: the days.
        attempts: the attempts whose landed files were read.
        prices: what was learnt about prices on the way.
        now: the present (naive UTC).
        tombstone_count: how many tombstones there were when the landed files were read.
    """

    connection: duckdb.DuckDBPyConnection
    window: Window
    attempts: frozenset[str]
    prices: Learned
    now: datetime
    tombstone_count: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """Events that stand on more than one day, because a version of them came with a start far from the others'.

    A merge looks one day to either side only; this looks at the keys of all days. What one audit has seen the next
    one passes over.

    Attributes:
        look_up: brings what a price depends on into a working connection: it creates `cards`, `card_units`,
            `source_terms` and `fx_rates` for the relation `events`, and returns what was learnt about prices on the
            way. It is called only where events stand on several days, and reads the warehouse.
    """

    look_up: Callable[[duckdb.DuckDBPyConnection], Learned]


@dataclass(frozen=True, slots=True)
class Erasure:
    """People who are forgotten: their rows lose what tells of them, and keep their counts and their money.

    The tombstones are on disk before anything else changes, so that nobody comes back who was forgotten. What was
    erased before changes nothing.

    Attributes:
        tombstones: who is forgotten now, or was before.
        now: the present (naive UTC).
        is_dry_run: rows are counted, and nothing is changed.
    """

    tombstones: Tombstones
    now: datetime
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """A statement about rows of observations: they are all that there is of their kind, so that others are gone.

    Only core_invoice_lines knows of it. A row that is gone keeps its key, says when it went, and its amounts are null:
    so it stays gone wherever a copy of it is found.

    Attributes:
        table: name of the table.
        window: in which the rows stand, by the first column of the table's order.
        same: columns, and the values by which the rows are of one kind.
        seen_at: when that was so (naive UTC).
    """

    table: str
    window: Window
    same: Mapping[str, str]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Observations:
    """Facts that are no usage: cache snapshots, cache lookups, probe results, lines of bills.

    A row replaces the one with the same key; one that is there already changes nothing, so that committing twice
    is once: when it was read does not count as a change. Of rows with the same key in one frame the last one counts.

    Attributes:
        rows: by the name of a table in `schema.core.OBSERVED`. A frame may lack columns that may be null; the UTC
            day is computed from the instant.
        complete: of which rows there are no others.
    """

    rows: Mapping[str, pl.DataFrame]
    complete: tuple[Whole, ...] = ()


@dataclass(frozen=True, slots=True)
class Compaction:
    """Days that lie in several small pieces, each to become one: no row changes.

    Attributes:
        now: the present (naive UTC). A day to which somebody has written within a day before it is left alone.
        is_dry_run: tell what would be done, and change nothing.
    """

    now: datetime
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """From when on rows are kept. Of days that are dropped the rollups stay: the marts by day.

    Days go only as far as their marts are built, no expectation fails, and the audit has seen them; what is dropped
    once is never kept again, whatever a later retention says.

    Attributes:
        usage_from_on: the first UTC day of usage events, their units and quarantined rows that is kept. None: all are.
        observed_from_on: the same of cache snapshots, cache lookups and probe results.
        runs_from_at: pipeline runs, verdicts of expectations and the list of versions from before then go (naive UTC).
            None: all are kept.
        now: the present (naive UTC).
        is_dry_run: tell what would be done, and change nothing.
    """

    usage_from_on: date | None
    observed_from_on: date | None
    runs_from_at: datetime | None
    now: datetime
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """What a retention dropped, or in a dry run would drop.

    Attributes:
        row_count: rows of core.
        day_count: days of a table that held them.
        run_count: rows about runs.
        usage_from_on: the first UTC day of usage that is kept now. None: all are.
        observed_from_on: the same of observations.
        stopped_because: why not every day went that is old enough, in a sentence. None: every one did.
    """

    row_count: int
    day_count: int
    run_count: int
    usage_from_on: date | None
    observed_from_on: date | None
    stopped_because: str | None = None


@dataclass(frozen=True, slots=True)
class Checkup:
    """A look at whatever is listed: what is damaged is taken off the list, and its days wait to be made again.

    The answer counts the days of tables that were found damaged. They stand in damaged_days.

    Attributes:
        now: the present (naive UTC).
        is_deep: read every file, too. False: look whether files are there and as long as they were, which is cheap.
    """

    now: datetime
    is_deep: bool = False


@dataclass(frozen=True, slots=True)
class Mending:
    """Damaged days that are given what could be found of them; whatever they lack then is noted as lost.

    Of observations, what the state folder holds in files that are no longer listed is found here. A damaged mart
    waits for the next build, unless it can no longer be built.

    Attributes:
        rows: what was found, by table; a row that is there stays as it is.
        days: the damaged days, by table.
    """

    rows: Mapping[str, pl.DataFrame]
    days: Mapping[str, tuple[date, ...]]


CoreChange = Repricing | Learning | Rebuild | Audit | Observations | Erasure | Compaction | Checkup | Mending
"""The kinds of change that answer with what changed."""

Change = Slice | CoreChange | Retention
"""Every kind of change of core."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of core did: any kind of change but a slice and a retention.

    Attributes:
        event_count: how many rows were written: events, or observations; of a learning the price cards. After a
            checkup: how many days are damaged. Of a dry run: how many would be.
        days: the UTC days that changed, in order.
    """

    event_count: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Rows for state tables, by table name. A row replaces the one with the same key."""

    rows: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Which days of which marts were built again; a day whose inputs are as they were is not in it."""

    built: Mapping[str, tuple[date, ...]]

    @property
    def day_count(self) -> int:
        """Mart days that were built."""
        return sum(len(days) for days in self.built.values())


BEHIND = "other runs commit all the time, and their marts are not built yet: the next run publishes"


@dataclass(frozen=True, slots=True)
class Publication:
    """The version that readers see after a publish.

    Attributes:
        version: its number. 0: nothing was ever published.
        is_new: this publish wrote it. False: nothing had changed, or the publish was held back.
        published_at: when it was published (naive UTC). None: nothing was ever published.
        held_because: why the publish was held back: readers go on with this version, which is stale. None: it was not.
        is_behind: it was held back because core has days whose marts are not built yet: build and judge them first.
    """

    version: int
    is_new: bool
    published_at: datetime | None
    held_because: str | None = None
    is_behind: bool = False


class ForgottenMeanwhileError(ServiceUnavailableError):
    """Somebody was forgotten while rows were on their way to core, and they may hold that person."""

    def __init__(self) -> None:
        super().__init__("somebody was forgotten while these rows were read: nothing was changed, run it again")


class Warehouse(Service, Protocol):
    """Core, marts and state, on one engine."""

    def read(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query over what is committed now."""
        ...

    @overload
    def commit(self, change: Slice) -> Receipt: ...
    @overload
    def commit(self, change: CoreChange) -> Changed: ...
    @overload
    def commit(self, change: Retention) -> Expired: ...
    def commit(self, change: Change) -> Receipt | Changed | Expired:
        """Make a change of core visible in one step, with all that belongs to it."""
        ...

    def record(self, record: Record) -> None:
        """Write rows of state tables in one step."""
        ...

    def build(self) -> BuildReport:
        """Build the days of the marts whose inputs changed."""
        ...

    def publish(self, now: datetime) -> Publication:
        """Let readers see what is committed and built; nothing happens where nothing changed, or a day is held.

        A day that is committed and not built yet holds the publish back too: no version has core without its marts.
        """
        ...
