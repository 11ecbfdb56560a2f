"""Waiting for what other processes do."""

import time
from collections.abc import Callable

__all__ = ["until"]

LOOK_SECONDS = 2.0


def until(what: str, is_so: Callable[[], object], *, seconds: float = 240) -> None:
    """Look again and again until it is so; say what it was and how long it took."""
    started = time.monotonic()
    while not is_so():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"after {seconds:g} s it is still not so: {what}")
        time.sleep(LOOK_SECONDS)
    print(f"  {time.monotonic() - started:5.0f} s  {what}", flush=True)
