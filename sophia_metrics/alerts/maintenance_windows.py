"""Windows of maintenance: times, announced beforehand, in which no alert of some things begins. Pure."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sophia_metrics.alerts.rule import Reading
from sophia_metrics.windows import Window, naive_utc

__all__ = ["MaintenanceWindow", "WeeklyTimes"]

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WeeklyTimes:
    """The same hours on some days of every week, as the clocks of a time zone show them.

    Attributes:
        weekdays: the days on which it begins; 0 is Monday.
        start_time: when it begins.
        end_time: when it ends, exclusive; on the next day where it is not later than the start.
        time_zone: IANA name.
    """

    weekdays: frozenset[int]
    start_time: time
    end_time: time
    time_zone: str = "UTC"

    def __contains__(self, moment: datetime) -> bool:
        """Whether the naive UTC moment is in one of them."""
        today = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.time_zone)).date()
        days = (today - timedelta(days=1), today)
        return any(self._start(day) <= moment < self._end(day) for day in days if day.weekday() in self.weekdays)

    def _start(self, day: date) -> datetime:
        return _instant(datetime.combine(day, self.start_time), self.time_zone, is_last=False)

    def _end(self, day: date) -> datetime:
        is_next = self.end_time <= self.start_time
        ends_at = datetime.combine(day + timedelta(days=1) if is_next else day, self.end_time)
        return _instant(ends_at, self.time_zone, is_last=True)


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """One entry of [[maintenance]].

    Attributes:
        name: what it is called.
        times: when it holds.
        services: the services that it is about.
        scopes: the slices of usage that it is about, such as team/search or all. Neither services nor scopes:
            everything.
    """

    name: str
    times: Window | WeeklyTimes
    services: frozenset[str] = field(default_factory=frozenset[str])
    scopes: frozenset[str] = field(default_factory=frozenset[str])

    def covers(self, reading: Reading, now: datetime) -> bool:
        """Say whether no alert of a reading begins now (naive UTC)."""
        return self._is_about(reading) and now in self.times

    def _is_about(self, reading: Reading) -> bool:
        if not self.services and not self.scopes:
            return True
        if reading.scope_type == "service":
            return reading.subject in self.services
        scope = reading.scope_type if reading.scope_value is None else f"{reading.scope_type}/{reading.scope_value}"
        return scope in self.scopes


def _instant(wall: datetime, time_zone: str, *, is_last: bool) -> datetime:
    """Return when clocks show a time, in naive UTC.

    Where they show it twice: the first or the last time. Where they leave it out: when they show a later one first.
    """
    zone = ZoneInfo(time_zone)
    first, second = (naive_utc(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first <= second:
        return second if is_last else first
    moment = second
    while moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) < wall:
        moment += MINUTE
    return moment
