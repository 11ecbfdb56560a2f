"""Asking whether a port takes connections."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.failures import failure_reason

__all__ = ["TcpProbe"]


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """One port: well when it takes a connection, whether or not it says anything then."""

    host: str
    port: int

    async def ask(self) -> Answer:
        """Connect once and hang up."""
        started = perf_counter()
        try:
            _, writer = await asyncio.open_connection(self.host, self.port)
        except OSError as error:
            # Python gives several refusals, one for each address of the host, as one error without a number.
            otherwise = "the connection failed" if error.errno else "no address of the host takes a connection"
            return Answer(Outcome.FAILED, failure_reason(error, otherwise))
        latency_ms = (perf_counter() - started) * 1000
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return Answer(Outcome.OK, latency_ms=latency_ms)
