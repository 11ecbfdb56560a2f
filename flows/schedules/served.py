"""Serving the deployments: register them with a Prefect API, and run what is due, each run in a process of its own."""

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread

from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from flows.schedules.deployments import Deployment

__all__ = ["ServedFlows"]

NAME = "sophia-metrics-serve"
REGISTER_SECONDS = 60.0


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
        self._runner = Runner(name=NAME, pause_on_shutdown=True)
        self._registered: Future[None] = Future()
        self._thread = Thread(target=self._run, name="sophia-schedules", daemon=True)

    def start(self) -> None:
        """Register the deployments; return when they are, with their schedules at work.

        Raises:
            TimeoutError: the Prefect API took too long.
            Exception: what the Prefect client raised.
        """
        self._thread.start()
        self._registered.result(REGISTER_SECONDS)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs what is due."""
        return self._thread.is_alive()

    def stop(self, seconds: float) -> None:
        """Pause the schedules and end the runs that are under way: gently at first, and for good after `seconds`."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._runner.astop(), self._loop)
        self._thread.join(seconds)
        for child in multiprocessing.active_children():
            child.kill()
        self._thread.join(1)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            if self._registered.done():
                raise
            self._registered.set_exception(error)

    async def _serve(self) -> None:
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
        self._registered.set_result(None)
        await self._runner.start()
