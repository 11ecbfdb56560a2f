"""Half-open intervals of UTC time, and the days that people in a time zone mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

__all__ = ["EPOCH", "Window", "floored", "naive_utc"]

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC


def naive_utc(moment: datetime) -> datetime:
    """Return the moment as naive UTC, the way in which tables hold instants.

    Raises:
        ValueError: the moment has no time zone, so that nobody can say when it is.
    """
    if moment.tzinfo is None:
        raise ValueError(f"the moment {moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None)


def floored(moment: datetime, step: timedelta) -> datetime:
    """Return the start of the step in which an instant (naive UTC) is, counted from the epoch: an hour, a UTC day."""
    return moment - (moment - EPOCH) % step


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """From `start_at` (inclusive) to `end_at` (exclusive), both naive UTC; never empty."""

    start_at: datetime
    end_at: datetime

    def __post_init__(self) -> None:
        if self.start_at.tzinfo or self.end_at.tzinfo:
            raise ValueError("a window holds naive UTC instants; see naive_utc")
        if self.end_at <= self.start_at:
            raise ValueError(f"the window {self.start_at} to {self.end_at} is empty: it must end after its start")

    @classmethod
    def of_days(cls, first: date, last: date) -> Self:
        """Return the window of whole UTC days from `first` to `last`, both included.

        Raises:
            ValueError: `last` is before `first`.
        """
        return cls(datetime.combine(first, time.min), datetime.combine(last + timedelta(days=1), time.min))

    @classmethod
    def of_day(cls, day: date, time_zone: str = "UTC") -> Self:
        """Return one day as a named time zone counts it: 23, 24 or 25 hours long.

        Raises:
            ZoneInfoNotFoundError: there is no such time zone; settings refuse it before.
        """
        zone = ZoneInfo(time_zone)
        start = datetime.combine(day, time.min, zone)
        end = datetime.combine(day + timedelta(days=1), time.min, zone)
        return cls(naive_utc(start), naive_utc(end))

    @classmethod
    def of_month(cls, day: date, time_zone: str = "UTC") -> Self:
        """Return the month that holds the day, as a named time zone counts it.

        Raises:
            ZoneInfoNotFoundError: there is no such time zone; settings refuse it before.
        """
        first = day.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
        return cls(cls.of_day(first, time_zone).start_at, cls.of_day(following - timedelta(days=1), time_zone).end_at)

    def days(self) -> Iterator[date]:
        """Yield the UTC days that the window touches, in order."""
        day = self.start_at.date()
        while datetime.combine(day, time.min) < self.end_at:
            yield day
            day += timedelta(days=1)

    def split(self, step: timedelta) -> Iterator[Self]:
        """Yield windows of at most `step`, in order, without gap or overlap.

        Raises:
            ValueError: the step is not positive.
        """
        if step <= timedelta():
            raise ValueError(f"a window is split by a positive step, not by {step}")
        start = self.start_at
        while start < self.end_at:
            end = min(start + step, self.end_at)
            yield type(self)(start, end)
            start = end

    def __contains__(self, moment: datetime) -> bool:
        """Whether the naive UTC moment is in the window; the end is not."""
        return self.start_at <= moment < self.end_at
