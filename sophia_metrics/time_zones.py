"""Which names of time zones there are."""

from functools import cache
from zoneinfo import available_timezones

__all__ = ["is_time_zone"]


def is_time_zone(name: str) -> bool:
    """Say whether the IANA database knows a time zone of that name.

    The names are looked up once in a process: Python walks all files of the database for them.
    """
    return name in _names()


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
