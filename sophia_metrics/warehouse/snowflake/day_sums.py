"""Sums of the days of a table, as either engine computes them: what tells that a day is the same on both."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sophia_metrics.schema.column import Kind, Table

__all__ = ["DaySums", "difference", "read_sums", "select_sums"]

EXACT = frozenset({Kind.COUNT, Kind.MONEY, Kind.RATE, Kind.QUANTITY})
TOLERANCE = 1e-9
"""Of sums of REAL columns: an engine adds them up in its own order."""


@dataclass(frozen=True, slots=True)
class DaySums:
    """A day of a table.

    Attributes:
        row_count: its rows.
        counts: by column, how many rows have a value.
        exact: by column, the sum of whole numbers and decimals. None: no row has a value.
        real: by column, the sum of REAL numbers. None: no row has a value.
    """

    row_count: int
    counts: Mapping[str, int]
    exact: Mapping[str, Decimal | None]
    real: Mapping[str, float | None]


def select_sums(table: Table, relation: str, days: tuple[date, date] | None = None) -> str:
    """Return a SELECT of the sums of each day of a relation; both engines read it. `days`: the first and the last."""
    among = f" WHERE {table.day} BETWEEN CAST('{days[0]}' AS DATE) AND CAST('{days[1]}' AS DATE)" if days else ""
    columns = [f"COUNT({name})" for name in table.names]
    columns += [f"CAST(SUM({name}) AS VARCHAR)" for name in _exact(table)]
    columns += [f"SUM({name})" for name in _real(table)]
    return f"SELECT {table.day}, COUNT(*), {', '.join(columns)} FROM {relation}{among} GROUP BY {table.day}"


def read_sums(table: Table, rows: list[Any]) -> dict[date, DaySums]:
    """Return by day what such a SELECT has answered."""
    found: dict[date, DaySums] = {}
    for day, count, *values in rows:
        given = iter(values)
        found[day] = DaySums(
            int(count),
            {name: int(next(given)) for name in table.names},
            {name: None if (text := next(given)) is None else Decimal(text) for name in _exact(table)},
            {name: None if (real := next(given)) is None else float(real) for name in _real(table)},
        )
    return found


def difference(here: DaySums | None, there: DaySums | None) -> str | None:
    """Return what first differs between a day here and there, in words. None: nothing does."""
    if here is None or there is None or here.row_count != there.row_count:
        return f"{_rows(here)} here, {_rows(there)} there"
    for name, total in here.exact.items():
        if total != there.exact[name]:
            return f"{name} is {total} in sum here, {there.exact[name]} there"
    for name, count in here.counts.items():
        if count != there.counts[name]:
            return f"{count:,} rows have a value of {name} here, {there.counts[name]:,} there"
    for name, real in here.real.items():
        if not _is_close(real, there.real[name]):
            return f"{name} is {real} in sum here, {there.real[name]} there"
    return None


def _rows(sums: DaySums | None) -> str:
    return "no rows" if sums is None else f"{sums.row_count:,} rows"


def _is_close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _exact(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.kind in EXACT]


def _real(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.kind is Kind.REAL]
