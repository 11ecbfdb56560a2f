"""A cache in Redis, asked without being changed; what our own reading adds to its counters is known."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import ParamSpec, TypeVar

import redis.asyncio
from redis import exceptions
from redis.asyncio.connection import BlockingConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sophia_metrics.cache.counters import HourCounters
from sophia_metrics.cache.entries import count_entries
from sophia_metrics.cache.key_patterns import compile_patterns
from sophia_metrics.cache.lookups import hash_key, index_key
from sophia_metrics.cache.reading import CacheReading, Entries
from sophia_metrics.cache.redis_info import ServerInfo
from sophia_metrics.errors import ConfigurationError, SophiaError, handle_service_errors
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle

__all__ = ["CacheTerms", "RedisCache"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

CONNECTIONS = 4
HASHES_AT_ONCE = 500
ADVICE = "start the server, or correct the cache's url or url_env and the rights of its user (docs/caches.md)"


@dataclass(frozen=True, slots=True)
class CacheTerms:
    """How a cache is read.

    Attributes:
        name: name of the cache.
        url: redis://, rediss:// or unix://, with user and password. It is never shown.
        key_patterns: which keys are the cache's. Empty: all of its database.
        lookups_prefix: where the application counts lookups. Empty: it does not.
        scan_limit: so many keys are looked at to count those of the patterns.
        timeout_seconds: for one answer of the server.
        deadline_seconds: for the whole reading.
    """

    name: str
    url: str
    key_patterns: tuple[str, ...] = ()
    lookups_prefix: str = ""
    scan_limit: int = 100_000
    timeout_seconds: float = 5
    deadline_seconds: float = 30


class RedisCache(ServiceLifecycle):
    """One Redis or Valkey server that holds a cache; of a cluster, one node."""

    def __init__(self, terms: CacheTerms) -> None:
        self.terms = terms
        self.node, self._database = _place(terms)
        self._pool: BlockingConnectionPool | None = None

    async def initialize(self) -> None:
        """Make the pool of connections; the first question opens one."""
        if self._pool is None:
            self._pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial
                self.terms.url,
                max_connections=CONNECTIONS,
                timeout=self.terms.timeout_seconds,
                socket_timeout=self.terms.timeout_seconds,
                socket_connect_timeout=self.terms.timeout_seconds,
                retry=Retry(NoBackoff(), 0),  # whoever called tries again
                protocol=2,  # needs no right beyond those that we ask for
                driver_info=None,  # nor does leaving out CLIENT SETINFO
            )

    async def cleanup(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.aclose()

    async def health_check(self) -> Health:
        """Ask the server for INFO, within the deadline."""
        started = perf_counter()
        try:
            info = await self._guarded(self._info)()
        except SophiaError as error:
            return Health(self.terms.name, HealthStatus.DOWN, str(error))
        elapsed_ms = (perf_counter() - started) * 1000
        message = f"{info.version} at {self.node} answers"
        facts = {"version": info.version, "node": self.node, "memory_bytes": info.memory_bytes}
        return Health(self.terms.name, HealthStatus.HEALTHY, message, elapsed_ms, facts)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """The server's counters since they began, and its memory.

        Raises:
            ServiceUnavailableError: it does not answer.
            ConfigurationError: it refuses the user.
        """
        info = await self._guarded(self._info)()
        names = ("keyspace_hits", "keyspace_misses", "evicted_keys", "expired_keys")
        return {**{name: info.count(name) for name in names}, "memory_bytes": info.memory_bytes}

    async def read(self, now: datetime, lookups_since: datetime) -> CacheReading:
        """Look at the cache once.

        Args:
            now: the present (naive UTC).
            lookups_since: the first hour whose lookups are wanted (naive UTC).

        Raises:
            ServiceUnavailableError: the server does not answer in time.
            ConfigurationError: it refuses the user, or is no Redis.
        """
        return await self._guarded(self._read)(now, lookups_since)

    async def _read(self, now: datetime, lookups_since: datetime) -> CacheReading:
        """Read lookups first: what that adds to the counters is in the snapshot that follows, and taken off it."""
        lookups = await self._lookups(lookups_since)
        info = await self._info()
        entries, note = await self._entries(info)
        unread = sorted({f"{each.scope_hash}: {name}" for each in lookups.hashes for name in each.unread})
        notes = (
            lookups.note,
            f"fields of lookups that are no counters are left out: {', '.join(unread[:3])}" if unread else "",
            note,
        )
        found = tuple(each for each in notes if each)
        for each in found:
            log.info("cache %s: %s", self.terms.name, each)
        return CacheReading(
            cache=self.terms.name,
            node=self.node,
            counters=info.counters(now, lookups.own_hit_count, lookups.own_miss_count),
            entries=entries,
            max_bytes=info.max_bytes,
            memory_bytes=info.memory_bytes,
            lookups=tuple(counted for each in lookups.hashes for counted in each.lookups),
            notes=found,
        )

    async def _info(self) -> ServerInfo:
        return ServerInfo(await self._client().info("all"))  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial

    async def _entries(self, info: ServerInfo) -> tuple[Entries, str]:
        if not self.terms.key_patterns:
            return Entries(info.key_count(self._database), info.memory_bytes), ""
        return await count_entries(self._client(), compile_patterns(self.terms.key_patterns), self.terms.scan_limit)

    async def _lookups(self, since: datetime) -> "_Lookups":
        """Read the hashes of the hours from `since` on; without the right to, none."""
        prefix = self.terms.lookups_prefix
        if not prefix:
            return _Lookups()
        index = index_key(prefix)
        try:
            async with self._client().pipeline(transaction=False) as pipeline:
                pipeline.zrangebyscore(index, "-inf", "+inf", start=0, num=1)  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial
                pipeline.zrangebyscore(index, f"{since:%Y%m%d%H}", "+inf")  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial
                known, members = await pipeline.execute()
            own_hits, own_misses = (2, 0) if known else (0, 2)
            places = [_place_of(member) for member in members]
            named = [place for place in places if place is not None]
            hashes: list[HourCounters] = []
            for first in range(0, len(named), HASHES_AT_ONCE):
                some = named[first : first + HASHES_AT_ONCE]
                hashes += await self._hashes(prefix, some)
        except exceptions.ResponseError as error:
            what = "lookups cannot be read" if isinstance(error, exceptions.NoPermissionError) else "no lookups are"
            note = (
                f"{what} under {prefix}: give the user +zrangebyscore and +hgetall on {prefix}:*, or set lookups_prefix"
            )
            return _Lookups(note=note)
        there = [each for each in hashes if each.fields]
        return _Lookups(tuple(there), own_hits + len(there), own_misses + len(hashes) - len(there))

    async def _hashes(self, prefix: str, places: Sequence[tuple[str, datetime]]) -> list[HourCounters]:
        async with self._client().pipeline(transaction=False) as pipeline:
            for scope_hash, hour_at in places:
                pipeline.hgetall(hash_key(prefix, scope_hash, hour_at))
            answers: list[Mapping[bytes, bytes]] = await pipeline.execute()
        return [
            HourCounters(scope_hash, hour_at, {_text(name): _text(value) for name, value in fields.items()})
            for (scope_hash, hour_at), fields in zip(places, answers, strict=True)
        ]

    def _client(self) -> redis.asyncio.Redis:
        if self._pool is None:
            raise RuntimeError("initialize the cache first, best with: async with cache")
        return redis.asyncio.Redis(connection_pool=self._pool)

    def _guarded(self, function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        """Give a function the deadline, and translate what Redis' client raises; its own words may hold anything."""

        async def in_time(*args: P.args, **kwargs: P.kwargs) -> R:
            async with asyncio.timeout(self.terms.deadline_seconds):
                return await function(*args, **kwargs)

        return handle_service_errors(
            f"reading cache {self.terms.name} at {self.node}",
            unavailable=(
                exceptions.ConnectionError,
                exceptions.TimeoutError,
                exceptions.ClusterDownError,
                exceptions.ReadOnlyError,
                TimeoutError,
                OSError,
            ),
            configuration=(
                exceptions.AuthenticationError,
                exceptions.AuthorizationError,
                exceptions.ResponseError,
                exceptions.InvalidResponse,
            ),
            advice=ADVICE,
        )(in_time)


@dataclass(frozen=True, slots=True)
class _Lookups:
    """The hashes that were read, what reading them added to the server's counters, and why there are none."""

    hashes: tuple[HourCounters, ...] = ()
    own_hit_count: int = 0
    own_miss_count: int = 0
    note: str = ""


def _place(terms: CacheTerms) -> tuple[str, int]:
    """Return address and database of a URL, without its secrets.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        parts = parse_url(terms.url)
        database = int(parts.get("db", 0))
    except ValueError:
        raise ConfigurationError(
            f"cache {terms.name}: its URL cannot be read: write it as redis://user:password@host:6379/0"
        ) from None  # the cause quotes it
    address = parts.get("path") or f"{parts.get('host', 'localhost')}:{parts.get('port', 6379)}"
    return f"{address}/{database}", database


def _place_of(member: bytes) -> tuple[str, datetime] | None:
    """Return scope and hour of a member of the index; None: it names none."""
    scope_hash, _, hour = _text(member).rpartition(":")
    try:
        return scope_hash, datetime.strptime(hour, "%Y%m%d%H")  # noqa: DTZ007 - keys hold naive UTC
    except ValueError:
        return None


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
