"""Every error that Sophia Metrics raises, sorted by what to do next.

SophiaError
├── ConfigurationError        a person must change something; never retried
├── ServiceUnavailableError   the world may heal; retried with backoff, then an alert
└── ProcessingError           this data will fail again; quarantined, or the window fails; never retried

A bad row is a value (a row of core_quarantine), not an exception.
"""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

__all__ = [
    "ConfigurationError",
    "ProcessingError",
    "ServiceUnavailableError",
    "SophiaError",
    "handle_service_errors",
]

P = ParamSpec("P")
R = TypeVar("R")


class SophiaError(Exception):
    """Something failed: what, which thing, and what to do about it, in one message without payload or secret."""


class ConfigurationError(SophiaError):
    """A person must change something: a setting, an argument, a file. Never retried."""


class ServiceUnavailableError(SophiaError):
    """A service or a resource does not answer now; the same call may succeed later."""


class ProcessingError(SophiaError):
    """This data cannot be processed and will fail again: retrying is useless."""


def handle_service_errors(
    what: str,
    *,
    unavailable: tuple[type[Exception], ...] = (),
    processing: tuple[type[Exception], ...] = (),
    configuration: tuple[type[Exception], ...] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Translate a vendor's exceptions at the edge into ours, keeping the cause.

    Works on plain and on async functions, and keeps the signature. A SophiaError passes through
    as it is; an exception that is not listed passes through too: an unknown fault is not disguised.

    Args:
        what: what the function was doing and with which thing, for the start of the message.
        unavailable: exceptions after which the same call may succeed later.
        processing: exceptions that this data will cause again.
        configuration: exceptions that a person has to resolve.
    """
    axis = (
        (configuration, ConfigurationError),
        (processing, ProcessingError),
        (unavailable, ServiceUnavailableError),
    )
    listed = (*configuration, *processing, *unavailable)

    def translate(error: Exception) -> SophiaError:
        ours = next(kind for vendors, kind in axis if isinstance(error, vendors))
        return ours(f"{what} failed: {type(error).__name__}")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> object:
                try:
                    return await function(*args, **kwargs)
                except SophiaError:
                    raise
                except listed as error:
                    raise translate(error) from error

            return cast("Callable[P, R]", guarded_async)

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except SophiaError:
                raise
            except listed as error:
                raise translate(error) from error

        return guarded

    return decorate
