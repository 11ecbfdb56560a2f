"""What the header Retry-After of an answer asks for (RFC 9110, 10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_seconds"]


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Return what a Retry-After header asks for: seconds, or a date. None: it is absent or makes no sense."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip())
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until.astimezone(UTC).replace(tzinfo=None) if until.tzinfo else until
    return max(0.0, (until - now).total_seconds())
