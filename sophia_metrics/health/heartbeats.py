"""The heartbeats of our own flows: when each last did its work, and within how long it is expected to do it again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import polars as pl

from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["Heartbeat", "beaten", "expected_within", "heartbeat_frame", "read_heartbeats"]

LEAST_GRACE_SECONDS, MOST_GRACE_SECONDS = 1800, 3600
HEARTBEATS = f"SELECT {', '.join(state.HEARTBEATS.names)} FROM core_heartbeats ORDER BY flow"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One row of core_heartbeats; instants are naive UTC.

    Attributes:
        flow: name of the flow.
        succeeded_at: its last success. None: none is known.
        failed_at: its last failure, or when a run was found that was killed. None: none is known.
        scheduled_since_at: when a schedule of it was first seen at work. None: it has none, or none was seen.
        interval_seconds: how often its schedule lets it run. None: it is expected at no time.
        expected_within_seconds: it is late when its last success is older. None: see above.
    """

    flow: str
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    scheduled_since_at: datetime | None = None
    interval_seconds: int | None = None
    expected_within_seconds: int | None = None


def expected_within(interval_seconds: int) -> int:
    """Return how old a success may grow: one interval, and another of 30 to 60 minutes for the run and the publish."""
    return interval_seconds + min(max(interval_seconds, LEAST_GRACE_SECONDS), MOST_GRACE_SECONDS)


def beaten(
    known: Mapping[str, Heartbeat],
    flow: str,
    at: datetime,
    *,
    is_success: bool,
    intervals: Mapping[str, int] | None = None,
) -> tuple[Heartbeat, ...]:
    """Return the heartbeats that differ after a run.

    Args:
        known: the heartbeats so far, by flow.
        flow: whose run it was.
        at: when it ended (naive UTC).
        is_success: whether it did its work.
        intervals: the schedules of today, in seconds, by flow: the run was one of a deployment. None: a person started
            it, and what is expected of the flow stays as it is.
    """
    own = known.get(flow, Heartbeat(flow))
    own = replace(own, succeeded_at=at) if is_success else replace(own, failed_at=at)
    if intervals is not None and own.scheduled_since_at is None:
        own = replace(own, scheduled_since_at=at)
    after = {**known, flow: own}
    if intervals is not None:
        after = {name: _expected(each, intervals.get(name)) for name, each in after.items()}
    return tuple(each for name, each in after.items() if each != known.get(name))


def read_heartbeats(warehouse: Warehouse) -> dict[str, Heartbeat]:
    """Return what is known, by flow."""
    rows = warehouse.read(Query(HEARTBEATS)).rows()
    return {row[0]: Heartbeat(*row) for row in rows}


def heartbeat_frame(heartbeats: tuple[Heartbeat, ...]) -> pl.DataFrame:
    """Return them as rows of core_heartbeats."""
    return pl.DataFrame([asdict(each) for each in heartbeats], schema=polars_schema(state.HEARTBEATS))


def _expected(each: Heartbeat, interval: int | None) -> Heartbeat:
    """Expect of a flow that was seen on a schedule what the schedule says today; without one, nothing."""
    if interval is None:
        return replace(each, scheduled_since_at=None, interval_seconds=None, expected_within_seconds=None)
    if each.scheduled_since_at is None:
        return each
    return replace(each, interval_seconds=interval, expected_within_seconds=expected_within(interval))
