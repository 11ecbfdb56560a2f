"""Lanes: what mostly waits for an answer is done side by side, in threads; what is in one lane one after another."""

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

__all__ = ["side_by_side"]

T = TypeVar("T")

PATIENCE_SECONDS = 2.0
"""A job that was told to stop and waits for an answer is left alone after so long."""


@contextmanager
def side_by_side(lanes: Sequence[Mapping[str, Callable[[Event], T]]], most: int) -> Generator[Mapping[str, Future[T]]]:
    """Do the jobs of every lane in their order, and so many lanes at once; yield what becomes of each job, by its name.

    Each thread has the caller's context variables. At the end of the block, jobs that have not begun never do, and the
    event that each job is given is set: a job that sees it ends. One that does not see it in time is left alone, and
    ends with the process at the latest: whatever it writes must be whole or not there.

    Args:
        lanes: the jobs by their names, each of which is there once. A job that fails does not keep the next from its
            turn.
        most: so many lanes at once.
    """
    stop = Event()
    futures: dict[str, Future[T]] = {name: Future() for lane in lanes for name in lane}
    waiting = deque(lanes)

    def work() -> None:
        while not stop.is_set():
            try:
                lane = waiting.popleft()
            except IndexError:  # each lane has its thread
                return
            for name, job in lane.items():
                _settle(futures[name], job, stop)

    threads = [
        Thread(target=copy_context().run, args=(work,), name=f"sophia-lane-{number}", daemon=True)
        for number in range(min(most, len(lanes)))
    ]
    for thread in threads:
        thread.start()
    try:
        yield futures
    finally:
        stop.set()
        for future in futures.values():
            future.cancel()
        until = monotonic() + PATIENCE_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - monotonic()))


def _settle(future: Future[T], job: Callable[[Event], T], stop: Event) -> None:
    """Do a job whose turn it is, and let whoever waits for it know; nothing, where it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        found = job(stop)
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
        future.set_exception(error)
    else:
        future.set_result(found)
