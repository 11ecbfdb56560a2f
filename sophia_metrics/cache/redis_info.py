"""From the answer to INFO to counters. What a server does not tell is None."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sophia_metrics.cache.deltas import Counters

__all__ = ["ServerInfo"]

TRUSTED_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The fields of INFO, as Redis' client parses them."""

    fields: Mapping[str, Any]

    @property
    def version(self) -> str:
        """The server and its version."""
        if "valkey_version" in self.fields:
            return f"Valkey {self.fields['valkey_version']}"
        return f"Redis {self.fields.get('redis_version', 'of unknown version')}"

    @property
    def max_bytes(self) -> int | None:
        """The limit of memory. None: there is none, or it is not told."""
        return self.count("maxmemory") or None

    @property
    def memory_bytes(self) -> int | None:
        """What the whole server uses."""
        return self.count("used_memory")

    def key_count(self, database: int) -> int | None:
        """Return the keys of a database; one without keys is not listed."""
        if self.count("keyspace_hits") is None:
            return None
        keyspace: Mapping[str, Any] = self.fields.get(f"db{database}", {"keys": 0})
        return int(keyspace["keys"])

    def counters(self, now: datetime, own_hit_count: int, own_miss_count: int) -> Counters:
        """Return the counters, at the server's own time: it puts the snapshots of two collectors in their order.

        Args:
            now: the present (naive UTC), for a server that does not tell the time, or a wrong one.
            own_hit_count: hits that we caused just before.
            own_miss_count: misses that we caused.
        """
        taken_at, uptime = self._taken_at(now), self.count("uptime_in_seconds")
        call: Mapping[str, Any] = self.fields.get("cmdstat_info", {})
        return Counters(
            taken_at=taken_at,
            run_id=self.fields.get("run_id"),
            uptime_seconds=uptime,
            started_at=None if uptime is None else taken_at - timedelta(seconds=uptime),
            hit_total=self.count("keyspace_hits"),
            miss_total=self.count("keyspace_misses"),
            evicted_total=self.count("evicted_keys"),
            expired_total=self.count("expired_keys"),
            command_total=self.count("total_commands_processed"),
            info_call_total=int(call.get("calls", 0)) if self._tells_commands() else None,
            own_hit_count=own_hit_count,
            own_miss_count=own_miss_count,
        )

    def count(self, name: str) -> int | None:
        """Return a number, or None."""
        value = self.fields.get(name)
        return value if isinstance(value, int) else None

    def _tells_commands(self) -> bool:
        return any(name.startswith("cmdstat_") for name in self.fields)

    def _taken_at(self, now: datetime) -> datetime:
        microseconds = self.count("server_time_usec")
        if microseconds is None:
            return now
        told = datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(tzinfo=None)
        told += timedelta(microseconds=microseconds % 1_000_000)
        return told if abs(told - now) < TRUSTED_SKEW else now
