"""Processes forked from one that has imported everything; each is waited for with a deadline, and ended by its pid."""

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sophia_metrics.errors import SophiaError

TOLD, UNTOLD = 10, 11
"""Exit codes of a run that failed with an error of ours, and of one that failed with anything else."""
DEADLINE_SECONDS = 180.0
"""A run takes seconds; one that takes minutes waits for something that never comes."""


class HungError(AssertionError):
    """A process did not end in time."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: by which signal (0: none), with which exit code (0: well), and what it said."""

    signal_number: int
    exit_code: int
    said: str

    @property
    def is_killed(self) -> bool:
        """SIGKILL ended it."""
        return self.signal_number == signal.SIGKILL

    @property
    def is_well(self) -> bool:
        """It did what it was to do."""
        return self.signal_number == 0 and self.exit_code == 0


@dataclass(slots=True)
class Child:
    """A forked process, and the file in which it leaves what went wrong."""

    pid: int
    errors: Path

    @classmethod
    def start(cls, body: Callable[[], None], errors: Path) -> "Child":
        """Fork, and run the body. What it raises goes to a file: an error of ours as a sentence, others in full."""
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            code = 0
            try:
                body()
            except SophiaError as error:
                errors.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
                code = TOLD
            except BaseException:  # noqa: BLE001 - whatever it is, the parent must hear of it
                errors.write_text(traceback.format_exc(), encoding="utf-8")
                code = UNTOLD
            finally:
                os._exit(code)
        return cls(pid, errors)

    def kill_after(self, seconds: float) -> None:
        """Kill it after a time, unless it has ended by then."""
        with _watched(self.pid) as ended:
            if not ended(seconds):
                os.kill(self.pid, signal.SIGKILL)

    def is_running_after(self, seconds: float) -> bool:
        """Say whether it still runs after a time; returns as soon as it does not."""
        with _watched(self.pid) as ended:
            return not ended(seconds)

    def wait(self) -> Ending:
        """Wait for its end.

        Raises:
            HungError: it did not end in time, and was killed.
        """
        with _watched(self.pid) as ended:
            is_hung = not ended(DEADLINE_SECONDS)
        if is_hung:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        if is_hung:
            raise HungError(f"process {self.pid} did not end within {DEADLINE_SECONDS:.0f} s")
        said = self.errors.read_text(encoding="utf-8") if self.errors.exists() else ""
        self.errors.unlink(missing_ok=True)
        return Ending(
            os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
            said,
        )

    def wait_for_stop(self) -> bool:
        """Wait until it hangs or has ended; say whether it hangs."""
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        state = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        return state == "T"


@contextmanager
def _watched(pid: int) -> Generator[Callable[[float], bool]]:
    """Yield a question: has the process ended within so many seconds?"""
    descriptor = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        yield lambda seconds: bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)
