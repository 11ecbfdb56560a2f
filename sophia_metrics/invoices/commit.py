"""Committing lines of a bill: what a source has in a window replaces what it had there."""

from datetime import datetime

import polars as pl

from sophia_metrics.invoices.lines import InvoiceSource, number_lines
from sophia_metrics.schema.invoices import INVOICE_LINES
from sophia_metrics.warehouse.protocol import Changed, Observations, Warehouse, Whole
from sophia_metrics.windows import Window

__all__ = ["commit_lines"]


def commit_lines(
    warehouse: Warehouse,
    source: InvoiceSource,
    window: Window,
    frame: pl.DataFrame,
    now: datetime,
    *,
    file_name: str | None = None,
) -> Changed:
    """Let the lines of a frame be all that a source, or one file of it, has in a window.

    A line that is known is replaced where it differs; one that the frame lacks is gone. Committing twice is once.

    Args:
        warehouse: where lines are kept.
        source: where they come from.
        window: what was read; a line is in it by its charge_start_at.
        frame: as in invoices.lines.LINE_SCHEMA.
        now: when it was read (naive UTC).
        file_name: the file that was read. None: an API was.

    Raises:
        ValueError: a line begins outside of the window, or lacks provider, charge_start_at or charge_end_at.
    """
    lines = number_lines(source, frame, now, file_name=file_name)
    starts = lines["charge_start_at"]
    if not starts.is_between(window.start_at, window.end_at, closed="left").all():
        raise ValueError(f"{source.name}: a line begins outside of {window.start_at} to {window.end_at}")
    same = {"source": source.name} if file_name is None else {"source": source.name, "file_name": file_name}
    whole = Whole(INVOICE_LINES.name, window, same, now)
    return warehouse.commit(Observations({INVOICE_LINES.name: lines}, (whole,)))
