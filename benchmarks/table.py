"""Prints what was measured, for people."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

__all__ = ["mebibytes", "print_table", "seconds", "times"]


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: names on the left, figures right-aligned, nothing cut off in a narrow terminal."""
    table = Table(title=title, title_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def seconds(value: float) -> str:
    """Write a time."""
    return f"{value:,.2f} s"


def times(ratio: float) -> str:
    """Write a ratio."""
    return f"{ratio:.2f} ×"


def mebibytes(size: int) -> str:
    """Write a size of memory."""
    return f"{size / 2**20:,.0f} MiB"
