"""Random rows for tables: seeded, of the right types, with nulls wherever there may be one."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sophia_metrics.schema import Column, Kind, Table

__all__ = ["random_rows"]

NULL_SHARE = 0.15
Choice = tuple[object, ...] | Callable[[random.Random], object]


def random_rows(
    table: Table, count: int, seed: int, start_at: datetime, days: int, choices: Mapping[str, Choice]
) -> list[dict[str, object]]:
    """Return rows with instants in some days from `start_at`; no two have the same instant.

    Args:
        table: its columns.
        count: how many rows.
        seed: the same seed gives the same rows.
        start_at: the earliest instant (naive UTC).
        days: over how many days they are spread.
        choices: what a column may hold, where its kind alone does not say it.
    """
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    rows = [{each.name: _value(each, rng, start_at, days, choices) for each in table.columns} for _ in range(count)]
    for row in rows:
        if table.day is not None and table.order:
            row[table.day] = row[table.order[0]].date()
    return rows


def _value(column: Column, rng: random.Random, start_at: datetime, days: int, choices: Mapping[str, Choice]) -> object:
    if not column.is_required and rng.random() < NULL_SHARE:
        return None
    choice = choices.get(column.name)
    if choice is not None:
        return choice(rng) if callable(choice) else rng.choice(choice)
    return _KINDS[column.kind](rng, start_at, days)


def _instant(rng: random.Random, start_at: datetime, days: int) -> datetime:
    return start_at + timedelta(microseconds=rng.randrange(days * 86_400_000_000))


_KINDS: Mapping[Kind, Callable[[random.Random, datetime, int], object]] = {
    Kind.TEXT: lambda rng, *_: rng.choice(("one", "two", "three")),
    Kind.BOOLEAN: lambda rng, *_: rng.random() < 0.5,
    Kind.DATE: lambda rng, start_at, days: _instant(rng, start_at, days).date(),
    Kind.INSTANT: _instant,
    Kind.COUNT: lambda rng, *_: rng.choice((0, 1, rng.randrange(10), rng.randrange(1_000_000))),
    Kind.MONEY: lambda rng, *_: Decimal(rng.randrange(10**15)).scaleb(-12),
    Kind.RATE: lambda rng, *_: Decimal(rng.randrange(10**14)).scaleb(-18),
    Kind.QUANTITY: lambda rng, *_: Decimal(rng.randrange(10**9)).scaleb(-6),
    Kind.REAL: lambda rng, *_: rng.choice((0.0, rng.random() * 1000, rng.random() * 1_000_000)),
}
