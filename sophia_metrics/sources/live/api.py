"""Asking a vendor over HTTP: one request at a time, never faster than its limit, again when it may help.

Every request has a deadline of its own for the whole exchange. No key, no query and no body stands in a message.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError, SophiaError
from sophia_metrics.retry_after import retry_after_seconds
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.windows import naive_utc

__all__ = ["Api", "Params"]

T = TypeVar("T")
Params = Sequence[tuple[str, str | int]]
"""A query: pairs, so that a name can come several times."""

ATTEMPTS = 5
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""How OpenSSL calls a certificate that it does not trust; httpx passes the text on."""
LONGEST_WAIT = 120.0
"""Seconds. Who asks for more is asked again by the next run."""
MAX_BODY_BYTES = 256 << 20
SUCCESS = 200
REDIRECTS, REFUSALS = range(300, 400), frozenset({401, 403})
PASSING = frozenset({408, 409, 425, 429})
"""Answers below 500 after which asking again may help."""


class _TryAgainError(Exception):
    """An answer after which the same request may go well.

    Attributes:
        wait: seconds that the vendor asks for. None: it does not say.
    """

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class _MissingError(ConfigurationError):
    """There is nothing at an address."""


class Api:
    """One vendor's API, for one source."""

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        key_hint: str,
        requests_per_minute: float,
        deadline_seconds: float,
        clock: Clock,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            source: name of the source, for messages.
            base_url: scheme, host and the path that all endpoints share.
            headers: of every request; they hold the key.
            key_hint: which variable holds the key, for the message when it is refused.
            requests_per_minute: no more are sent.
            deadline_seconds: for one exchange.
            clock: how time passes.
        """
        self.source = source
        self._base_url = base_url.rstrip("/")
        self._key_hint = key_hint
        self._pause = 60 / requests_per_minute
        self._deadline = deadline_seconds
        self._clock = clock
        self._last = -self._pause
        self._lead: timedelta | None = None
        sent = {"User-Agent": "sophia-metrics", "Accept": "application/json", **headers}
        self._client = httpx.Client(headers=sent, timeout=deadline_seconds)

    @classmethod
    def of_terms(cls, terms: LiveTerms, clock: Clock, headers: Mapping[str, str]) -> Self:
        """Return the API that a source names; the headers hold its key."""
        return cls(
            terms.source,
            terms.base_url,
            headers=headers,
            key_hint=f"Check the variable {' and '.join(terms.keys) or 'of its key'}",
            requests_per_minute=terms.requests_per_minute,
            deadline_seconds=terms.deadline_seconds,
            clock=clock,
        )

    @property
    def now(self) -> datetime:
        """The present (naive UTC)."""
        return self._clock.now()

    @property
    def host(self) -> str:
        """The vendor's host, for messages."""
        return httpx.URL(self._base_url).host

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of the vendor's, by its last answer, to a second. None: it did not say."""
        return self._lead

    def get(self, path: str, params: Params, shape: TypeAdapter[T]) -> T:
        """Ask for something and return it in its shape.

        Raises:
            ConfigurationError: the key is refused, or there is no such endpoint.
            ServiceUnavailableError: no good answer came, although it was asked for several times.
            ProcessingError: the answer has another shape, or the request is refused.
        """
        return self._ask("GET", path, params, None, lambda place, content: self._shaped(place, content, shape))

    def post(self, path: str, body: Mapping[str, Any], shape: TypeAdapter[T]) -> T:
        """Send JSON and return the answer in its shape; the errors are those of `get`."""
        return self._ask("POST", path, (), body, lambda place, content: self._shaped(place, content, shape))

    def find(self, path: str, params: Params, shape: TypeAdapter[T]) -> T | None:
        """Ask for one thing by its name. None: there is none; the other errors are those of `get`."""
        try:
            return self.get(path, params, shape)
        except _MissingError:
            return None

    def get_lines(self, path: str, shape: TypeAdapter[T]) -> list[T]:
        """Ask for JSON Lines, and return each line in its shape; the errors are those of `get`.

        Args:
            path: with its query, which may hold a signature: it is sent as it is, and stands in no message.
            shape: of a line.
        """

        def read(place: str, content: bytes) -> list[T]:
            return [self._shaped(place, line, shape) for line in content.splitlines() if line.strip()]

        return self._ask("GET", path, (), None, read)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _ask(
        self,
        method: str,
        path: str,
        params: Params,
        body: Mapping[str, Any] | None,
        read: Callable[[str, bytes], T],
    ) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            return retrying(self._exchange, method, path, params, body, read)
        except _TryAgainError as error:
            raise ServiceUnavailableError(
                f"source {self.source}: {error}; what is missing is asked for by the next run"
            ) from error

    def _exchange(
        self,
        method: str,
        path: str,
        params: Params,
        body: Mapping[str, Any] | None,
        read: Callable[[str, bytes], T],
    ) -> T:
        self._keep_pace()
        place = self._place(path)
        try:
            content = self._send(method, path, params, body)
        except httpx.TimeoutException as error:
            raise _TryAgainError(f"{place} did not answer within {self._deadline:g} s") from error
        except httpx.ConnectError as error:
            if UNTRUSTED in str(error):
                raise ConfigurationError(
                    f"source {self.source}: the certificate of {self.host} is not trusted: correct base_url, or "
                    "give SSL_CERT_FILE"
                ) from error
            raise _TryAgainError(f"{place} takes no connection") from error
        except httpx.TransportError as error:
            raise _TryAgainError(f"{place} broke off its answer ({type(error).__name__})") from error
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            raise ProcessingError(
                f"source {self.source}: {place} cannot be read ({type(error).__name__}): correct base_url"
            ) from error
        return read(place, content)

    def _place(self, path: str) -> str:
        """Return how messages call an endpoint: without a query."""
        return f"{self.host}{path.partition('?')[0]}"

    def _keep_pace(self) -> None:
        wait = self._last + self._pause - self._clock.seconds()
        if wait > 0:
            self._clock.sleep(wait)
        self._last = self._clock.seconds()

    def _send(self, method: str, path: str, params: Params, body: Mapping[str, Any] | None) -> bytes:
        until = self._clock.seconds() + self._deadline
        url = httpx.URL(self._base_url + path)
        with self._client.stream(method, url.copy_merge_params(list(params)) if params else url, json=body) as response:
            self._note_clock(response.headers.get("Date"))
            if response.status_code != SUCCESS:
                raise self._refusal(response, self._place(path))
            parts: list[bytes] = []
            size = 0
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if self._clock.seconds() > until:
                    raise httpx.ReadTimeout("the whole exchange took too long")
                if size > MAX_BODY_BYTES:
                    raise ProcessingError(
                        f"source {self.source}: an answer of {self._place(path)} is larger than "
                        f"{MAX_BODY_BYTES >> 20} MiB: ask for smaller pages"
                    )
            return b"".join(parts)

    def _refusal(self, response: httpx.Response, place: str) -> SophiaError | _TryAgainError:
        """Return what an answer other than 200 means; its body is left alone."""
        status = response.status_code
        told = f"{place} answered {status}"
        if status in PASSING or status >= 500:  # noqa: PLR2004 - the servers' own failures
            wait = retry_after_seconds(response.headers.get("Retry-After"), self._clock.now())
            return (
                _TryAgainError(f"{told} {ATTEMPTS} times", wait)
                if wait is None or wait <= LONGEST_WAIT
                else (
                    ServiceUnavailableError(
                        f"source {self.source}: {told} and asks to wait {wait:.0f} s: the next run goes on"
                    )
                )
            )
        if status in REFUSALS:
            return ConfigurationError(f"source {self.source}: {told}: the key is refused. {self._key_hint}")
        if status in REDIRECTS:
            return ConfigurationError(
                f"source {self.source}: {told}, a redirect, which is not followed: correct base_url"
            )
        if status == 404:  # noqa: PLR2004 - not found
            return _MissingError(
                f"source {self.source}: {told}: there is no such endpoint. Correct base_url, or upgrade that server"
            )
        return ProcessingError(f"source {self.source}: {told}: the request is refused; its settings may not fit")

    def _note_clock(self, date: str | None) -> None:
        try:
            theirs = naive_utc(parsedate_to_datetime(date)) if date else None
        except ValueError:
            return
        if theirs is not None:
            self._lead = self._clock.now() - theirs

    def _shaped(self, place: str, content: bytes, shape: TypeAdapter[T]) -> T:
        try:
            return shape.validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            if first["type"] == "json_invalid":
                raise _TryAgainError(f"{place} sent a body that is no whole JSON") from error
            where = ".".join(map(str, first["loc"]))
            raise ProcessingError(
                f"source {self.source}: the answer of {place} has another shape: {where}: {first['msg']} "
                f"({error.error_count()} in all). Nothing of it was taken; upgrade sophia-metrics, or report the change"
            ) from error


_backoff = wait_exponential_jitter(initial=1, max=30, jitter=1)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.wait if isinstance(error, _TryAgainError) else None
    return asked if asked is not None else _backoff(state)
