"""How often a cron expression of five fields comes due."""

from datetime import date, timedelta
from itertools import pairwise

__all__ = ["longest_gap_seconds"]

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
FIRST_ON = date(2024, 1, 1)
SEEN_DAYS = 2 * 366
"""Two years hold every month, and 29 February once."""


def longest_gap_seconds(cron: str) -> int | None:
    """Return the longest time between two instants at which the expression is due, in seconds.

    None: it is not known, because the expression has names, a mark other than `* , - /`, or comes due less than twice
    in two years. The change of clocks is left out.
    """
    parts = cron.split()
    if len(parts) != len(BOUNDS):
        return None
    try:
        minutes, hours, days, months, weekdays = map(_values, parts, BOUNDS)
    except ValueError:
        return None
    weekdays = {each % 7 for each in weekdays}
    is_either = not parts[2].startswith("*") and not parts[4].startswith("*")

    def is_due(day: date) -> bool:
        is_day, is_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        return day.month in months and ((is_day or is_weekday) if is_either else (is_day and is_weekday))

    seen = (FIRST_ON + timedelta(days=place) for place in range(SEEN_DAYS))
    ticks = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    due = [day for day in seen if is_due(day)]
    gaps = [second - first for first, second in pairwise(ticks)]
    gaps += [(second - first).days * 1440 - ticks[-1] + ticks[0] for first, second in pairwise(due)]
    return max(gaps) * 60 if len(due) > 1 else None


def _values(part: str, bounds: tuple[int, int]) -> set[int]:
    """Return the numbers that a field names.

    Raises:
        ValueError: it is written in another way, or names none.
    """
    lowest, highest = bounds
    found: set[int] = set()
    for each in part.split(","):
        span, _, step = each.partition("/")
        first, _, last = span.partition("-")
        start = lowest if span == "*" else int(first)
        end = highest if span == "*" or (step and not last) else int(last or first)
        found.update(range(start, end + 1, int(step or 1)))
    if not found or min(found) < lowest or max(found) > highest:
        raise ValueError(part)
    return found
