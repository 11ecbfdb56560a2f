"""Asking over HTTP: one GET, the body up to a bound, nothing followed."""

import ssl
from collections.abc import Collection
from functools import cache
from time import perf_counter

import httpx

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.body import MAX_BODY_BYTES, HttpAnswer, judge_http
from sophia_metrics.health.failures import failure_reason

__all__ = ["HttpProbe"]

HEADERS = {
    "Accept": "application/json, */*;q=0.5",
    "Accept-Encoding": "identity",  # a compressed body may be small and have no end
    "User-Agent": "sophia-metrics-probe",
}
LONGEST_SECONDS = 120
"""No deadline is so long: whoever asks ends the probe before."""


class HttpProbe:
    """One URL. Proxies and .netrc of the environment are not used: what is measured is the service.

    Args:
        url: http:// or https://, in full.
        expected_status: status codes that are good. Empty: 200 to 299.
        token: sent as a bearer token. None: none.

    Raises:
        ConfigurationError: the URL or the token cannot be sent; neither is in the message.
    """

    def __init__(self, url: str, *, expected_status: Collection[int] = (), token: str | None = None) -> None:
        self._url = _parsed(url)
        self._expected = frozenset(expected_status)
        self._headers = dict(HEADERS)
        if token is not None:
            if not token.isascii() or not token.isprintable():
                raise ConfigurationError("a token is plain ASCII without line ends: correct the variable of token_env")
            self._headers["Authorization"] = f"Bearer {token}"

    async def ask(self) -> Answer:
        """Send one GET and judge the answer; without a deadline, as long as the service takes."""
        started = perf_counter()
        has_begun = False
        verify = _trusted() if self._url.scheme == "https" else False
        client = httpx.AsyncClient(verify=verify, trust_env=False, timeout=LONGEST_SECONDS, follow_redirects=False)
        try:
            async with client, client.stream("GET", self._url, headers=self._headers) as response:
                has_begun = True
                found = await _read(response)
        except httpx.HTTPError as error:
            otherwise = "the connection failed"
            if isinstance(error, httpx.ProtocolError):
                otherwise = "the answer broke off" if has_begun else "no HTTP answer came"
            return Answer(Outcome.FAILED, failure_reason(error, otherwise))
        judged = judge_http(found, self._expected)
        return Answer(judged.outcome, judged.message, (perf_counter() - started) * 1000)


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = None
    if parsed is None or parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigurationError("a URL that is probed starts with http:// or https:// and a host: correct it")
    return parsed


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that this machine trusts; SSL_CERT_FILE names others."""
    return ssl.create_default_context()


async def _read(response: httpx.Response) -> HttpAnswer:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            break
    return HttpAnswer(
        response.status_code,
        bytes(body[:MAX_BODY_BYTES]),
        is_whole=len(body) <= MAX_BODY_BYTES,
        is_json="json" in response.headers.get("content-type", "").lower(),
        is_packed=response.headers.get("content-encoding", "identity").lower() != "identity",
    )
