"""Complete windows in a commit: what core has in them, and which readings of them are committed."""

from collections.abc import Collection, Sequence
from datetime import datetime

import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import core
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.usage.complete_windows import (
    STANDING_COLUMNS,
    complete_windows,
    create_superseded,
    spans,
)
from sophia_metrics.usage.merge import merge
from sophia_metrics.usage.staging import Slice
from sophia_metrics.warehouse.facts import Facts, Wanted
from sophia_metrics.warehouse.manifest import Piece
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["committed_readings", "create_standing", "merge_windows", "removed_rows"]


def committed_readings(
    locked: StateConnection, source: str, windows: Collection[PulledWindow]
) -> tuple[PulledWindow, ...]:
    """Return the committed readings of a source that touch some windows, or lie between them, in order."""
    if not windows:
        return ()
    rows = locked.execute(
        "SELECT DISTINCT file_name FROM core_ingest_ledger WHERE source = $1 AND status = 'committed' "
        "AND window_start_at < $2 AND window_end_at > $3",
        [source, max(each.end_at for each in windows), min(each.start_at for each in windows)],
    ).fetchall()
    return tuple(sorted(each for (name,) in rows if (each := PulledWindow.parse(str(name))) is not None))


def create_standing(staged: Slice, facts: Facts, found: Sequence[Piece]) -> None:
    """Create `standing`: what core has of the source in the windows of a slice; what is known is created after it.

    The name of the source goes by a relation, whatever it holds.
    """
    connection = staged.connection
    connection.register("window_source", pl.DataFrame({"source": [staged.terms.name]}))
    within = " OR ".join(
        f"(usage_on >= DATE '{span.start_at.date()}' AND usage_on <= DATE '{span.end_at.date()}' "
        f"AND started_at >= {_instant(span.start_at)} AND started_at < {_instant(span.end_at)})"
        for span in spans(complete_windows(staged.landing).values())
    )
    wanted = Wanted(where=f"source IN (SELECT source FROM window_source) AND ({within})", reads=("window_source",))
    events = [piece for piece in found if piece.table_name == core.USAGE_EVENTS.name]
    rows = facts.select(connection, core.USAGE_EVENTS, events, wanted)
    connection.execute(
        f"CREATE OR REPLACE TABLE standing AS SELECT {STANDING_COLUMNS} FROM ({rows}) WHERE {wanted.where}"
    )
    connection.unregister("window_source")


def merge_windows(staged: Slice, readings: Sequence[PulledWindow]) -> None:
    """Merge a slice with complete windows, as `merge` does.

    Where rows of core give way to the windows, the merge does not see them, and they are in `replaced`.
    """
    connection = staged.connection
    create_superseded(connection, staged.landing, staged.terms, staged.now, readings, "standing")
    connection.execute("DROP VIEW IF EXISTS every_core_event")
    connection.execute("ALTER VIEW core_events RENAME TO every_core_event")
    connection.execute(
        "CREATE VIEW core_events AS SELECT * FROM every_core_event ANTI JOIN superseded USING (event_id, usage_on)"
    )
    merge(connection)
    connection.execute("INSERT INTO replaced SELECT event_id, usage_on FROM superseded")
    connection.execute("INSERT INTO duplicates SELECT row_ordinal, file_name FROM outdated")


def removed_rows(staged: Slice) -> int:
    """Return how many rows of core are replaced by nothing; call it after the merge."""
    row = fetch_row(staged.connection, "SELECT count(*) FROM superseded WHERE is_gone")
    return int(row[0]) if row else 0


def _instant(instant: datetime) -> str:
    return f"TIMESTAMP '{instant.isoformat(sep=' ')}'"
