"""How hard to try: every step of a flow is declared here, once, and works with and without Prefect."""

import functools
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext
from prefect.tasks import exponential_backoff

from sophia_metrics.errors import ServiceUnavailableError

__all__ = ["is_orchestrated", "step"]

P = ParamSpec("P")
R = TypeVar("R")

LIBRARY = "sophia_metrics"
JITTER = 0.5

_RunLogger = logging.Logger | logging.LoggerAdapter[Any]


def step(
    run_name: str, *, deadline_seconds: float, retries: int = 3, backoff_seconds: float = 2
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a step: a Prefect task inside a flow run, the plain function anywhere else.

    It is tried again only where the world may heal (ServiceUnavailableError), after a delay that doubles
    and varies by half, so that runs that failed together do not come back together. Nothing is cached or
    kept: a step has effects. What the library logs meanwhile is in the logs of the task run.

    Args:
        run_name: name of the task run; `{parameters}` of the function are filled in.
        deadline_seconds: after so long the step has failed. It cannot interrupt a query or a socket.
        retries: how often it is tried again.
        backoff_seconds: the first delay.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def logged(*args: P.args, **kwargs: P.kwargs) -> R:
            with _RUN_LOGS.taken():
                return function(*args, **kwargs)

        tried = task(
            task_run_name=run_name,
            retries=retries,
            retry_delay_seconds=exponential_backoff(backoff_seconds),
            retry_jitter_factor=JITTER,
            retry_condition_fn=_may_heal,
            timeout_seconds=deadline_seconds,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(logged)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            return tried(*args, **kwargs) if is_orchestrated() else function(*args, **kwargs)

        return run

    return decorate


def is_orchestrated() -> bool:
    """Say whether a Prefect flow run is under way here."""
    return FlowRunContext.get() is not None


def _may_heal(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Say whether the same call may succeed later."""
    return isinstance(state.result(raise_on_failure=False), ServiceUnavailableError)


class _RunLogs(logging.Handler):
    """Hands each record of the library to the logger of the task run in whose step it was made.

    Steps may run side by side, each in a thread of its own. A thread that the library starts may know of no step: its
    records go to the step that began last.
    """

    def __init__(self) -> None:
        super().__init__()
        self._own: ContextVar[_RunLogger | None] = ContextVar("own", default=None)
        self._turn = Lock()
        self._begun: list[_RunLogger] = []
        self._before = (logging.NOTSET, True)

    @contextmanager
    def taken(self) -> Generator[None]:
        """Send what the library logs, from INFO up, to the logs of the task run, and not to the console twice."""
        run = get_run_logger()
        self._begin(run)
        token = self._own.set(run)
        try:
            yield
        finally:
            self._own.reset(token)
            self._end(run)

    def emit(self, record: logging.LogRecord) -> None:
        run = self._own.get() or next(reversed(self._begun), None)
        if run is not None:
            run.log(record.levelno, "%s", record.getMessage())

    def _begin(self, run: _RunLogger) -> None:
        with self._turn:
            if not self._begun:
                logger = logging.getLogger(LIBRARY)
                self._before = (logger.level, logger.propagate)
                logger.setLevel(min(logger.level or logging.INFO, logging.INFO))
                logger.propagate = False
                logger.addHandler(self)
            self._begun.append(run)

    def _end(self, run: _RunLogger) -> None:
        with self._turn:
            self._begun.remove(run)
            if not self._begun:
                logger = logging.getLogger(LIBRARY)
                logger.removeHandler(self)
                level, logger.propagate = self._before
                logger.setLevel(level)


_RUN_LOGS = _RunLogs()
