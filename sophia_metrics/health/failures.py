"""Why no answer came, in a few words: from the exceptions of sockets, TLS and names."""

import socket
import ssl
from collections.abc import Iterator
from typing import cast

__all__ = ["failure_reason"]

NO_CONNECTION = "the connection failed"
REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "the name of the host is not known (DNS)"),
    (ssl.SSLError, "TLS: the handshake failed"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection reset"),
    (TimeoutError, "no answer in time"),
)
"""By the kind of an exception; the first that fits."""


def failure_reason(error: BaseException, otherwise: str = NO_CONNECTION) -> str:
    """Return a short reason, without any text of the other side.

    Args:
        error: what a client library raised; what it was raised from tells more than itself.
        otherwise: the reason where nothing in the chain is known.
    """
    return next((reason for each in _chain(error) if (reason := _reason(each))), otherwise)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that it was raised from; of several at once, the first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        several = cast("BaseExceptionGroup[BaseException]", error) if isinstance(error, BaseExceptionGroup) else None
        error = several.exceptions[0] if several else error.__cause__ or error.__context__


def _reason(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the certificate is refused ({error.verify_message})"
    return next((reason for kind, reason in REASONS if isinstance(error, kind)), None)
