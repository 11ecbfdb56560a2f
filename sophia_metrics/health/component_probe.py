"""Asking a component of our own, through the one interface of services."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from sophia_metrics.errors import SophiaError
from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.services import Health, HealthStatus, Service

__all__ = ["ComponentProbe"]

OUTCOMES = {
    HealthStatus.HEALTHY: Outcome.OK,
    HealthStatus.DEGRADED: Outcome.DEGRADED,
    HealthStatus.DOWN: Outcome.FAILED,
    HealthStatus.UNKNOWN: Outcome.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class ComponentProbe:
    """One component.

    It is opened, asked and put away on a thread and a loop of its own: a lock or a disk that hangs holds up
    neither the other probes nor the deadline of this one.
    """

    open: Callable[[], Service]

    async def ask(self) -> Answer:
        """Ask once; a component that cannot be opened has failed."""
        started = perf_counter()
        try:
            health = await _on_a_thread(self._health)
        except SophiaError as error:
            return Answer(Outcome.FAILED, str(error))
        outcome = OUTCOMES[health.status]
        is_asked = outcome is not Outcome.SKIPPED
        return Answer(
            outcome,
            None if outcome is Outcome.OK else health.message,
            (perf_counter() - started) * 1000 if is_asked else None,
            attempt_count=int(is_asked),
        )

    def _health(self) -> Health:
        return asyncio.run(_life(self.open()))


async def _life(service: Service) -> Health:
    await service.initialize()
    try:
        return await service.health_check()
    finally:
        await service.cleanup()


async def _on_a_thread(function: Callable[[], Health]) -> Health:
    """Run a function on a thread that nobody waits for once the deadline has passed."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Health] = loop.create_future()

    def settle(health: Health | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        elif health is not None:
            future.set_result(health)

    def run() -> None:
        health, error = None, None
        try:
            health = function()
        except BaseException as raised:  # noqa: BLE001 - carried over to whoever waits, not handled here
            error = raised
        with suppress(RuntimeError):  # the deadline passed, and the loop is gone
            loop.call_soon_threadsafe(settle, health, error)

    threading.Thread(target=run, name="sophia-probe", daemon=True).start()
    return await future
