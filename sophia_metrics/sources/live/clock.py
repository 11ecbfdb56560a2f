"""How time passes for whoever waits."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Self

__all__ = ["Clock", "PullStoppedError"]


class PullStoppedError(Exception):
    """Whoever waits was told to stop: the run has ended."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How time passes, as functions: tests have their own.

    Attributes:
        seconds: a clock that only goes forwards.
        sleep: waits for so many seconds.
        now: the present (naive UTC), for a Retry-After that is a date and for the clock of a vendor.
    """

    seconds: Callable[[], float]
    sleep: Callable[[float], None]
    now: Callable[[], datetime]

    @classmethod
    def starting(cls, now: datetime) -> Self:
        """Return the clock of this machine, which tells `now` (naive UTC) at this moment."""
        started = time.monotonic()
        return cls(time.monotonic, time.sleep, lambda: now + timedelta(seconds=time.monotonic() - started))

    def until(self, stop: Event) -> Self:
        """Return the same clock, which raises PullStoppedError to whoever looks at it or waits once an event is set."""

        def seconds() -> float:
            if stop.is_set():
                raise PullStoppedError
            return self.seconds()

        def sleep(length: float) -> None:
            if stop.wait(length):
                raise PullStoppedError

        return replace(self, seconds=seconds, sleep=sleep)
