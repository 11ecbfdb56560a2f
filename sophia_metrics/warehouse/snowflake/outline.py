"""The outline of a Snowflake warehouse: what is there to copy, and in which version, without a row of it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sophia_metrics.schema import core
from sophia_metrics.warehouse.duckdb.serving_marts import tag_days
from sophia_metrics.warehouse.horizons import first_kept, horizons
from sophia_metrics.warehouse.manifest import Piece, TableDay, files_of
from sophia_metrics.warehouse.snowflake.copied import (
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

NEWEST_NAMES = tuple(table.name for table in core.USAGE_ROWS)


@dataclass(frozen=True, slots=True)
class Outline:
    """What Snowflake holds, as far as it is copied.

    Attributes:
        days: what it lists of each day; days without rows are left out.
        parts: the parts of its state tables, with their fingerprints.
        kept_from: by table of core, the first day whose rows are copied; a table that is not in it has every day.
        waiting: days whose marts are behind their core: here they stay as they are, until they are built there.
    """

    days: dict[TableDay, Piece]
    parts: dict[PartKey, str]
    kept_from: Mapping[str, date]
    waiting: frozenset[date] = frozenset()


def read_outline(session: SnowflakeSession, now: datetime) -> Outline:
    """Return what Snowflake holds now; two that are equal mean that nothing has changed between them."""
    days = _listed_days(session)
    stale = stale_days(session)
    waiting = frozenset(day for table in COPIED_MARTS for day in stale[table.name])
    kept_from = _kept_from(session, [day for name, day in days if name == core.USAGE_EVENTS.name], now)
    wanted = {
        (name, day): piece
        for (name, day), piece in days.items()
        if day not in waiting and day >= kept_from.get(name, date.min)
    }
    rows = session.run(select_parts(COPIED_STATE, now.date())).fetchall()
    return Outline(wanted, {(str(name), day): str(part) for name, day, part in rows}, kept_from, waiting)


def _kept_from(session: SnowflakeSession, days: list[date], now: datetime) -> dict[str, date]:
    """Return from which day on rows of core are copied, of the days of events that there are."""
    dropped = horizons(session)
    kept_from = {name: day for name, day in dropped.items() if name == core.QUARANTINE.name}
    newest = first_copied_day(days, now, tag_days=tag_days(session, now))
    if newest is not None:
        first = max(newest, first_kept(dropped, NEWEST_NAMES) or newest)
        kept_from |= dict.fromkeys(NEWEST_NAMES, first)
    return kept_from


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
