"""Figures as people read them. What is unknown says so; nothing unknown looks like a zero."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from sophia_metrics.costs.spend import Spend

__all__ = ["UNKNOWN", "age", "bytes_text", "count", "day", "instant", "money", "plural", "spend_text"]

UNKNOWN = "unknown"
CENT = Decimal("0.01")
BINARY_STEP = 1024
SMALL_DIGITS = 2


def money(value: Decimal | None) -> str:
    """Return dollars, rounded half up: to the cent, or below a cent to two significant digits."""
    if value is None:
        return UNKNOWN
    step = CENT
    if value and abs(value) < CENT:
        step = Decimal((0, (1,), value.adjusted() - SMALL_DIGITS + 1))
    return f"{value.quantize(step, rounding=ROUND_HALF_UP):,f}"


def spend_text(spend: Spend) -> str:
    """Return a spend; a star marks one that leaves out calls whose cost is unknown."""
    is_incomplete = spend.unpriced_count and spend.cost_usd is not None
    return money(spend.cost_usd) + ("*" if is_incomplete else "")


def count(value: int | None) -> str:
    """Return a number of things."""
    return UNKNOWN if value is None else f"{value:,}"


def plural(number: int, noun: str) -> str:
    """Return a number of things with their name."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def day(value: date) -> str:
    """Return a day with its weekday."""
    return f"{value:%a %d %b}"


def instant(value: datetime | None) -> str:
    """Return an instant to the minute."""
    return "never" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago an instant was."""
    if since is None:
        return "never"
    past = now - since
    if past < timedelta(minutes=2):
        return "just now"
    if past < timedelta(hours=2):
        return f"{past // timedelta(minutes=1)} minutes ago"
    if past < timedelta(days=2):
        return f"{past // timedelta(hours=1)} hours ago"
    return f"{past.days:,} days ago"


def bytes_text(size: int) -> str:
    """Return a size in binary units."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < BINARY_STEP:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= BINARY_STEP
    return f"{value:.1f} TiB"
