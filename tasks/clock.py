"""The clock: flows and tasks read it here, and hand the instant down as a value."""

from collections.abc import Callable
from datetime import UTC, datetime

from sophia_metrics.windows import naive_utc

__all__ = ["named_by_minute", "utc_now"]


def utc_now() -> datetime:
    """Return the present (naive UTC)."""
    return naive_utc(datetime.now(UTC))


def named_by_minute(flow: str) -> Callable[[], str]:
    """Return what names a flow run: the flow, and the minute (UTC) in which the run starts."""
    return lambda: f"{flow} {utc_now():%Y-%m-%d %H:%M} UTC"
