"""The days of time zones: when each begins and ends in UTC, and which of them are settled.

A day is settled for a source when the source was last collected successfully later than the day's end plus the
time within which it may still tell of that day. So settled days are all days up to one, and one instant says
which: `settled_through_at`.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.schema.state import CALENDAR_DAYS
from sophia_metrics.windows import Window

__all__ = ["DAYS_AHEAD", "DAYS_BACK", "calendar_frame", "local_day", "settled_on", "settled_through"]

DAYS_BACK = 190
"""The calendar begins so long before now: the quarter before the one that holds now is in it; trends need 145 days."""

DAYS_AHEAD = 95
"""It ends so long after now: the quarter that holds now is in it to its end."""

FIRST_WEEKEND_DAY = 5


def calendar_frame(time_zones: Iterable[str], now: datetime) -> pl.DataFrame:
    """Return the rows of core_calendar_days around `now` (naive UTC) for these time zones (IANA names).

    Raises:
        ZoneInfoNotFoundError: there is no such time zone; settings refuse it before.
    """
    rows = [_row(zone, day) for zone in sorted(set(time_zones)) for day in _days(local_day(now, zone))]
    return pl.DataFrame(rows, schema=polars_schema(CALENDAR_DAYS))


def local_day(moment: datetime, time_zone: str) -> date:
    """Return the day that a time zone has at a naive UTC moment."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)).date()


def settled_through(collected_at: datetime, settling: timedelta) -> datetime:
    """Return the instant (naive UTC) before which a day must end to be settled.

    Args:
        collected_at: the last successful collection of the source (naive UTC).
        settling: the time after the end of a day within which the source may still tell of it.
    """
    return collected_at - settling


def settled_on(settled_through_at: datetime, time_zone: str) -> date:
    """Return the last day of a time zone that is settled; all days before it are, none after it is."""
    return local_day(settled_through_at - timedelta(microseconds=1), time_zone) - timedelta(days=1)


def _days(today: date) -> Iterable[date]:
    return (today + timedelta(days=ahead) for ahead in range(-DAYS_BACK, DAYS_AHEAD + 1))


def _row(time_zone: str, day: date) -> dict[str, object]:
    window = Window.of_day(day, time_zone)
    return {
        "time_zone": time_zone,
        "day_on": day,
        "month_on": day.replace(day=1),
        "start_at": window.start_at,
        "end_at": window.end_at,
        "is_weekend": day.weekday() >= FIRST_WEEKEND_DAY,
    }
