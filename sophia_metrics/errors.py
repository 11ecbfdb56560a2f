"""Every error that Sophia Metrics raises, sorted by what to do next.

SophiaError
├── ConfigurationError        a person must change something; never retried
├── ServiceUnavailableError   the world may heal; retried with backoff, then an alert
└── ProcessingError           this data will fail again; quarantined, or the window fails; never retried

A bad row is a value (a row of core_quarantine), not an exception.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    translation = _Translation(
        what,
        {
            **dict.fromkeys(unavailable, ServiceUnavailableError),
            **dict.fromkeys(processing, ProcessingError),
            **dict.fromkeys(configuration, ConfigurationError),
        },
        advice,
    )

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is a generator: decorate the function that calls it")
        return _guard(function, translation)

    return decorate


@dataclass(frozen=True, slots=True)
class _Translation:
    """Which of our errors stands for which of a vendor's."""

    what: str
    ours_by_theirs: Mapping[type, type[SophiaError]]
    advice: str | None

    def __call__(self, error: Exception) -> SophiaError:
        """Return our error for one of the listed ones."""
        ours = next(self.ours_by_theirs[kind] for kind in type(error).__mro__ if kind in self.ours_by_theirs)
        end = f": {self.advice}" if self.advice else ""
        return ours(f"{self.what} failed with {type(error).__name__}{end}")


def _guard(function: Callable[P, R], translation: _Translation) -> Callable[P, R]:
    listed = cast("tuple[type[Exception], ...]", tuple(translation.ours_by_theirs))
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> object:
            try:
                return await function(*args, **kwargs)
            except SophiaError:
                raise
            except listed as error:
                raise translation(error) from error

        return cast("Callable[P, R]", guarded_async)

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SophiaError:
            raise
        except listed as error:
            raise translation(error) from error

    return guarded
