"""Batches: the rows of a suite, cut so that Great Expectations never holds more than so many in memory.

Rows that must be unique together stay together: a batch is cut by the hash of their key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from sophia_metrics.quality.check import Holds, NotEmpty, Unique
from sophia_metrics.quality.suite import Suite
from sophia_metrics.schema import Kind
from sophia_metrics.schema.names import kind_of_name
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["ROWS_IN_BATCH", "Batch", "batch_query", "warehouse_batches"]

ROWS_IN_BATCH = 250_000
"""A row of twenty columns takes about half a kilobyte in pandas: 125 MB a batch."""
HASH_DIGITS = 8
"""Of the hash of a key, in hex: they cut rows evenly."""


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
    part_of = f" WHERE {_is_in_part(suite, part, part_count)}" if part_count > 1 else ""
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


def _is_in_part(suite: Suite, part: int, part_count: int) -> str:
    """Return the predicate of the rows of a part: a range of the first digits of the hash of their key."""
    digits = f"LEFT(MD5({_key_text(suite)}), {HASH_DIGITS})"
    first, end = (-(-each * 16**HASH_DIGITS // part_count) for each in (part, part + 1))
    below = "" if part + 1 == part_count else f" AND {digits} < '{end:0{HASH_DIGITS}x}'"
    return f"{digits} >= '{first:0{HASH_DIGITS}x}'{below}"


def _key_text(suite: Suite) -> str:
    """Return a text of the columns that tell rows apart: those that must be unique, else all that are looked at.

    Rows with the same key have the same text. The text of a DOUBLE is left out: each engine has its own.
    """
    keys = (each.check.columns for each in suite.expectations if isinstance(each.check, Unique))
    names = [name for name in next(keys, suite.columns) if kind_of_name(name) is not Kind.REAL]
    return " || CHR(31) || ".join(f"COALESCE(CAST({_exact(name)} AS VARCHAR), '')" for name in names)


def _exact(name: str) -> str:
    if kind_of_name(name) is Kind.INSTANT:
        return f"DATE_DIFF('microsecond', CAST('1970-01-01' AS TIMESTAMP), {name})"
    return name
