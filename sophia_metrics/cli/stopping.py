"""Stopping when told to: SIGTERM ends a command at once where that is clean, and within ten seconds in any case.

Every write of ours is whole or not there, so that stopping loses nothing: the next run goes on.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from shutil import which
from threading import Thread, Timer
from types import FrameType, TracebackType
from typing import Self

__all__ = ["GracefulStop", "StoppedError", "be_patient", "until_signalled"]

INTERRUPTED, STOPPED = 130, 143
"""Exit codes, as shells count: 128 and the number of the signal."""
HARD_AFTER_SECONDS = 8.0


class StoppedError(BaseException):
    """The command was told to stop; no `except Exception` keeps it back."""


class GracefulStop:
    """From `__enter__` to `__exit__`, SIGTERM raises StoppedError in the main thread, and the process exits with 143.

    A query or another library may swallow what is raised, or be deaf for a while. So a thread notices the signal,
    whoever handles it: what fails then has been stopped, and after eight seconds the process ends for good, whatever
    it is doing, and ends the processes that it started.
    """

    def __init__(self) -> None:
        self._is_told = False
        self._read, self._write = -1, -1
        self._before: Callable[[int, FrameType | None], object] | int | None = signal.SIG_DFL

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGTERM)
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._raise)
        Thread(target=self._listen, name="sophia-stopping", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):
            _say_stopped("Ctrl-C")
            raise SystemExit(INTERRUPTED) from error
        if error is not None and self._is_told:
            _say_stopped("SIGTERM")
            raise SystemExit(STOPPED) from error
        if not self._is_told:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, self._before)
            os.close(self._write)  # which ends the thread

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told = True
        raise StoppedError

    def _listen(self) -> None:
        with os.fdopen(self._read, "rb", buffering=0) as numbers:
            while number := numbers.read(1):
                if number[0] == signal.SIGTERM:
                    self._is_told = True
                    hard = Timer(HARD_AFTER_SECONDS, _end)
                    hard.daemon = True
                    hard.start()
                    return


def until_signalled() -> Callable[[float], bool]:
    """Return a wait of some seconds that says whether to go on; Ctrl-C and SIGTERM end it at once, and every later one.

    The handler runs in the thread that waits, wherever that is just then: so it writes to a pipe, and takes no lock.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)

    def stop(_number: int, _frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # the pipe is full: it was told often enough
            os.write(tell, b"!")

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    return lambda seconds: not select.select([told], [], [], seconds)[0]


def be_patient() -> None:
    """Let a command that stops by itself, in an order of its own, take its time."""
    signal.set_wakeup_fd(-1)


def _say_stopped(name: str) -> None:
    """Say why the command ends."""
    sys.stderr.write(
        f"sophia-metrics: stopped by {name}. What was committed stays, nothing is half done: the next run goes on.\n"
    )
    sys.stderr.flush()


def _end() -> None:
    """End this process for good, and tell those that it started to end."""
    _say_stopped("SIGTERM")
    try:
        for child in _children():
            os.kill(child, signal.SIGTERM)
    finally:
        os._exit(STOPPED)


def _children() -> list[int]:
    """Return the processes that this one started and that still run; none where the system cannot list them."""
    if which("ps") is None:
        return []
    found = subprocess.run(["ps", "-A", "-o", "pid=", "-o", "ppid="], capture_output=True, text=True, check=False)  # noqa: S607 - POSIX has it on every path
    pairs = (line.split() for line in found.stdout.splitlines())
    return [int(pid) for pid, parent in pairs if int(parent) == os.getpid()]
