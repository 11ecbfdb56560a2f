"""What a person wants to know after a run: money first, then what was read, then what to do next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sophia_metrics.cache.outcome import CachesCollected
from sophia_metrics.cli.budget_page import budget_section
from sophia_metrics.cli.figures import age, bytes_text, count, instant, plural
from sophia_metrics.cli.health_page import services_section
from sophia_metrics.cli.published import Published
from sophia_metrics.cli.quality_page import quality_sections
from sophia_metrics.cli.spend_page import spend_sections
from sophia_metrics.costs.budget_report import BudgetStatus
from sophia_metrics.costs.outdated_roles import OutdatedRole
from sophia_metrics.costs.reconciliation import DoubleLedger
from sophia_metrics.costs.spend import SpendReport
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.sources.part import Refusal
from sophia_metrics.usage.outcome import Collected, RowCounts, RunSummary

__all__ = ["RunPage", "print_page", "refusal_text", "sample_banner"]

SHOWN_REFUSALS = 5
SAMPLE = (
    "These figures are made up, for a first look: no real calls, no real costs. "
    "They disappear when a real source is collected for the first time."
)


@dataclass(frozen=True, slots=True)
class RunPage:
    """Everything that is printed after a run.

    Attributes:
        summary: what the run did.
        spend: what the published version says about money.
        budgets: how the budgets stand in it.
        double_ledgers: ledger sources that may count the same calls, in the last 28 days.
        outdated_roles: what counts as the settings no longer say, in the last 28 days.
        published: what it says of itself.
        home: the state folder.
        prefect_home: where Prefect keeps records of its own. None: the run was plain.
        now: the present (naive UTC).
    """

    summary: RunSummary
    spend: SpendReport
    budgets: tuple[BudgetStatus, ...]
    double_ledgers: tuple[DoubleLedger, ...]
    outdated_roles: tuple[OutdatedRole, ...]
    published: Published
    home: Path
    prefect_home: Path | None
    now: datetime

    @property
    def is_changed(self) -> bool:
        """The run committed, priced, built or published anything."""
        summary = self.summary
        is_committed = any(not each.held_because for found in summary.collected for each in found.receipts)
        return bool(is_committed or summary.repriced_count or summary.build.day_count or summary.publication.is_new)


def print_page(page: RunPage) -> None:
    """Print the page on standard output."""
    console = Console(highlight=False)
    if page.published.is_sample:
        console.print(sample_banner())
    for section in (*spend_sections(page.spend), budget_section(page.budgets), *_run_sections(page)):
        console.print(section)
    for name, value in _lines(page):
        console.print(Text.assemble((f"{name:<8}", "dim"), value), soft_wrap=True)


def refusal_text(refusal: Refusal) -> str:
    """Return why a file was refused, and which one."""
    return refusal.reason if refusal.path in refusal.reason else f"{refusal.path}: {refusal.reason}"


def sample_banner() -> RenderableType:
    """Return what stands above every figure that is made up."""
    return Panel(Text(SAMPLE), title="SAMPLE DATA", title_align="left", border_style="yellow", box=ROUNDED)


def _run_sections(page: RunPage) -> Iterator[RenderableType]:
    yield Group(Text("Rows of this run", style="bold"), _rows(page.summary), Text())
    refused = [each for found in page.summary.collected for each in found.refused]
    if refused:
        lines = [f"  {refusal_text(each)}" for each in refused[:SHOWN_REFUSALS]]
        if len(refused) > SHOWN_REFUSALS:
            lines.append(f"  and {len(refused) - SHOWN_REFUSALS} more; all of them with --json")
        yield _warning(f"Refused: {plural(len(refused), 'file')} not read at all", lines)
    if problems := page.summary.caches.problems:
        yield _warning("Caches that could not be read, or not whole", [f"  {each}" for each in problems])
    held = [each for found in page.summary.collected for each in found.held]
    if held:
        lines = [f"  {each.source}: {each.held_because}" for each in held]
        yield _warning(f"Held back by the gate: {plural(len(held), 'slice')}, not in any figure", lines)
    yield from quality_sections(page.summary.quality, page.summary.publication)
    if page.double_ledgers:
        yield _warning("Sources that may count the same calls", [f"  {each.message}" for each in page.double_ledgers])
    if page.outdated_roles:
        yield _warning("Roles that changed since", [f"  {each.message}" for each in page.outdated_roles])
    if page.published.alerts:
        lines = [
            f"  {each.severity}: {each.message}, since {instant(each.opened_at)}" for each in page.published.alerts
        ]
        yield _warning("Open alerts", lines)
    services = services_section(page.published.services, page.now)
    yield Group(Text("Services", style="bold"), services, Text())


def _warning(title: str, lines: Sequence[str]) -> RenderableType:
    return Group(Text(title, style="bold yellow"), *(Text(line) for line in lines), Text())


def _rows(summary: RunSummary) -> RenderableType:
    headings = ("read", "accepted", "quarantined", "duplicate", "ignored")
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column("source", overflow="fold")
    for heading in ("files", "new", *headings):
        grid.add_column(heading, justify="right", no_wrap=True)
    for each in summary.collected:
        grid.add_row(each.source, *_file_cells(each), *_row_cells(each.counts))
    if len(summary.collected) > 1:
        grid.add_row("total", "", "", *_row_cells(summary.counts), style="bold")
    if not summary.collected:
        return Text("no source to collect: configure one in sophia.toml (`sophia-metrics init`)")
    return grid


def _file_cells(collected: Collected) -> tuple[str, str]:
    return count(collected.findings.file_count), count(collected.findings.new_file_count)


def _row_cells(rows: RowCounts) -> tuple[str, ...]:
    return tuple(map(count, (rows.read, rows.accepted, rows.quarantined, rows.duplicate, rows.ignored)))


def _lines(page: RunPage) -> Iterator[tuple[str, str]]:
    published = page.published
    changed = "" if page.is_changed else "nothing changed: no new usage, no new prices. "
    stale = ", STALE: a newer one is held back" if page.summary.publication.held_because else ""
    yield "result", f"{changed}version {published.version}, published {instant(published.published_at)}{stale}"
    yield "fresh", "; ".join(_freshness(page))
    yield "caches", "; ".join(_caches(page.summary.caches)) or "no data: name one under [[caches]] in sophia.toml"
    yield "quality", _quality(page.summary.quality)
    yield "alerts", "none open" if not published.alerts else f"{plural(len(published.alerts), 'alert')} open"
    yield "state", str(page.home)
    prefect = f"; Prefect's own records of runs are in {page.prefect_home}" if page.prefect_home else ""
    yield "undo", f"rm -r {quote(str(page.home))} (nothing else was written{prefect})"
    yield from zip(("next", "or", "or"), _next_commands(page), strict=False)


def _freshness(page: RunPage) -> Iterator[str]:
    for each in page.published.freshness:
        stale = ", STALE" if each.is_stale else ""
        if each.subject.startswith("flow:"):
            continue  # whether schedules are kept is no news of this run: the page and `doctor` say it
        if each.subject.startswith("core_"):
            yield f"newest call {instant(each.newest_at)}, {age(each.newest_at, page.now)}{stale}"
        else:
            yield f"{each.subject} collected {age(each.newest_at, page.now)}{stale}"


def _quality(quality: QualityReport) -> str:
    if not quality.verdicts:
        return "no day has changed since it was judged"
    verdict = f"{len(quality.failed):,} failed" if quality.failed else "all hold"
    data_docs = "" if quality.data_docs is None else f"; Data Docs in {quality.data_docs}"
    return f"{plural(len(quality.verdicts), 'expectation')} judged, {verdict}{data_docs}"


def _caches(caches: CachesCollected) -> Iterator[str]:
    for each in caches.readings:
        about = "about " if each.entries.is_sampled else ""
        size = "" if each.entries.used_bytes is None else f", {about}{bytes_text(each.entries.used_bytes)}"
        keys = (
            "keys unknown" if each.entries.entry_count is None else f"{about}{plural(each.entries.entry_count, 'key')}"
        )
        yield f"{each.cache}: {keys}{size}"
    yield from (f"{each.cache}: not read" for each in caches.failed)


def _next_commands(page: RunPage) -> Iterator[str]:
    if page.summary.is_held or page.spend.unpriced:
        yield "sophia-metrics doctor"
    if page.published.is_sample:
        yield "sophia-metrics ingest PATH --source litellm"
    group, cost = ("project", "list_cost_usd") if page.spend.all_time.cost_usd is None else ("team", "cost_usd")
    yield "sophia-metrics dashboard"
    yield f'sophia-metrics sql "SELECT {group}, SUM({cost}) AS usd FROM mart_cost_daily GROUP BY {group}"'
