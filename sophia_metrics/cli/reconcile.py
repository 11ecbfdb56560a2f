"""`sophia-metrics reconcile`: our sums held against the providers' bills."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import count, money, plural
from sophia_metrics.cli.usage_rows import usage_rows
from sophia_metrics.costs.reconciliation import Reconciliation, load_reconciliation
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, load_settings

__all__ = ["print_reconciliation"]

DAYS = 31


def print_reconciliation(first_on: date | None, last_on: date | None, *, is_json: bool) -> None:
    """Print how some UTC days compare with the bills; unless they are named, the 31 days that end with yesterday.

    Raises:
        ConfigurationError: the days are none, or nothing is published yet.
    """
    last = last_on or datetime.now(UTC).date() - timedelta(days=1)
    first = first_on or last - timedelta(days=DAYS - 1)
    found = _load(load_settings(), first, last)
    if is_json:
        print_facts({"reconciliation": found})
        return
    console = Console(highlight=False)
    for title, content in _sections(found):
        console.print(Text(title, style="bold"), content, Text(), sep="\n")


def _load(settings: Settings, first_on: date, last_on: date) -> Reconciliation:
    """Read it; where the state folder has the newest days of usage only, Snowflake matches the calls."""
    serving = Serving(settings.home)
    if settings.warehouse != "snowflake":
        return load_reconciliation(serving, first_on, last_on)
    with usage_rows(settings) as ask:
        return load_reconciliation(serving, first_on, last_on, lambda sql, days: ask(sql, days).rows())


def _sections(found: Reconciliation) -> Iterator[tuple[str, RenderableType]]:
    title = f"Computed, reported and invoiced, {found.first_on} to {found.last_on} UTC, USD"
    yield title, _amounts(found) if found.rows else Text("no data: neither calls nor bills")
    if found.reasons:
        yield "Gaps by their likely reason", _reasons(found)
    if found.double_ledgers:
        yield "Double ledgers", Text("\n".join(each.message for each in found.double_ledgers), style="bold red")
    if found.matched:
        yield "Calls that two sources tell of, by request_id", _matched(found)
    if found.apart:
        yield "Billed, and not held against usage", _apart(found)


def _grid(*headings: str, texts: int) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, heading in enumerate(headings):
        grid.add_column(heading, justify="left" if place < texts else "right", overflow="fold")
    return grid


def _amounts(found: Reconciliation) -> Table:
    headings = ("provider", "account", "model", "computed", "reported", "invoiced", "gap", "days", "billed", "settled")
    grid = _grid(*headings, texts=3)
    for each in found.rows:
        amounts = (each.computed_usd, each.reported_usd, each.invoiced_usd, each.gap_usd)
        days = (each.day_count, each.billed_day_count, each.settled_day_count)
        grid.add_row(each.provider, each.account_id, each.model, *map(money, amounts), *map(count, days))
    return grid


def _reasons(found: Reconciliation) -> Table:
    grid = _grid("reason", "provider", "days", "gap", "gaps", texts=3)
    for each in found.reasons:
        days = f"{each.first_on} to {each.last_on}"
        grid.add_row(each.reason, each.provider, days, money(each.gap_usd), count(each.gap_count))
    return grid


def _matched(found: Reconciliation) -> Table:
    grid = _grid("ledger", "other", "role", "calls", "compared", "ledger USD", "other USD", "difference", texts=3)
    for each in found.matched:
        amounts = map(money, (each.ledger_usd, each.other_usd, each.difference_usd))
        calls = map(count, (each.call_count, each.compared_count))
        grid.add_row(each.ledger_source, each.other_source, each.other_role, *calls, *amounts)
    return grid


def _apart(found: Reconciliation) -> Text:
    return Text(
        "\n".join(
            f"{each.provider}: {each.charge_category}{' over more than a day' if each.is_usage else ''}, "
            f"{money(each.billed_cost_usd)} in {plural(each.line_count, 'line')}"
            for each in found.apart
        )
    )
