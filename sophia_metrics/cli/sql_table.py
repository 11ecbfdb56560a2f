"""Rows on the terminal."""

import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.facts import fact

__all__ = ["print_rows"]

UNCUT = 100_000
"""The width of a page that is no terminal: nothing is cut or folded there."""


def print_rows(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Print a table; numbers stand to the right, exact, and null is dim."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        numeric = any(_is_number(row[place]) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else UNCUT)
    console.print(table)
    console.print(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}", style="dim")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: object) -> Text:
    return Text("null", style="dim") if value is None else Text(str(fact(value)))
