"""The outline of a Snowflake warehouse: what is there to copy, and in which version, without a row of it."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime

from sophia_metrics.schema import core
from sophia_metrics.warehouse.duckdb.serving_marts import tag_days
from sophia_metrics.warehouse.horizons import first_kept, horizons
from sophia_metrics.warehouse.manifest import Piece, TableDay, files_of
from sophia_metrics.warehouse.snowflake.copied import (
    COPIED_CORE,
    COPIED_DAYS,
    COPIED_MARTS,
    COPIED_STATE,
    first_copied_day,
)
from sophia_metrics.warehouse.snowflake.parts import PartKey, select_parts
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.staleness import stale_days
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["Outline", "read_outline"]

CORE_NAMES = tuple(table.name for table in COPIED_CORE)


@dataclass(frozen=True, slots=True)
class Outline:
    """What Snowflake holds, as far as it is copied.

    Attributes:
        days: what it lists of each day; days without rows are left out.
        parts: the parts of its state tables, with their fingerprints.
        core_from_on: the first day whose rows of core are copied. None: there are none.
        waiting: days whose marts are behind their core: here they stay as they are, until they are built there.
    """

    days: dict[TableDay, Piece]
    parts: dict[PartKey, str]
    core_from_on: date | None
    waiting: frozenset[date] = frozenset()


def read_outline(session: SnowflakeSession, now: datetime) -> Outline:
    """Return what Snowflake holds now; two that are equal mean that nothing has changed between them."""
    days = _listed_days(session)
    stale = stale_days(session)
    waiting = frozenset(day for table in COPIED_MARTS for day in stale[table.name])
    events = [day for name, day in days if name == core.USAGE_EVENTS.name]
    first = first_copied_day(events, now, tag_days=tag_days(session, now))
    expired = first_kept(horizons(session), CORE_NAMES)
    if first is not None and expired is not None:
        first = max(first, expired)
    wanted = {
        (name, day): piece
        for (name, day), piece in days.items()
        if day not in waiting and (name not in CORE_NAMES or (first is not None and day >= first))
    }
    rows = session.run(select_parts(COPIED_STATE, now.date())).fetchall()
    return Outline(wanted, {(str(name), day): str(part) for name, day, part in rows}, first, waiting)


def _listed_days(session: StateConnection) -> dict[TableDay, Piece]:
    grouped: defaultdict[TableDay, list[Piece]] = defaultdict(list)
    for piece in files_of(session, COPIED_DAYS):
        if piece.row_count:
            grouped[piece.table_day].append(piece)
    return {day: _as_one(pieces) for day, pieces in grouped.items()}


def _as_one(pieces: list[Piece]) -> Piece:
    first, *_ = pieces
    paths = "\n".join(piece.path for piece in pieces)
    return replace(first, path=paths, row_count=sum(piece.row_count for piece in pieces))
