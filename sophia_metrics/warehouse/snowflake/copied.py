"""Which days and tables of Snowflake are copied into the mirror, and how a copy tells of what it is one.

A day file that is a copy has an attempt whose name holds a hash of Snowflake's path for the day. That path is another
one after each change of the day; and a file's name is known even where all else is lost.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from uuid import uuid4

from sophia_metrics.marts import MARTS
from sophia_metrics.schema import core, findings, state
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.manifest import Piece
from sophia_metrics.warehouse.snowflake.tables import built_name
from sophia_metrics.warehouse.staleness import DAY_MARTS

__all__ = [
    "COPIED_CORE",
    "COPIED_DAYS",
    "COPIED_MARTS",
    "COPIED_STATE",
    "copied_from",
    "copy_name",
    "first_copied_day",
    "is_copy",
    "is_mirrored",
]

COPIED_CORE = (*core.USAGE_ROWS, core.QUARANTINE)
"""Of usage only the newest days: what serving marts read, and where a mart can be computed once more. Of what could not
be used every day, which is little: whoever looks after it reads it here."""

PREFIX = "mirrored-"
HASH_DIGITS = 16
"""Of the hash of a path; as many random digits follow, since no file is ever written twice."""
NEWEST_DAYS = 2


def _usage_marts() -> tuple[Table, ...]:
    """Return the marts by day that come from usage, at first hand or by other marts."""
    names = {table.name for table in COPIED_CORE}
    for mart in MARTS:
        if names.intersection(mart.inputs):
            names.add(mart.name)
    return tuple(mart.table for mart in DAY_MARTS if mart.name in names)


COPIED_MARTS = _usage_marts()
COPIED_DAYS: Mapping[str, Table] = MappingProxyType({table.name: table for table in (*COPIED_MARTS, *COPIED_CORE)})
"""Tables of which days are copied, by name."""

COPIED_STATE = (
    state.INGEST_LEDGER,
    state.WATERMARKS,
    state.PRICE_CARDS,
    state.PRICE_CARD_UNITS,
    state.QUARANTINE_VERDICTS,
    state.SCHEMA_CHANGES,
    state.TOMBSTONES,
    state.BUDGETS,
    *findings.FINDINGS,
    state.PRICE_BOOKS,
    state.JUDGED_DAYS,
)
"""State tables of usage that readers here need. How far files are read, only collections need to know."""


def copied_from(table: Table) -> str:
    """Return the table of Snowflake whose rows the manifest lists: a mart as it is built, published or not.

    The manifest says nothing of what is published, which may be older. Both sides hold back their publish for the same
    reason, so that readers here and there see the same.
    """
    return built_name(table) if table in COPIED_MARTS else table.name


def copy_name(path: str) -> str:
    """Return the name of a new copy of the day that Snowflake lists by a path."""
    return f"{PREFIX}{_digest(path)}{uuid4().hex[:HASH_DIGITS]}"


def is_copy(piece: Piece, original: Piece) -> bool:
    """Say whether a day file holds what Snowflake lists as a day."""
    return piece.attempt_id.startswith(f"{PREFIX}{_digest(original.path)}") and piece.row_count == original.row_count


def is_mirrored(piece: Piece) -> bool:
    """Say whether a day file is a copy of anything on Snowflake."""
    return piece.attempt_id.startswith(PREFIX)


def first_copied_day(days: list[date], now: datetime, *, tag_days: int | None) -> date | None:
    """Return the first day whose events are copied, of those that there are; None: there are none.

    Serving marts read the newest two days; budgets of tags as many as `tag_days` says. None: there are no such budgets.
    """
    newest = sorted(days)[-NEWEST_DAYS:]
    if not newest:
        return None
    return min(newest[0], now.date() - timedelta(days=tag_days)) if tag_days else newest[0]


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:HASH_DIGITS]
