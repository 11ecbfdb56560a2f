"""One HTTP POST with a deadline of its own: what is kept of the answer is a status code and a word."""

import asyncio
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from sophia_metrics.alerts.notifier import Answer, Outcome
from sophia_metrics.retry_after import retry_after_seconds
from sophia_metrics.services import Health, HealthStatus

__all__ = ["DEADLINE_SECONDS", "post", "probe_host"]

DEADLINE_SECONDS = 10.0
"""For the whole exchange: connect, send, and the head of the answer."""
SUCCESS, REDIRECT, REFUSED, BROKEN = 2, 3, 4, 5
TIMED_OUT, TOO_MANY = 408, 429
WORDS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    TIMED_OUT: "timeout",
    410: "gone",
    413: "too_large",
    TOO_MANY: "rate_limited",
}
CLASSES = {SUCCESS: "ok", REDIRECT: "redirect", REFUSED: "rejected", BROKEN: "server_error"}
PORTS = {"https": 443, "http": 80}


async def post(
    url: str, body: bytes, headers: Mapping[str, str], now: datetime, deadline_seconds: float = DEADLINE_SECONDS
) -> Answer:
    """Send a JSON body; every failure is an answer. The body of the answer is not read, redirects are not followed.

    Args:
        url: where to. It may be a secret, and is in no message.
        body: JSON.
        headers: besides the content type.
        now: the present (naive UTC), for a Retry-After that is a date.
        deadline_seconds: for the whole exchange.
    """
    sent = {"Content-Type": "application/json", "User-Agent": "sophia-metrics", **headers}
    try:
        with _unlogged(httpx.URL(url)):
            return await _exchange(url, body, sent, now, deadline_seconds)
    except (TimeoutError, httpx.TimeoutException):
        return Answer(Outcome.TRY_AGAIN, "timeout")
    except httpx.ConnectError:
        return Answer(Outcome.TRY_AGAIN, "connection_failed")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        return Answer(Outcome.REFUSED, "invalid_url")
    except httpx.TransportError:
        return Answer(Outcome.TRY_AGAIN, "connection_broken")


async def _exchange(
    url: str, body: bytes, headers: Mapping[str, str], now: datetime, deadline_seconds: float
) -> Answer:
    async with (
        httpx.AsyncClient(timeout=deadline_seconds) as client,
        asyncio.timeout(deadline_seconds),
        client.stream("POST", url, content=body, headers=headers) as response,
    ):
        return _answer(response.status_code, response.headers.get("Retry-After"), now)


@contextmanager
def _unlogged(url: httpx.URL) -> Generator[None]:
    """Keep httpx from logging the URL, as it does at INFO: whoever has the URL of a channel can post to it."""

    def is_another(record: logging.LogRecord) -> bool:
        return not isinstance(record.args, tuple) or url not in record.args

    logger = logging.getLogger("httpx")
    logger.addFilter(is_another)
    try:
        yield
    finally:
        logger.removeFilter(is_another)


def _answer(status: int, retry_after: str | None, now: datetime) -> Answer:
    family = status // 100
    word = WORDS.get(status, CLASSES.get(family, "unexpected"))
    response = f"{status} {word}"
    if family == SUCCESS:
        return Answer(Outcome.DELIVERED, response)
    if family in {REDIRECT, REFUSED} and status not in {TIMED_OUT, TOO_MANY}:
        return Answer(Outcome.REFUSED, response)
    return Answer(Outcome.TRY_AGAIN, response, retry_after_seconds(retry_after, now))


async def probe_host(component: str, url: str, deadline_seconds: float = DEADLINE_SECONDS) -> Health:
    """Say whether the host of a URL takes connections; nothing is sent to it, least of all a message."""
    parts = urlsplit(url)
    started = perf_counter()
    try:
        port = parts.port or PORTS[parts.scheme]
        async with asyncio.timeout(deadline_seconds):
            _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
            await writer.wait_closed()
    except (KeyError, ValueError):
        return Health(component, HealthStatus.DOWN, "the URL is none of http or https: correct the variable of url_env")
    except OSError as error:
        return Health(
            component, HealthStatus.DOWN, f"its host takes no connection ({type(error).__name__}): is the URL right?"
        )
    elapsed_ms = (perf_counter() - started) * 1000
    return Health(component, HealthStatus.HEALTHY, "its host takes connections; no message was sent", elapsed_ms)
