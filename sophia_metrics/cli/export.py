"""`sophia-metrics export focus` and `sophia-metrics chargeback`: what others take away of a month."""

import sys
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import count, money, plural
from sophia_metrics.cli.usage_rows import usage_rows
from sophia_metrics.exports.chargeback import Chargeback, ChargebackLine, ChargebackOrder, charge_back
from sophia_metrics.exports.files import csv_text, write_export
from sophia_metrics.exports.focus import FocusExport, export_focus
from sophia_metrics.exports.focus_columns import FOCUS_VERSION
from sophia_metrics.schema.focus import FOCUS_COST_AND_USAGE
from sophia_metrics.settings import load_settings

__all__ = ["print_chargeback", "print_focus"]


def print_focus(month: date, out: Path | None, *, is_json: bool) -> None:
    """Print, or write to a file, the spend of a UTC month as FOCUS rows, and say what is in none of them.

    Raises:
        ConfigurationError: nothing is published yet, or the file cannot be written there.
    """
    with usage_rows(load_settings(), FOCUS_COST_AND_USAGE.name) as ask:
        export = export_focus(ask, month)
    if out is not None:
        write_export(export.rows, out)
    if is_json:
        facts = {
            "focus_version": FOCUS_VERSION,
            "month": f"{export.month:%Y-%m}",
            "row_count": export.rows.height,
            "billed_usd": export.billed_usd,
            "unpriced_count": export.unpriced_count,
            "subscription_count": export.subscription_count,
        }
        print_facts({**facts, **({"rows": export.rows.to_dicts()} if out is None else {"file": out})})
        return
    if out is None:
        sys.stdout.write(csv_text(export.rows))
    sys.stderr.write("".join(f"{each}\n" for each in _focus_notes(export, out)))


def print_chargeback(order: ChargebackOrder, out: Path | None, *, is_json: bool) -> None:
    """Print, and write to a file where one is named, who is charged what of a month.

    Raises:
        ConfigurationError: nothing is published yet, or the file cannot be written there.
    """
    with usage_rows(load_settings()) as ask:
        chargeback = charge_back(ask, order)
    if out is not None:
        write_export(chargeback.rows(), out)
    if is_json:
        asked = {"month": f"{order.month:%Y-%m}", "time_zone": order.time_zone, "by": order.by}
        facts = {**asked, "split_rule": order.split_rule, "lines": chargeback.lines, "total": chargeback.total}
        print_facts({**facts, **({} if out is None else {"file": out})})
        return
    _print_lines(chargeback)


def _focus_notes(export: FocusExport, out: Path | None) -> list[str]:
    where = "" if out is None else f" in {out}"
    notes = [f"{plural(export.rows.height, 'row')}, {money(export.billed_usd)} USD{where}"]
    if export.unpriced_count:
        notes.append(
            f"{plural(export.unpriced_count, 'call')} of unknown cost left out; `sophia-metrics prices` says why"
        )
    if export.subscription_count:
        notes.append(f"{plural(export.subscription_count, 'call')} that a subscription pays left out: no spend")
    return notes


def _print_lines(chargeback: Chargeback) -> None:
    order = chargeback.order
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column(order.by, overflow="fold")
    for heading in ("direct", "shared", "total", "calls", "tokens", "calls of unknown cost"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for line in chargeback.lines:
        grid.add_row(*_cells(line))
    grid.add_row(*_cells(chargeback.total), style="bold")
    console = Console(highlight=False)
    title = f"Chargeback of {order.month:%B %Y} ({order.time_zone}), USD, shared cost: {order.split_rule}"
    console.print(Text(title, style="bold"), grid)


def _cells(line: ChargebackLine) -> tuple[str, ...]:
    amounts = (money(line.direct_usd), money(line.shared_usd), money(line.total_usd))
    return (line.scope, *amounts, count(line.request_count), count(line.tokens), count(line.unpriced_count))
