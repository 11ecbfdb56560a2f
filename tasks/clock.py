"""The clock: flows and tasks read it here, and hand the instant down as a value."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from sophia_metrics.windows import naive_utc

__all__ = ["named_by_minute", "simulated_now", "utc_now"]

_simulated: ContextVar[datetime | None] = ContextVar("simulated", default=None)


def utc_now() -> datetime:
    """Return the present (naive UTC)."""
    return _simulated.get() or naive_utc(datetime.now(UTC))


@contextmanager
def simulated_now(moment: datetime) -> Generator[None]:
    """Let it be a naive UTC moment for the flows of this context: so a simulation lives through months in minutes.

    The clock of operating system, Prefect and database go on: what is computed by whoever reads it, such as
    mart_freshness, tells of the real present.
    """
    token = _simulated.set(moment)
    try:
        yield
    finally:
        _simulated.reset(token)


def named_by_minute(flow: str) -> Callable[[], str]:
    """Return what names a flow run: the flow, and the minute (UTC) in which the run starts."""
    return lambda: f"{flow} {utc_now():%Y-%m-%d %H:%M} UTC"
