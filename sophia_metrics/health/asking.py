"""Asking many services at once: so many at a time, and each within its own deadline."""

import asyncio
from collections.abc import Sequence

from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.watch import Watch

__all__ = ["ask_all"]


async def ask_all(watches: Sequence[Watch], concurrency: int) -> tuple[Answer, ...]:
    """Ask every service once; return the answers in the order of the services.

    Args:
        watches: the services.
        concurrency: how many are asked at the same time, at least 1. The deadline of a service begins when
            it is asked, not while it waits for its turn.
    """
    turns = asyncio.Semaphore(concurrency)

    async def ask(watch: Watch) -> Answer:
        async with turns:
            return await _ask_within(watch)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(watch)) for watch in watches]
    return tuple(task.result() for task in tasks)


async def _ask_within(watch: Watch) -> Answer:
    try:
        async with asyncio.timeout(watch.deadline_seconds):
            return await watch.probe.ask()
    except TimeoutError:
        return Answer(Outcome.FAILED, f"no answer within {watch.deadline_seconds:g} s")
