"""Counting a cache's keys and their memory by SCAN and MEMORY USAGE, which count as no hit and as no miss."""

import re
from typing import cast

import redis.asyncio
from redis.exceptions import NoPermissionError, ResponseError

from sophia_metrics.cache.reading import Entries

__all__ = ["MEASURED_KEYS", "count_entries"]

SCAN_COUNT = 1_000
MEASURED_KEYS = 1_000
"""The memory of so many keys is asked for at most; above, it is estimated from as many, spread over all."""


async def count_entries(client: redis.asyncio.Redis, keys: re.Pattern[bytes], scan_limit: int) -> tuple[Entries, str]:
    """Count the keys that match and their memory, and say what the server does not allow ("": nothing).

    A SCAN walks the keys in the order of their hashes, which is none at all: so the first `scan_limit` of them are a
    sample of all. A SCAN with TYPE would count as a hit for each key.
    """
    try:
        total = await client.dbsize()  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial
        found, seen, is_whole = await _scan(client, keys, scan_limit)
    except NoPermissionError:
        return Entries(), "its keys cannot be counted: give the user +dbsize and +scan"
    entry_count = len(found) if is_whole else round(len(found) / max(seen, 1) * max(total, seen))
    measured = found[:: max(1, -(-len(found) // MEASURED_KEYS))]
    sizes = await _sizes(client, measured)
    if sizes is None:
        note = "the memory of its keys is not told: give the user +memory|usage and a pattern of these keys"
        return Entries(entry_count, None, is_sampled=not is_whole), note
    is_sampled = not is_whole or len(measured) < len(found)
    if not is_sampled:
        return Entries(entry_count, sum(sizes)), ""
    return Entries(entry_count, round(sum(sizes) / len(sizes) * entry_count) if sizes else None, is_sampled=True), ""


async def _scan(client: redis.asyncio.Redis, keys: re.Pattern[bytes], scan_limit: int) -> tuple[list[bytes], int, bool]:
    """Return the matching keys, how many keys were looked at, and whether these are all there are."""
    found: dict[bytes, None] = {}  # keeps the order of the walk, which has nothing to do with the names
    seen = cursor = 0
    while True:
        cursor, answer = await client.scan(cursor, count=SCAN_COUNT)  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial
        names = cast("list[bytes]", answer)  # str only where the client decodes, and ours does not
        seen += len(names)
        found.update(dict.fromkeys(name for name in names if keys.fullmatch(name)))
        if cursor == 0:
            return list(found), seen, True
        if seen >= scan_limit:
            return list(found), seen, False


async def _sizes(client: redis.asyncio.Redis, names: list[bytes]) -> list[int] | None:
    """Return the memory of those of the keys that are still there, or None where the server does not tell."""
    async with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.memory_usage(name)  # pyright: ignore[reportUnknownMemberType] - redis' stubs are partial
        answers = await pipeline.execute(raise_on_error=False)
    if any(isinstance(answer, ResponseError) for answer in answers):
        return None
    return [answer for answer in answers if isinstance(answer, int)]
