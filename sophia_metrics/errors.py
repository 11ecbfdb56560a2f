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
    """Something failed: the message says what, which thing, and what to do; no payload and no secret."""


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
    advice: str | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Translate a vendor's exceptions at the edge into ours, keeping the cause.

    Works on plain and on async functions, and keeps the signature. A SophiaError passes through
    as it is; an exception that is not listed passes through too: an unknown fault is not disguised.
    Where several listed exceptions fit, the nearest in the inheritance of the raised one decides.
    The vendor's own message stays in the cause: it may quote a payload.

    Args:
        what: what the function does and with which thing, for the start of the message.
        unavailable: exceptions after which the same call may succeed later.
        processing: exceptions that this data will cause again.
        configuration: exceptions that a person has to resolve.
        advice: what to do, for the end of the message. None: nothing more is known.

    Raises:
        TypeError: the function is a generator, whose exceptions arise where no decorator sees them.
    """
    ours_by_theirs: dict[type, type[SophiaError]] = {
        **dict.fromkeys(unavailable, ServiceUnavailableError),
        **dict.fromkeys(processing, ProcessingError),
        **dict.fromkeys(configuration, ConfigurationError),
    }
    listed = (*unavailable, *processing, *configuration)

    def translate(error: Exception) -> SophiaError:
        ours = next(ours_by_theirs[kind] for kind in type(error).__mro__ if kind in ours_by_theirs)
        end = f": {advice}" if advice else ""
        return ours(f"{what} failed with {type(error).__name__}{end}")

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator: decorate the function that calls it")
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
