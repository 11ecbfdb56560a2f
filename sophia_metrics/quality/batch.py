"""Batches: the rows of a suite, cut so that Great Expectations never holds more than so many in memory.

Rows that must be unique together stay together: a batch is cut by the hash of their key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from sophia_metrics.quality.check import Holds, NotEmpty, Unique
from sophia_metrics.quality.suite import Suite
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["ROWS_IN_BATCH", "Batch", "batch_query", "warehouse_batches"]

ROWS_IN_BATCH = 250_000
"""A row of twenty columns takes about half a kilobyte in pandas: 125 MB a batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a suite: all of them, or those of some days, or a part of those."""

    suite: Suite
    rows: pl.DataFrame


def batch_query(suite: Suite, now: str, *, part: int = 0, part_count: int = 1) -> str:
    """Return a SELECT of the columns that Great Expectations needs, of one of `part_count` parts of the rows.

    What it has no expectation for is a column of that expectation's name: a text that must not be null, or whether the
    row is broken.
    """
    columns = {name: name for name in suite.columns}
    for each in suite.expectations:
        if isinstance(each.check, Holds):
            columns[each.name] = f"COALESCE({each.check.broken(now)}, FALSE) AS {each.name}"
        elif isinstance(each.check, NotEmpty):
            columns[each.name] = f"NULLIF({each.check.column}, '') AS {each.name}"
    part_of = f" WHERE CAST(hash({_key(suite)}) % {part_count} AS INTEGER) = {part}" if part_count > 1 else ""
    return f"SELECT {', '.join(columns.values())} FROM ({suite.rows}) AS judged{part_of}"


def warehouse_batches(
    warehouse: Warehouse, suites: Sequence[Suite], now: datetime, days: tuple[date, ...] | None, row_count: int
) -> Iterator[Batch]:
    """Read the rows of some suites, of some days, in batches; `row_count` is how many there are at most in a suite."""
    part_count = max(1, -(-row_count // ROWS_IN_BATCH))
    for suite in suites:
        for part in range(part_count):
            sql = batch_query(suite, "CAST($now AS TIMESTAMP)", part=part, part_count=part_count)
            parameters = {"now": now} if "$now" in sql else {}
            yield Batch(suite, warehouse.read(Query(sql, parameters, days)))


def _key(suite: Suite) -> str:
    """Return the columns that tell rows apart: those that must be unique, else all that are looked at."""
    keys = (each.check.columns for each in suite.expectations if isinstance(each.check, Unique))
    return ", ".join(next(keys, suite.columns))
