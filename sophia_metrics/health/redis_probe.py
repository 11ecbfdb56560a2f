"""Asking a Redis server: PING."""

from time import perf_counter

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.failures import failure_reason

__all__ = ["RedisProbe"]


class RedisProbe:
    """One Redis server.

    Args:
        url: redis://, rediss:// or unix://, with a password where the server asks for one.

    Raises:
        ConfigurationError: the URL is none of these; it is not in the message.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ConfigurationError("the URL of a Redis server starts with redis://, rediss:// or unix://: correct it")
        self._url = url

    async def ask(self) -> Answer:
        """Connect, PING once and hang up; without a deadline, as long as the server takes."""
        started = perf_counter()
        # RESP 2 is what every server speaks; a second try would hide the first failure.
        client = Redis.from_url(self._url, protocol=2, retry=Retry(NoBackoff(), 0))  # pyright: ignore[reportUnknownMemberType] - no stubs
        try:
            await client.ping()  # pyright: ignore[reportUnknownMemberType] - no stubs
        except (exceptions.RedisError, OSError) as error:
            return Answer(Outcome.FAILED, _reason(error))
        finally:
            await client.aclose()
        return Answer(Outcome.OK, latency_ms=(perf_counter() - started) * 1000)


def _reason(error: Exception) -> str:
    match error:
        case exceptions.AuthenticationError():
            return "it asks for a password, or refuses the one given"
        case exceptions.BusyLoadingError():
            return "it is still loading its data"
        case exceptions.InvalidResponse():
            return "the answer is not Redis"
        case exceptions.ResponseError():
            return "it refuses PING"
        case _:
            return failure_reason(error)
