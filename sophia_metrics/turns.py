"""Taking turns: one process at a time does a piece of work on a state folder."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["one_at_a_time"]


@contextmanager
def one_at_a_time(lock: Path) -> Generator[None]:
    """Hold a lock file; wait while another process or thread holds it. The kernel frees that of one that dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
