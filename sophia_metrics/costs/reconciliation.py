"""Our sums held against the providers' bills, as a published version says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sophia_metrics.costs.reports import published_reports, report_query
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.serving import Serving

__all__ = [
    "Apart",
    "DoubleLedger",
    "GapReason",
    "MatchedCalls",
    "Reconciled",
    "Reconciliation",
    "load_double_ledgers",
    "load_reconciliation",
]

IS_THERE = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'mart_reconciliation'"
FINDING_DAYS = 28

Days = dict[str, date]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The days of mart_reconciliation together, of one provider, account and model; money in dollars.

    Attributes:
        provider: who sells the calls, as in mart_reconciliation.
        account_id: as in mart_reconciliation.
        model: as in mart_reconciliation.
        computed_usd: what we computed. None: nothing.
        reported_usd: what ledger sources reported. None: nothing.
        invoiced_usd: what is billed. None: there is no bill.
        gap_usd: invoiced less computed, of the days with a bill.
        billed_day_count: the days with a bill.
        day_count: the days with calls or a bill.
        settled_day_count: the days of which neither is expected to change.
    """

    provider: str
    account_id: str
    model: str
    computed_usd: Decimal | None
    reported_usd: Decimal | None
    invoiced_usd: Decimal | None
    gap_usd: Decimal | None
    billed_day_count: int
    day_count: int
    settled_day_count: int


@dataclass(frozen=True, slots=True)
class GapReason:
    """Gaps of one provider with the same reason; `gap_usd` None: it cannot be told."""

    reason: str
    provider: str
    gap_usd: Decimal | None
    gap_count: int
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class DoubleLedger:
    """Ledger sources that tell of what the same one sells to the same account on the same days: calls may count twice.

    `provider` is who sells, as in mart_reconciliation.
    """

    provider: str
    account_id: str
    sources: str
    day_count: int
    first_on: date
    last_on: date

    @property
    def message(self) -> str:
        """The finding in a sentence, and what to do."""
        days = "1 day" if self.day_count == 1 else f"{self.day_count} days"
        return (
            f"{self.sources} all count usage that {self.provider} sells, account {self.account_id}, on {days} "
            f"({self.first_on} to {self.last_on}): where they see the same calls, give one of them "
            'role = "reconcile", or that part of it ([[sources.roles]])'
        )


@dataclass(frozen=True, slots=True)
class MatchedCalls:
    """Calls that two sources both tell of, by request_id.

    Attributes:
        ledger_source: the source that counts.
        other_source: the other one.
        other_role: its role; ledger: the calls count twice.
        call_count: calls that both tell of.
        compared_count: those of which both know the cost.
        ledger_usd: what those cost by the ledger. None: there are none.
        other_usd: what they cost by the other.
        difference_usd: other_usd - ledger_usd.
    """

    ledger_source: str
    other_source: str
    other_role: str
    call_count: int
    compared_count: int
    ledger_usd: Decimal | None
    other_usd: Decimal | None
    difference_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Apart:
    """What is billed and not held against usage: taxes, purchases, other services, lines of more than a day."""

    provider: str
    charge_category: str
    is_usage: bool
    line_count: int
    billed_cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What `sophia-metrics reconcile` tells of some UTC days."""

    first_on: date
    last_on: date
    rows: tuple[Reconciled, ...]
    reasons: tuple[GapReason, ...]
    double_ledgers: tuple[DoubleLedger, ...]
    matched: tuple[MatchedCalls, ...]
    apart: tuple[Apart, ...]


def load_reconciliation(
    serving: Serving, first_on: date, last_on: date, usage: Callable[[str, Days], Iterable[Row]] | None = None
) -> Reconciliation:
    """Read how the days from the first to the last one, both included, compare with the bills.

    Args:
        serving: the published versions.
        first_on: UTC day.
        last_on: UTC day.
        usage: answers a SELECT over rows of usage, which match calls by request_id. None: the version has all of them.

    Raises:
        ConfigurationError: the last day is before the first, or nothing that knows of bills is published yet.
    """
    if last_on < first_on:
        raise ConfigurationError(f"the days {first_on} to {last_on} are none: name the earlier day first")
    if serving.query(IS_THERE).item() == 0:
        raise ConfigurationError("the published version is from before bills were kept: `sophia-metrics run` makes it")
    days: Days = {"first_on": first_on, "last_on": last_on}
    with published_reports(serving) as reports:
        matched = usage(report_query("matched_calls"), days) if usage else reports.rows("matched_calls", **days)
        return Reconciliation(
            first_on,
            last_on,
            rows=tuple(Reconciled(*row) for row in reports.rows("reconciled", **days)),
            reasons=tuple(GapReason(*row) for row in reports.rows("gap_reasons", **days)),
            double_ledgers=tuple(DoubleLedger(*row) for row in reports.rows("double_ledgers", **days)),
            matched=tuple(MatchedCalls(*row) for row in matched),
            apart=tuple(Apart(*row) for row in reports.rows("apart_from_usage", **days)),
        )


def load_double_ledgers(serving: Serving, now: datetime) -> tuple[DoubleLedger, ...]:
    """Return the double ledgers of the last 28 days; `now` is naive UTC."""
    if serving.query(IS_THERE).item() == 0:  # an older program published it
        return ()
    last_on = now.date()
    first_on = last_on - timedelta(days=FINDING_DAYS)
    with published_reports(serving) as reports:
        return tuple(DoubleLedger(*row) for row in reports.rows("double_ledgers", first_on=first_on, last_on=last_on))
