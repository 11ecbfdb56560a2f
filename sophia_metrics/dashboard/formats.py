"""Figures as the page shows them. What is unknown says so; nothing unknown looks like a zero."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

__all__ = [
    "UNKNOWN",
    "axis_dollars",
    "clock_time",
    "day_name",
    "dollars",
    "machine_instant",
    "milliseconds",
    "percent",
    "signed_percent",
    "thousands",
    "zoned_instant",
]

UNKNOWN = "unknown"
CENT = Decimal("0.01")
SMALL_DIGITS = 2
SECOND_MS = 1000.0
MINUTE_MS = 60_000.0
TENTHS_UNTIL = 10.0


def dollars(value: Decimal | None) -> str:
    """Return dollars, rounded half up: to the cent, or below a cent to two significant digits."""
    if value is None:
        return UNKNOWN
    step = CENT
    if value and abs(value) < CENT:
        step = Decimal((0, (1,), value.adjusted() - SMALL_DIGITS + 1))
    rounded = value.quantize(step, rounding=ROUND_HALF_UP)
    return f"−${-rounded:,f}" if rounded < 0 else f"${rounded:,f}"


def axis_dollars(value: Decimal, step: Decimal) -> str:
    """Return a sum on an axis with ticks `step` apart: all of them with as many decimals as the step needs."""
    exponent = step.normalize().as_tuple().exponent
    decimals = max(2, -exponent) if isinstance(exponent, int) and exponent < 0 else 0
    return f"${value:,.{decimals}f}"


def thousands(value: int | None) -> str:
    """Return a number of things."""
    return UNKNOWN if value is None else f"{value:,}"


def percent(ratio: float | None) -> str:
    """Return a ratio as a percentage; one decimal below ten percent."""
    if ratio is None:
        return UNKNOWN
    value = ratio * 100
    return f"{value:.1f} %" if value and abs(value) < TENTHS_UNTIL else f"{value:,.0f} %"


def signed_percent(ratio: float | None) -> str:
    """Return a change with its sign."""
    if ratio is None:
        return UNKNOWN
    return f"{'+' if ratio >= 0 else '−'}{percent(abs(ratio))}"


def milliseconds(value: float | None) -> str:
    """Return a duration in the unit in which people read it."""
    if value is None:
        return UNKNOWN
    if value < SECOND_MS:
        return f"{value:,.0f} ms"
    return f"{value / SECOND_MS:,.1f} s" if value < MINUTE_MS else f"{value / MINUTE_MS:,.1f} min"


def day_name(value: date) -> str:
    """Return a day, as in 20 Nov."""
    return f"{value.day} {value:%b}"


def machine_instant(value: datetime) -> str:
    """Return an instant (naive UTC) as machines read it."""
    return f"{value.isoformat(timespec='seconds')}Z"


def zoned_instant(value: datetime, time_zone: str) -> str:
    """Return an instant (naive UTC) to the minute, on the clocks of a zone, with the zone's short name."""
    local = value.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone))
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname()}"


def clock_time(value: datetime, time_zone: str) -> str:
    """Return the time of day of an instant (naive UTC) on the clocks of a zone."""
    return f"{value.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)):%H:%M}"
