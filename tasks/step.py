"""How hard to try: every step of a flow is declared here, once, and works with and without Prefect."""

import functools
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
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
            with _library_logs():
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


class _RunLogHandler(logging.Handler):
    """Hands the library's records to the logger of a run.

    The logger is bound when the step starts: threads that the library starts know of no run.
    """

    def __init__(self) -> None:
        super().__init__()
        self._run = get_run_logger()

    def emit(self, record: logging.LogRecord) -> None:
        self._run.log(record.levelno, "%s", record.getMessage())


@contextmanager
def _library_logs() -> Generator[None, None, None]:
    """Send what the library logs, from INFO up, to the logs of the task run, and not to the console twice."""
    logger, handler = logging.getLogger(LIBRARY), _RunLogHandler()
    level, propagates = logger.level, logger.propagate
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
        logger.setLevel(level)
