"""The lock of a state folder: held by one process at a time, waited for in turn, and not for ever.

The kernel holds it, and gives it back when its holder dies. One that only hangs keeps it: so whoever waits gives up
after a while and says who holds it.
"""

import fcntl
import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sophia_metrics.errors import ServiceUnavailableError

__all__ = ["LOCK_WAIT_SECONDS", "held_lock"]

LOCK_WAIT_SECONDS = 120.0


@contextmanager
def held_lock(path: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Generator[None]:
    """Hold a lock file, in which the holder writes who it is.

    Raises:
        ServiceUnavailableError: another process has held it for all of `wait_seconds`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not _Turn(descriptor).comes_within(wait_seconds):
            raise ServiceUnavailableError(_holder(path, wait_seconds)) from None
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


class _Turn:
    """Waits in a thread, since nothing else can end a wait for the kernel: the queue is the kernel's own.

    A thread that is given up gives the lock back as soon as it gets it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._settling = threading.Lock()
        self._done = threading.Event()
        self._is_held = False
        self._is_given_up = False

    def comes_within(self, seconds: float) -> bool:
        """Say whether the lock is held now. If not, the descriptor is closed later, and not to be used."""
        threading.Thread(target=self._wait, name="waits for warehouse.lock", daemon=True).start()
        try:
            self._done.wait(seconds)
        finally:
            with self._settling:
                self._is_given_up = not self._is_held
        return self._is_held

    def _wait(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._settling:
            if self._is_given_up:
                os.close(self._descriptor)
                return
            self._is_held = True
        self._done.set()


def _holder(path: Path, wait_seconds: float) -> str:
    """Return a message that says who holds a lock file, and since when."""
    who = path.read_text(encoding="utf-8").strip() or "a process that did not say who it is"
    since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return (
        f"{path} is held by {who} since {since:%Y-%m-%d %H:%M:%S} UTC, and this run has waited {wait_seconds:g} "
        "seconds for it: nothing was changed. If that process hangs, end it (the lock is free at once), and run again"
    )
