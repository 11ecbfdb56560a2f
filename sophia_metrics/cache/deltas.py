"""From counters that a server resets at will to counts between two snapshots."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

__all__ = ["Counters", "Delta", "delta"]

START_TOLERANCE = timedelta(seconds=5)
"""A server tells its uptime in whole seconds; a start that seems to move by less has not moved."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What one node has counted since its counters began. None: it does not tell.

    Attributes:
        taken_at: when (naive UTC), by one clock for all snapshots of a node.
        run_id: the server's id of its run.
        uptime_seconds: how long it has run.
        started_at: when it started (naive UTC).
        hit_total: reads that found their key.
        miss_total: reads that did not.
        evicted_total: keys removed for want of memory.
        expired_total: keys removed after their time.
        command_total: commands processed. Each snapshot is a command: it rises between two of them.
        info_call_total: how often the server was asked for such a snapshot, this one left out. It rises too, and
            traffic does not raise it.
        own_hit_count: hits that our own reading caused since the snapshot before.
        own_miss_count: misses that it caused.
    """

    taken_at: datetime
    run_id: str | None = None
    uptime_seconds: int | None = None
    started_at: datetime | None = None
    hit_total: int | None = None
    miss_total: int | None = None
    evicted_total: int | None = None
    expired_total: int | None = None
    command_total: int | None = None
    info_call_total: int | None = None
    own_hit_count: int = 0
    own_miss_count: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """What happened between two snapshots; a count is None where nobody can say.

    Attributes:
        hit_count: hits, without our own.
        miss_count: misses, without our own.
        evicted_count: keys evicted.
        expired_count: keys expired.
        is_reset: the counters began anew in between.
        is_lower_bound: the counts are those since then: at least so many.
    """

    hit_count: int | None = None
    miss_count: int | None = None
    evicted_count: int | None = None
    expired_count: int | None = None
    is_reset: bool = False
    is_lower_bound: bool = False


def delta(previous: Counters | None, current: Counters) -> Delta:
    """Return what happened between two snapshots of one node.

    The first snapshot says nothing: what the server has counted in its life is not what happened now. Nor does the
    first one of another server that answers at the same address, and had been running before.
    """
    if previous is None:
        return Delta()
    if not _is_reset(previous, current):
        return _between(previous, current)
    if _is_other_server(previous, current):
        return Delta(is_reset=True)
    zero = Counters(previous.taken_at, hit_total=0, miss_total=0, evicted_total=0, expired_total=0)
    return replace(_between(zero, current), is_reset=True, is_lower_bound=True)


_TOTALS = ("hit_total", "miss_total", "evicted_total", "expired_total")


def _is_reset(previous: Counters, current: Counters) -> bool:
    """Say whether a restart, CONFIG RESETSTAT or another server lies between two snapshots."""
    return (
        _differs(previous.run_id, current.run_id)
        or _fell(previous.uptime_seconds, current.uptime_seconds)
        or _moved(previous.started_at, current.started_at)
        or any(_fell(getattr(previous, name), getattr(current, name)) for name in _TOTALS)
        or _stood_still(previous.command_total, current.command_total)
        or _stood_still(previous.info_call_total, current.info_call_total)
    )


def _is_other_server(previous: Counters, current: Counters) -> bool:
    """Say whether the server had been running at the time of the snapshot before, as a run of another id."""
    if not _differs(previous.run_id, current.run_id) or current.uptime_seconds is None:
        return False
    return timedelta(seconds=current.uptime_seconds) > current.taken_at - previous.taken_at + START_TOLERANCE


def _between(previous: Counters, current: Counters) -> Delta:
    """Return what was counted between two snapshots of the same counters, without what we caused."""
    return Delta(
        _difference(previous.hit_total, current.hit_total, current.own_hit_count),
        _difference(previous.miss_total, current.miss_total, current.own_miss_count),
        _difference(previous.evicted_total, current.evicted_total),
        _difference(previous.expired_total, current.expired_total),
    )


def _difference(before: int | None, now: int | None, own: int = 0) -> int | None:
    return None if before is None or now is None else max(now - before - own, 0)


def _differs(before: str | None, now: str | None) -> bool:
    return before is not None and now is not None and before != now


def _fell(before: int | None, now: int | None) -> bool:
    return before is not None and now is not None and now < before


def _stood_still(before: int | None, now: int | None) -> bool:
    return before is not None and now is not None and now <= before


def _moved(before: datetime | None, now: datetime | None) -> bool:
    return before is not None and now is not None and abs(now - before) > START_TOLERANCE
