"""Spend on the terminal: a table by day and model, bars of the last days, and what is not spend."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.figures import count, day, money, plural, spend_text
from sophia_metrics.costs.spend import (
    ApiEquivalent,
    ModelEquivalent,
    Spend,
    SpendLine,
    SpendReport,
    SpendTable,
    UnpricedModel,
)

__all__ = ["SHOWN_MODELS", "spend_sections"]

SHOWN_MODELS = 5
SHOWN_UNPRICED = 8
BAR_WIDTH = 36
NAME_WIDTH = 19
EIGHTHS = " ▏▎▍▌▋▊▉"
NO_CALLS = "·"


def spend_sections(report: SpendReport) -> Iterator[RenderableType]:
    """Yield the sections about money, in the order in which a person asks."""
    table = report.table
    if table is None:
        yield _titled("Spend", Text("no data: nothing was collected yet"))
        return
    yield _titled(
        f"Spend by UTC day and model, USD, {table.first_on:%d %b} to {table.last_on:%d %b %Y}",
        _spend_table(table),
    )
    if any(spend and (spend.cost_usd is not None or spend.unpriced_count) for _, spend in report.chart):
        yield _titled("Spend of the last 14 days, USD", _bars(report))
    yield _titled("Sums, USD", _sums(report))
    if report.api_equivalent.request_count or report.month.api_equivalent.request_count:
        yield _titled("Paid by a subscription, or the source does not say who pays: not spend", _equivalents(report))
    if report.unpriced:
        yield _titled("Models whose cost is not known: not in the spend", _unpriced(report.unpriced))


def _titled(title: str, content: RenderableType) -> RenderableType:
    return Group(Text(title, style="bold"), content, Text())


def _grid(*columns: tuple[str, str]) -> Table:
    """Return a table of headings, each with "left" or "right"."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, (heading, justify) in enumerate(columns):
        table.add_column(
            heading,
            justify="right" if justify == "right" else "left",
            no_wrap=justify == "right",
            overflow="fold" if place == 0 else "ellipsis",
        )
    return table


def _spend_table(table: SpendTable) -> RenderableType:
    if table.total is None:
        return Text("none: no call of these days has, or should have, a cost")
    grid = _grid(("model", "left"), *((day(each)[:6], "right") for each in table.days), ("total", "right"))
    grid.padding = (0, 1, 0, 0)
    lines = [(line.model or "", line, "") for line in table.models]
    if table.other:
        lines.append(("other models", table.other, ""))
    lines.append(("total", table.total, "bold"))
    for name, line, style in lines:
        grid.add_row(name, *_cells(line, table.days), spend_text(line.total), style=style)
    notes = f"{NO_CALLS} no calls; rounded to the cent (exact with --json)"
    if table.total.total.unpriced_count:
        notes = f"* {plural(table.total.total.unpriced_count, 'call')} of unknown cost left out; {notes}"
    return Group(grid, Text(notes, style="dim"))


def _cells(line: SpendLine, days: tuple[date, ...]) -> Iterator[str]:
    for each in days:
        spend = line.days.get(each)
        yield spend_text(spend) if spend else NO_CALLS


def _bars(report: SpendReport) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column()
    most = max((spend.cost_usd for _, spend in report.chart if spend and spend.cost_usd), default=Decimal(1))
    for each, spend in report.chart:
        grid.add_row(Text(day(each), style="dim"), _bar_label(spend), Text(_bar(spend, most), style="cyan"))
    return grid


def _bar_label(spend: Spend | None) -> str:
    if spend is None:
        return "no calls"
    return "none" if spend.cost_usd is None and not spend.unpriced_count else spend_text(spend)


def _bar(spend: Spend | None, most: Decimal) -> str:
    if spend is None or not spend.cost_usd:
        return ""
    eighths = max(1, int(spend.cost_usd / most * BAR_WIDTH * 8))
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _sums(report: SpendReport) -> RenderableType:
    grid = _grid(("", "left"), ("spend", "right"), ("calls", "right"), ("calls of unknown cost", "right"))
    month = report.month
    name = f"month to date: {month.first_on:%B %Y} ({month.time_zone})"
    if month.spend is None:
        grid.add_row(name, "no data", "", "")
    else:
        grid.add_row(name, *_spend_cells(month.spend))
    grid.add_row(f"all data: {report.data_from_on} to {report.data_through_on}", *_spend_cells(report.all_time))
    return grid


def _spend_cells(spend: Spend) -> tuple[str, str, str]:
    is_none = spend.cost_usd is None and not spend.unpriced_count
    return ("none" if is_none else spend_text(spend), count(spend.request_count), count(spend.unpriced_count))


def _equivalents(report: SpendReport) -> RenderableType:
    grid = _grid(("API-equivalent at list prices, USD", "left"), ("last 7 days", "right"), ("month to date", "right"))
    month = {(each.provider, each.model): each for each in report.month.api_equivalent.models}
    week = {(each.provider, each.model): each for each in report.api_equivalent.models}
    for key in sorted(week.keys() | month.keys()):
        grid.add_row(key[1], *(_equivalent_cell(found.get(key)) for found in (week, month)))
    totals = (report.api_equivalent, report.month.api_equivalent)
    grid.add_row("total", *(_equivalent_cell(each) for each in totals), style="bold")
    return Group(grid, Text('set billing = "api" for the source if each call is paid for', style="dim"))


def _equivalent_cell(found: ApiEquivalent | ModelEquivalent | None) -> str:
    if found is None or not found.request_count:
        return NO_CALLS
    return money(found.list_cost_usd) + ("*" if found.unknown_count and found.list_cost_usd is not None else "")


def _unpriced(models: tuple[UnpricedModel, ...]) -> RenderableType:
    grid = _grid(
        ("model", "left"),
        ("provider", "left"),
        ("why", "left"),
        ("calls", "right"),
        ("tokens in", "right"),
        ("out", "right"),
    )
    grid.columns[0].min_width = min(NAME_WIDTH, max(len(each.model) for each in models[:SHOWN_UNPRICED]))
    for each in models[:SHOWN_UNPRICED]:
        tokens = (count(each.input_tokens), count(each.output_tokens))
        grid.add_row(each.model, each.provider, each.reason, count(each.request_count), *tokens)
    more = len(models) - SHOWN_UNPRICED
    hint = "`sophia-metrics doctor` names the nearest known models; price_overrides gives prices of your own"
    return Group(grid, Text(f"and {more} more; {hint}" if more > 0 else hint, style="dim"))
