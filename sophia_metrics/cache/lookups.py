"""Lookups, as an application counts them in Redis: the contract between it and the collector.

For each scope and UTC hour there is one hash, `<prefix>:<scope>:<yyyymmddhh>`, and one sorted set, `<prefix>:index`,
names the hashes of the last days. docs/caches.md says the fields. An application in another language writes the same.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # settings name the prefix: to read them must not wait for Redis' client
    import redis
    import redis.asyncio

__all__ = [
    "DEFAULT_PREFIX",
    "KEPT_FOR",
    "Lookup",
    "Outcome",
    "hash_key",
    "index_key",
    "queue_lookup",
    "record_lookup",
    "record_lookup_async",
]

DEFAULT_PREFIX = "sc:stats"
KEPT_FOR = timedelta(days=8)
"""So long a counter waits in Redis for a collector that stands still."""

SCOPE = re.compile(r"[A-Za-z0-9_-]{1,64}")
TIER = re.compile(r"[a-z0-9_]{1,32}")
PICODOLLARS = Decimal(10) ** 12


class Outcome(StrEnum):
    """How a lookup ended; exact and semantic are the hits."""

    EXACT = "exact"
    SEMANTIC = "semantic"
    SHADOW_HIT = "shadow_hit"
    """It would have been a hit, and was not served."""
    GUARD_REJECT = "guard_reject"
    GREY = "grey"
    MISS = "miss"
    INELIGIBLE = "ineligible"
    """The cache was not asked: the request is of a kind that is never cached."""
    BYPASS_ERROR = "bypass_error"
    """The cache could not be asked. It is no miss."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """One lookup, or several that ended alike.

    Attributes:
        tier: the tier that decided: memory, redis, …; small letters, digits and underscores.
        outcome: how it ended.
        count: how many lookups these are.
        lookup_ms: milliseconds that they took together. None: not measured.
        saved_tokens: tokens that were not bought. None: unknown, or none.
        saved_gross_usd: what the calls would have cost. None: unknown.
        saved_net_usd: the same without what the cache itself cost. None: unknown.
    """

    tier: str
    outcome: Outcome
    count: int = 1
    lookup_ms: float | None = None
    saved_tokens: int | None = None
    saved_gross_usd: Decimal | None = None
    saved_net_usd: Decimal | None = None

    @property
    def is_hit(self) -> bool:
        """The answer came from the cache."""
        return self.outcome in {Outcome.EXACT, Outcome.SEMANTIC}


class CommandQueue(Protocol):
    """A pipeline of Redis' client, synchronous or not: commands wait in it until it is executed."""

    def execute_command(self, *args: str | int, **options: object) -> object:
        """Queue a command."""
        ...


def hash_key(prefix: str, scope_hash: str, hour_at: datetime) -> str:
    """Return the key of a scope's counters in the hour of an instant (naive UTC)."""
    return f"{prefix}:{scope_hash}:{hour_at:%Y%m%d%H}"


def index_key(prefix: str) -> str:
    """Return the key of the sorted set of `<scope>:<yyyymmddhh>`, whose scores are `yyyymmddhh`."""
    return f"{prefix}:index"


def record_lookup(
    client: "redis.Redis", scope_hash: str, lookup: Lookup, at: datetime, *, prefix: str = DEFAULT_PREFIX
) -> None:
    """Count a lookup, in one round trip and one transaction.

    Args:
        client: the client that the application has.
        scope_hash: who shares answers, hashed: names of keys are seen by everybody who may list them.
        lookup: how it ended.
        at: when; an instant with a time zone.
        prefix: as in the setting `lookups_prefix` of the cache.

    Raises:
        ValueError: scope or tier has other characters, `at` has no time zone, or a number is negative.
        RedisError: it could not be counted. Whether that matters is up to the application.
    """
    with client.pipeline(transaction=True) as pipeline:  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial
        queue_lookup(pipeline, scope_hash, lookup, at, prefix=prefix)
        pipeline.execute()


async def record_lookup_async(
    client: "redis.asyncio.Redis", scope_hash: str, lookup: Lookup, at: datetime, *, prefix: str = DEFAULT_PREFIX
) -> None:
    """Count a lookup, as `record_lookup` does, from asynchronous code."""
    async with client.pipeline(transaction=True) as pipeline:
        queue_lookup(pipeline, scope_hash, lookup, at, prefix=prefix)
        await pipeline.execute()


def queue_lookup(
    pipeline: CommandQueue, scope_hash: str, lookup: Lookup, at: datetime, *, prefix: str = DEFAULT_PREFIX
) -> None:
    """Queue the commands that count a lookup; whoever has the pipeline executes them, best as a transaction.

    Raises:
        ValueError: as `record_lookup`; nothing is queued then.
    """
    increments = _increments(lookup)
    if not SCOPE.fullmatch(scope_hash):
        raise ValueError("a scope is 1 to 64 letters, digits, - and _: hash what it is made of")
    if at.tzinfo is None:
        raise ValueError(f"the moment {at.isoformat()} has no time zone")
    now = at.astimezone(UTC)
    key, index, hour = hash_key(prefix, scope_hash, now), index_key(prefix), f"{now:%Y%m%d%H}"
    pipeline.execute_command("HSETNX", key, "started_at_ms", int(now.timestamp() * 1000))
    for field, amount in increments.items():
        pipeline.execute_command("HINCRBY", key, field, amount)
    kept_seconds = int(KEPT_FOR.total_seconds())
    pipeline.execute_command("EXPIRE", key, kept_seconds)
    pipeline.execute_command("ZADD", index, hour, f"{scope_hash}:{hour}")
    pipeline.execute_command("ZREMRANGEBYSCORE", index, "-inf", f"({now - KEPT_FOR:%Y%m%d%H}")
    pipeline.execute_command("EXPIRE", index, kept_seconds)


def _increments(lookup: Lookup) -> dict[str, int]:
    """Return by how much each field of the hash grows."""
    if not TIER.fullmatch(lookup.tier):
        raise ValueError("a tier is 1 to 32 small letters, digits and underscores")
    field = f"{lookup.tier}:{Outcome(lookup.outcome).value}"
    amounts = {
        field: lookup.count,
        f"{field}:lookup_us": None if lookup.lookup_ms is None else round(lookup.lookup_ms * 1000),
        f"{field}:saved_tokens": lookup.saved_tokens,
        f"{field}:saved_gross_picousd": _picodollars(lookup.saved_gross_usd),
        f"{field}:unpriced": lookup.count if lookup.is_hit and lookup.saved_gross_usd is None else None,
    }
    if any(amount is not None and amount < 0 for amount in amounts.values()):
        raise ValueError("counts, times and gross savings are not negative")
    amounts[f"{field}:saved_net_picousd"] = _picodollars(lookup.saved_net_usd)
    return {name: amount for name, amount in amounts.items() if amount is not None}


def _picodollars(amount: Decimal | None) -> int | None:
    return None if amount is None else int((amount * PICODOLLARS).to_integral_value())
