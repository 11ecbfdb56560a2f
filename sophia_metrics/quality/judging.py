"""Judging core and marts by the compiled SQL: each UTC day once for the files that it is made of.

A day that failed is judged again every time, and while one does, the warehouse publishes nothing.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import Any

import polars as pl

from sophia_metrics.cutting import cut
from sophia_metrics.quality.suite import Suite, compile_count, counted
from sophia_metrics.quality.suites import DAILY, PRESENT
from sophia_metrics.quality.verdict import SQL, Verdict, held_because, merged, verdicts_of
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = ["DaysToJudge", "Judged", "hold_days", "judge_marts"]

ROWS_AT_ONCE = 4_000_000
"""Days are judged together up to so many rows: memory depends on this, not on the history."""

TRIES = 3
"""A day to which another run commits meanwhile is ahead of its marts, which are then built and judged again."""

TABLES = tuple(sorted({name for suite in DAILY for name in suite.tables}))
FINGERPRINT = hashlib.sha256(compile_count(DAILY).encode()).hexdigest()
"""Other expectations mean that every day is judged again."""


@dataclass(frozen=True, slots=True)
class DaysToJudge:
    """Some UTC days that are judged together, in order, and how many rows they have in all tables."""

    days: tuple[date, ...]
    row_count: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging found.

    Attributes:
        verdicts: one for each expectation; none for those of days where there was no day to judge.
        runs: the days that were judged, as they were judged together.
    """

    verdicts: tuple[Verdict, ...]
    runs: tuple[DaysToJudge, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    """A day; `inputs_sha256` None: it has no files any more, and nothing to judge."""

    day_on: date
    inputs_sha256: str | None
    row_count: int


def judge_marts(warehouse: Warehouse, now: datetime, *, every_day: bool = False) -> Judged:
    """Judge the days that have changed since they were judged, and what is computed for the present.

    Args:
        warehouse: its marts are built.
        now: the present (naive UTC).
        every_day: judge all days there are.
    """
    days, runs = _judge_days(warehouse, now, every_day=every_day)
    for _ in range(TRIES - 1):
        if not any(held_because(verdicts) for _, verdicts in runs) or not warehouse.build().day_count:
            break
        days, runs = _judge_days(warehouse, now, every_day=every_day)
    held = [day for run, verdicts in runs if held_because(verdicts) for day in run.days]
    _record(warehouse, days, {day: held_because(_judge(warehouse, now, (day,))) for day in held}, now)
    verdicts = merged(verdict for _, found in runs for verdict in found)
    return Judged((*verdicts, *_judge_present(warehouse, now)), tuple(run for run, _ in runs))


def hold_days(warehouse: Warehouse, days: Sequence[date], reason: str, now: datetime) -> None:
    """Note that some days must not be published, for a reason that the compiled SQL did not see.

    The next judging looks at them again.
    """
    rows = [{"day_on": day, "inputs_sha256": None, "held_because": reason, "judged_at": now} for day in days]
    warehouse.record(Record({state.JUDGED_DAYS.name: pl.DataFrame(rows, schema=polars_schema(state.JUDGED_DAYS))}))


def _judge_days(
    warehouse: Warehouse, now: datetime, *, every_day: bool
) -> tuple[list[_Day], list[tuple[DaysToJudge, tuple[Verdict, ...]]]]:
    """Return the days that have to be judged, and the verdicts on them as they were judged together."""
    days = _days_to_judge(warehouse, every_day=every_day)
    runs = _together([day for day in days if day.inputs_sha256 is not None])
    return days, [(run, _judge(warehouse, now, run.days)) for run in runs]


def _days_to_judge(warehouse: Warehouse, *, every_day: bool) -> list[_Day]:
    sql = (resources.files("sophia_metrics") / "sql" / "quality" / "days_to_judge.sql").read_text(encoding="utf-8")
    parameters = {"suites": FINGERPRINT, "tables": list(TABLES), "every_day": every_day}
    return [_Day(*row) for row in warehouse.read(Query(sql, parameters)).iter_rows()]


def _together(days: Sequence[_Day]) -> Iterator[DaysToJudge]:
    """Cut days into runs of at most ROWS_AT_ONCE rows; a larger day stands alone."""
    for run in cut(days, lambda day: day.row_count, ROWS_AT_ONCE):
        yield DaysToJudge(tuple(day.day_on for day in run), sum(day.row_count for day in run))


def _judge(warehouse: Warehouse, now: datetime, days: Sequence[date]) -> tuple[Verdict, ...]:
    return _ask(warehouse, DAILY, Query(compile_count(DAILY), {"now": now}, tuple(days)))


def _judge_present(warehouse: Warehouse, now: datetime) -> tuple[Verdict, ...]:
    return _ask(warehouse, PRESENT, Query(compile_count(PRESENT), {"now": now}))


def _ask(warehouse: Warehouse, suites: Sequence[Suite], query: Query) -> tuple[Verdict, ...]:
    return verdicts_of(suites, counted(suites, warehouse.read(query).row(0)), SQL)


def _record(warehouse: Warehouse, days: Sequence[_Day], reasons: dict[date, str | None], now: datetime) -> None:
    if not days:
        return
    rows: list[dict[str, Any]] = [
        {
            "day_on": day.day_on,
            "inputs_sha256": day.inputs_sha256,
            "held_because": reasons.get(day.day_on),
            "judged_at": now,
        }
        for day in days
    ]
    warehouse.record(Record({state.JUDGED_DAYS.name: pl.DataFrame(rows, schema=polars_schema(state.JUDGED_DAYS))}))
