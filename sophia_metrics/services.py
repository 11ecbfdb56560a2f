"""The one interface of every long-lived component: warehouse, source, cache, notifier, dashboard."""

import asyncio
import contextvars
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

__all__ = ["Health", "HealthStatus", "Service", "ServiceLifecycle", "run_sync"]

T = TypeVar("T")


class HealthStatus(StrEnum):
    """What a component says of itself. Unknown is never healthy."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of `health_check`.

    Attributes:
        component: the name of the component, as people configure it.
        status: see HealthStatus.
        message: one sentence for a person: what is wrong and what to do, or what works.
        latency_ms: how long the check took, in milliseconds; None where nothing was measured.
        facts: small facts without secrets, such as counts and versions.
    """

    component: str
    status: HealthStatus
    message: str
    latency_ms: float | None = None
    facts: Mapping[str, str | int | float | None] = field(default_factory=dict[str, str | int | float | None])


@runtime_checkable
class Service(Protocol):
    """A component with a life: made ready, asked how it is, asked what it did, put away."""

    async def initialize(self) -> None:
        """Make the component ready. Calling it again changes nothing."""
        ...

    async def health_check(self) -> Health:
        """Say how the component is; a failure is an answer, not an exception."""
        ...

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Numbers about the component's own work; None is unknown."""
        ...

    async def cleanup(self) -> None:
        """Give back what `initialize` took. Calling it again changes nothing."""
        ...


class ServiceLifecycle:
    """Makes a Service an async context manager: `async with service: …`."""

    async def initialize(self) -> None:
        """Make the component ready; nothing to do unless a component says so."""

    async def cleanup(self) -> None:
        """Give back what `initialize` took; nothing to do unless a component says so."""

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cleanup()


def run_sync(awaitable: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end from synchronous code: the only bridge between the two worlds.

    Works inside a running event loop too (a notebook, an async Prefect flow): there the coroutine
    gets a loop of its own on a thread of its own, with the caller's context variables, and the caller
    waits for it.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(awaitable)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sophia-run-sync") as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, awaitable).result()
