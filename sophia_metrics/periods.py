"""Periods of budgets: days, weeks, months and quarters of a time zone, beginning on any day of theirs."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.schema.state import BUDGET_PERIODS
from sophia_metrics.windows import Window

__all__ = ["LAST_START_DAYS", "PERIODS", "Period", "Terms", "period_frame"]

Period = Literal["day", "week", "month", "quarter"]
PERIODS: tuple[Period, ...] = ("day", "week", "month", "quarter")

LAST_START_DAYS: dict[Period, int] = {"day": 1, "week": 7, "month": 31, "quarter": 31}
"""The latest day on which a period may begin: of a week 7 is Sunday; of a quarter it is a day of its first month."""

WEEK = timedelta(days=7)
MONTHS_OF_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """How time is cut into periods, without gap or overlap.

    Attributes:
        time_zone: IANA name of the zone whose days are meant.
        period: day, week, month or quarter.
        start_day: on which day a period begins: of a week 1 is Monday; of a month, and of the first month of a quarter
            (January, April, July, October), the day of the month, or its last day where the month is shorter.
    """

    time_zone: str
    period: Period
    start_day: int = 1

    def start_of(self, day: date) -> date:
        """Return the first day of the period that holds a day."""
        match self.period:
            case "day":
                return day
            case "week":
                return day - timedelta(days=(day.isoweekday() - self.start_day) % 7)
            case "month":
                return self._latest(day, day.replace(day=1), months=1)
            case "quarter":
                first = (day.month - 1) // MONTHS_OF_QUARTER * MONTHS_OF_QUARTER + 1
                return self._latest(day, date(day.year, first, 1), months=MONTHS_OF_QUARTER)

    def following(self, start: date) -> date:
        """Return the first day of the period after the one that begins on a day."""
        match self.period:
            case "day":
                return start + timedelta(days=1)
            case "week":
                return start + WEEK
            case "month":
                return self._begun(_moved(start, 1))
            case "quarter":
                return self._begun(_moved(start, MONTHS_OF_QUARTER))

    def window(self, start: date) -> Window:
        """Return the period that begins on a day as an interval of UTC."""
        return Window(self._instant(start), self._instant(self.following(start)))

    def current(self, now: datetime) -> date:
        """Return the first day of the period that holds a naive UTC moment."""
        return self.start_of(now.replace(tzinfo=UTC).astimezone(ZoneInfo(self.time_zone)).date())

    def _latest(self, day: date, month: date, *, months: int) -> date:
        """Return where the period of a month begins, or the one before where that is after the day."""
        start = self._begun(month)
        return start if start <= day else self._begun(_moved(month, -months))

    def _begun(self, month: date) -> date:
        """Return the start day within the month of a day."""
        return month.replace(day=min(self.start_day, monthrange(month.year, month.month)[1]))

    def _instant(self, day: date) -> datetime:
        """Return when a day begins in the zone, as naive UTC."""
        return Window.of_day(day, self.time_zone).start_at


def period_frame(terms: Iterable[Terms], now: datetime) -> pl.DataFrame:
    """Return the rows of core_budget_periods: of each terms the period that holds now (naive UTC), and the one before.

    Raises:
        ZoneInfoNotFoundError: there is no such time zone; settings refuse it before.
    """
    rows: list[dict[str, object]] = []
    for each in sorted(set(terms), key=repr):
        current = each.current(now)
        for start in (each.start_of(current - timedelta(days=1)), current):
            window = each.window(start)
            rows.append(
                {
                    "time_zone": each.time_zone,
                    "period": each.period,
                    "start_day": each.start_day,
                    "period_start_on": start,
                    "period_end_on": each.following(start) - timedelta(days=1),
                    "start_at": window.start_at,
                    "end_at": window.end_at,
                }
            )
    return pl.DataFrame(rows, schema=polars_schema(BUDGET_PERIODS))


def _moved(month: date, months: int) -> date:
    """Return the first day of the month that is so many months later."""
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
