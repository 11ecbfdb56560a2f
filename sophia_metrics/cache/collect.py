"""From looks at caches to rows: counts between snapshots, and the lookups that have counted on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from sophia_metrics.cache.counters import newer_counts
from sophia_metrics.cache.deltas import Counters, Delta, delta
from sophia_metrics.cache.lookups import KEPT_FOR
from sophia_metrics.cache.reading import CacheReading
from sophia_metrics.schema import core
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Changed, Observations, Query, Warehouse

__all__ = ["commit_readings", "lookups_since"]

LOOK_BACK = timedelta(days=7)
"""A snapshot that is older says nothing about what has happened since the one before it."""

RECENT = 10
"""So many snapshots are compared again: two collectors at once may each have missed the other's."""

COUNTERS = tuple(field.name for field in fields(Counters))
SNAPSHOTS, LOOKUPS = core.CACHE_SNAPSHOTS.name, core.CACHE_LOOKUPS.name

Row = dict[str, Any]


def lookups_since(warehouse: Warehouse, cache: str, now: datetime) -> datetime:
    """Return the first hour whose lookups are to be read again (naive UTC).

    That is the hour before the newest one that is known; where none is, all that Redis still keeps.
    """
    first = now - KEPT_FOR
    query = Query(
        f"SELECT max(interval_start_at) AS newest_at FROM {LOOKUPS} WHERE cache = $cache AND interval_on >= $first_on",
        {"cache": cache, "first_on": first.date()},
    )
    newest = warehouse.read(query).item()
    return first if newest is None else newest - timedelta(hours=1)


def commit_readings(warehouse: Warehouse, readings: Sequence[CacheReading]) -> Changed:
    """Commit what was read of caches, in one step; committing it twice is once."""
    if not readings:
        return Changed(0, ())
    snapshots = [row for reading in readings for row in _snapshots(warehouse, reading)]
    lookups = [row for reading in readings for row in _lookups(warehouse, reading)]
    return warehouse.commit(
        Observations(
            {
                SNAPSHOTS: pl.DataFrame(snapshots, schema=polars_schema(core.CACHE_SNAPSHOTS)),
                LOOKUPS: pl.DataFrame(lookups, schema=polars_schema(core.CACHE_LOOKUPS)),
            }
        )
    )


def _snapshots(warehouse: Warehouse, reading: CacheReading) -> Iterator[Row]:
    """Yield the snapshot, and those around it, each with the counts since the one before it."""
    taken_at = reading.counters.taken_at
    snapshot = {
        **asdict(reading.counters),
        **asdict(reading.entries),
        "cache": reading.cache,
        "node": reading.node,
        "max_bytes": reading.max_bytes,
        "memory_bytes": reading.memory_bytes,
    }
    known = warehouse.read(
        Query(
            f"SELECT {', '.join(core.CACHE_SNAPSHOTS.names)} FROM {SNAPSHOTS} "
            "WHERE cache = $cache AND node = $node AND taken_on >= $first_on "
            f"AND taken_at <> $taken_at AND taken_at >= $first_at ORDER BY taken_at DESC LIMIT {RECENT}",
            {
                "cache": reading.cache,
                "node": reading.node,
                "taken_at": taken_at,
                "first_at": taken_at - LOOK_BACK,
                "first_on": (taken_at - LOOK_BACK).date(),
            },
        )
    ).to_dicts()
    rows: list[Row] = sorted([*known, snapshot], key=lambda row: row["taken_at"])
    if rows[0] is snapshot:
        yield _counted(snapshot, Delta())
    for before, row in pairwise(rows):
        yield _counted(row, delta(_counters(before), _counters(row)))


def _counters(row: Mapping[str, Any]) -> Counters:
    return Counters(**{name: row[name] for name in COUNTERS})


def _counted(row: Row, counts: Delta) -> Row:
    return {**row, **asdict(counts)}


def _lookups(warehouse: Warehouse, reading: CacheReading) -> Iterator[Row]:
    """Yield the lookups that are not known yet; an hour that is still open replaces its rows."""
    if not reading.lookups:
        return
    starts = [each.interval_start_at for each in reading.lookups]
    known = warehouse.read(
        Query(
            f"SELECT scope_hash, tier, outcome, interval_start_at, lookup_count FROM {LOOKUPS} "
            "WHERE cache = $cache AND interval_on BETWEEN $first_on AND $last_on",
            {"cache": reading.cache, "first_on": min(starts).date(), "last_on": max(starts).date()},
        )
    )
    counts: dict[object, int] = {tuple(key): count for *key, count in known.rows()}
    for each in newer_counts(reading.lookups, counts):
        yield {"cache": reading.cache, "read_at": reading.counters.taken_at, **asdict(each)}
