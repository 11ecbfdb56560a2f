"""What a late flow is, and what a person is told of it: on the page, by an alert, by doctor."""

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["LateFlow"]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EXACT_MINUTES = timedelta(hours=2)
EXACT_HOURS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class LateFlow:
    """A flow on a schedule that has not done its work when it was expected; instants are naive UTC.

    Attributes:
        flow: its name.
        succeeded_at: its last success. None: none is known.
        failed_at: its last failure. None: none is known.
        scheduled_since_at: since when it is known to be on a schedule.
        interval_seconds: how often its schedule lets it run.
    """

    flow: str
    succeeded_at: datetime | None
    failed_at: datetime | None
    scheduled_since_at: datetime
    interval_seconds: int

    @property
    def since_at(self) -> datetime:
        """Since when its work is undone."""
        return self.succeeded_at or self.scheduled_since_at

    @property
    def is_failing(self) -> bool:
        """It runs, and fails."""
        return self.failed_at is not None and self.failed_at > self.since_at

    def message(self, now: datetime) -> str:
        """Say in a sentence what is the matter at an instant (naive UTC)."""
        age = _span(now - self.since_at)
        every = _span(timedelta(seconds=self.interval_seconds))
        if self.is_failing:
            return f"{self.flow} has not succeeded for {age}, expected every {every}: its last run failed or was killed"
        return f"{self.flow} has not run for {age}, expected every {every}: is a worker running, is it paused?"


def _span(span: timedelta) -> str:
    """Return a time as people say it, rounded down."""
    if span < EXACT_MINUTES:
        return f"{span // MINUTE} min"
    return f"{span // HOUR} h" if span < EXACT_HOURS else f"{span // DAY} days"
