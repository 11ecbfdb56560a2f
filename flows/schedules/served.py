"""Serving the deployments: register them with a Prefect API, and run what is due, each run in a process of its own."""

import asyncio
import multiprocessing
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any, TypeVar

from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from flows.schedules.deployments import Deployment

__all__ = ["ServedFlows"]

NAME = "sophia-metrics-serve"
REGISTER_SECONDS = 60.0

T = TypeVar("T")


class ServedFlows:
    """Runs what is due, on a thread of its own, from `start` to `stop`.

    Prefect's runner would take the signals of the process where it ran on the main thread.
    """

    def __init__(self, deployments: Sequence[Deployment], config: str) -> None:
        """Prepare.

        Args:
            deployments: what is served.
            config: the folder of sophia.toml, handed to every run.
        """
        self._deployments = deployments
        self._config = config
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="sophia-schedules", daemon=True)
        self._runner = Runner(name=NAME, pause_on_shutdown=True)
        self._serving: Future[None] | None = None

    def start(self) -> None:
        """Register the deployments; return when they are, with their schedules at work.

        Raises:
            TimeoutError: the Prefect API took too long.
        """
        self._thread.start()
        self._await(self._register()).result(REGISTER_SECONDS)
        self._serving = self._await(self._runner.start())

    @property
    def is_alive(self) -> bool:
        """Whether it still runs what is due."""
        return self._serving is not None and not self._serving.done()

    def stop(self, seconds: float) -> None:
        """Pause the schedules and end the runs that are under way: gently at first, and for good after `seconds`."""
        if self._serving is None or self._serving.done():
            return
        self._await(self._runner.astop())
        wait([self._serving], timeout=seconds)
        for child in multiprocessing.active_children():
            child.kill()
        wait([self._serving], timeout=seconds)

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _register(self) -> None:
        for each in self._deployments:
            flow = each.load()
            shared = {"config": self._config} if "config" in flow.parameters.properties else {}
            await self._runner.aadd_flow(
                flow,
                name=each.name,
                schedules=list(each.schedules),
                tags=list(each.tags),
                concurrency_limit=each.concurrency_limit,
                parameters={**shared, **each.parameters},
                entrypoint_type=EntrypointType.MODULE_PATH,
                paused=False,
            )
