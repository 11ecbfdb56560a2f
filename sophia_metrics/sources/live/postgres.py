"""Reading a vendor's PostgreSQL: one snapshot at a time, in a transaction that can write nothing and has a deadline.

No address, no password and no word of the server stands in a message.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, Self, TypeVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError, SophiaError
from sophia_metrics.sources.live.clock import Clock

__all__ = ["Address", "Postgres", "Session"]

T = TypeVar("T")

WAITS = (1.0, 4.0)
"""Seconds between the tries, where a failure may pass."""
OF_CONNECTION = frozenset({"host", "port", "user", "password", "dbname", "passfile", "target_session_attrs"})
"""What of an address's query is for PostgreSQL, beside all that begins with ssl; the rest is for Prisma."""
LIMITS = "SELECT set_config('statement_timeout', $1, true), set_config('TimeZone', 'UTC', true)"
NOW = "SELECT now() AT TIME ZONE 'UTC'"
PASSING = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
REFUSED = asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError


class Session(Protocol):
    """What is used of a connection of asyncpg."""

    async def fetch(self, query: str, *args: object) -> Sequence[Mapping[str, Any]]:
        """Return all rows."""
        ...

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401 - a value of any type
        """Return the first value of the first row."""
        ...

    def transaction(self, *, isolation: str, readonly: bool) -> AbstractAsyncContextManager[object]:
        """Begin a transaction, which ends with the block."""
        ...

    async def close(self) -> None:
        """Say goodbye and close."""
        ...

    def terminate(self) -> None:
        """Close at once."""
        ...


_connect = cast("Callable[..., Awaitable[Session]]", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType] - no stubs


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and in which schema the vendor's tables are.

    Attributes:
        variable: which variable holds it, for messages.
        url: what PostgreSQL understands of it; it holds the password.
        host: for messages.
        schema: the one that Prisma is told of, mostly public.
    """

    variable: str
    url: str = field(repr=False)
    host: str
    schema: str

    @classmethod
    def parse(cls, source: str, variable: str, url: str) -> Self:
        """Read an address as Prisma has it in DATABASE_URL.

        Raises:
            ConfigurationError: it is none of PostgreSQL.
        """
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            parts, host = urlsplit(""), None
        if parts.scheme not in {"postgres", "postgresql"}:
            raise ConfigurationError(
                f"source {source}: the variable {variable} holds no address of PostgreSQL: write "
                "postgresql://user:password@host:5432/database, as the proxy has it in DATABASE_URL"
            )
        query = dict(parse_qsl(parts.query))
        kept = {key: value for key, value in query.items() if key in OF_CONNECTION or key.startswith("ssl")}
        told = urlunsplit(parts._replace(query=urlencode(kept)))
        return cls(variable, told, host or query.get("host", "localhost"), query.get("schema", "public"))


class Postgres:
    """One database, for one source. It runs a loop of its own, so not inside of another one."""

    def __init__(self, source: str, address: Address, deadline_seconds: float, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Args:
            source: name of the source, for messages.
            address: where it is.
            deadline_seconds: for connecting, and for each statement.
            clock: how time passes.
        """
        self._source = source
        self._address = address
        self._deadline = deadline_seconds
        self._clock = clock
        self._lead: timedelta | None = None
        self._runner = asyncio.Runner()
        self._session: Session | None = None

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of the database's. None: it was not asked."""
        return self._lead

    def read(self, what: str, task: Callable[[Session], Awaitable[T]]) -> T:
        """Return what a task reads in one snapshot. It may be run again.

        Args:
            what: which table is read, for messages.
            task: reads it.

        Raises:
            ConfigurationError: the address is refused, or the table.
            ServiceUnavailableError: there was no answer, several times, or not in time.
            ProcessingError: the server refuses the statement.
        """
        waits = iter(WAITS)
        while True:
            try:
                return self._runner.run(self._snapshot(task))
            except asyncpg.ClientConfigurationError as error:
                raise ConfigurationError(
                    f"source {self._source}: the address in {self._address.variable} cannot be read: correct it"
                ) from error
            except PASSING as error:
                self._forget()
                wait = next(waits, None)
                if wait is None:
                    raise ServiceUnavailableError(
                        f"source {self._source}: the database at {self._address.host} gives no answer "
                        f"({type(error).__name__}), {len(WAITS) + 1} times: the next run asks for what is missing"
                    ) from error
                self._clock.sleep(wait)
            except asyncpg.PostgresError as error:
                raise self._refusal(what, error) from error

    def close(self) -> None:
        """Give the connection back."""
        if self._session is not None:
            with suppress(*PASSING):
                self._runner.run(asyncio.wait_for(self._session.close(), self._deadline))
        self._runner.close()

    def _forget(self) -> None:
        if self._session is not None:
            self._session.terminate()
            self._session = None

    async def _snapshot(self, task: Callable[[Session], Awaitable[T]]) -> T:
        if self._session is None:
            self._session = await _connect(
                self._address.url,
                timeout=self._deadline,
                command_timeout=self._deadline + 5,  # the server's own limit comes first
                statement_cache_size=0,  # prepared statements do not outlive a transaction behind PgBouncer
            )
        session = self._session
        async with session.transaction(isolation="repeatable_read", readonly=True):
            await session.fetch(LIMITS, str(round(self._deadline * 1e3)))
            self._lead = self._clock.now() - await session.fetchval(NOW)
            return await task(session)

    def _refusal(self, what: str, error: asyncpg.PostgresError) -> SophiaError:
        """Return what an error of the server means."""
        place, variable = f"source {self._source}: the database at {self._address.host}", self._address.variable
        if isinstance(error, REFUSED):
            return ConfigurationError(f"{place} refuses the user, the password or the name: check {variable}")
        if isinstance(error, asyncpg.InsufficientPrivilegeError):
            return ConfigurationError(
                f"{place} does not let its user read {what}: grant USAGE on the schema and SELECT on the table to the "
                f"user of {variable}"
            )
        if isinstance(error, asyncpg.QueryCanceledError):
            return ServiceUnavailableError(
                f"{place} takes longer than {self._deadline:g} s for {what}: raise deadline_seconds in [sources.api]"
            )
        return ProcessingError(f"{place} refuses to read {what} ({type(error).__name__}): report it, or upgrade")
