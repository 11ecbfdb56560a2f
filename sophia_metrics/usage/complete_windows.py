"""Complete windows: the newest reading of a window is everything that its source has there, even if that is nothing.

A landed file of a complete format holds files that are windows, each as it was read at one moment. This holds:

- A row of the source that started in the window, was not changed at the source after the window was read, and is not
  among the landed rows, goes, and its units with it. One that is among them gives way to what they say, start and all.
- A row that is quarantined now is no proof that the one that core has is gone: where its event_id is known, that one
  stays as it is. A row without an event_id proves nothing, and one that is no usage any more is gone.
- What an older reading says of a time that a newer one has covered is outdated, whichever is committed first: such rows
  are duplicates, and nothing goes for them. A row without a time counts as at the start of its window.
- Rows outside of their own window are merged as those of a partial source are.

Of two readings at the same microsecond the one that comes later holds, and versions of an event are merged.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.sources.format import Completeness
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.staging import leave_out
from sophia_metrics.windows import Window

__all__ = ["STANDING_COLUMNS", "complete_windows", "create_superseded", "spans", "window_days"]

STANDING_COLUMNS = "event_id, usage_on, started_at, source_updated_at"
"""What tells of a row of core whether a reading takes its place."""

WINDOW_SCHEMA = {
    "file_name": pl.String,
    "start_at": pl.Datetime("us"),
    "end_at": pl.Datetime("us"),
    "read_at": pl.Datetime("us"),
}
IS_IN = "{0} >= {1}.start_at AND {0} < {1}.end_at"


def complete_windows(landing: Landing) -> dict[str, PulledWindow]:
    """Return the windows of which a landed file holds everything, by the names of their files; of most sources none."""
    if landing.completeness != Completeness.COMPLETE:
        return {}
    whole = {file.name: PulledWindow.parse(file.name) for file in landing.files if file.is_last and not file.byte_start}
    return {name: window for name, window in whole.items() if window is not None}


def spans(windows: Iterable[PulledWindow]) -> tuple[Window, ...]:
    """Return the time that some windows cover, in order; those that touch are one."""
    joined: list[Window] = []
    for window in sorted(windows):
        if joined and window.start_at <= joined[-1].end_at:
            joined[-1] = Window(joined[-1].start_at, max(joined[-1].end_at, window.end_at))
        else:
            joined.append(Window(window.start_at, window.end_at))
    return tuple(joined)


def window_days(windows: Iterable[PulledWindow]) -> frozenset[date]:
    """Return the UTC days that some windows touch."""
    return frozenset(day for span in spans(windows) for day in span.days())


def create_superseded(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    terms: SourceTerms,
    now: datetime,
    readings: Iterable[PulledWindow],
    standing: str,
) -> None:
    """Before the merge, find the rows of core in whose place the windows of a staged landing are.

    Creates `superseded`, event_id and usage_on of those rows, which the merge must not see, and whether they are
    replaced by nothing, is_gone; and `outdated`, row_ordinal and file_name of landed rows that a newer reading has
    covered, which are in `staged` no longer.

    Args:
        connection: holds what staging leaves.
        landing: the landed file; it has complete windows.
        terms: what the configuration says of the source.
        now: as it was staged with (naive UTC).
        readings: what is known of readings of the same source that touch the windows.
        standing: a relation with STANDING_COLUMNS of the source's rows of core, of all days of the windows.
    """
    windows = complete_windows(landing)
    _create_newer(connection, windows, readings)
    connection.execute(
        "CREATE OR REPLACE TABLE outdated AS SELECT DISTINCT keys.row_ordinal, keys.file_name FROM keys "
        "INNER JOIN own_windows ON own_windows.file_name = keys.file_name "
        "INNER JOIN newer_readings ON newer_readings.file_name = keys.file_name "
        f"AND {IS_IN.format('coalesce(keys.started_at, own_windows.start_at)', 'newer_readings')}"
    )
    if fetch_row(connection, "SELECT 1 FROM outdated LIMIT 1"):
        leave_out(connection, landing, terms, now, "outdated")
    connection.execute(
        "CREATE OR REPLACE TABLE superseded AS WITH covered AS (SELECT standing.event_id, standing.usage_on, "
        "bool_or(standing.source_updated_at IS NULL OR standing.source_updated_at < own_windows.read_at) AS is_older "
        f"FROM {standing} AS standing INNER JOIN own_windows ON {IS_IN.format('standing.started_at', 'own_windows')} "
        "AND coalesce(standing.source_updated_at <= own_windows.read_at, true) "
        "WHERE NOT EXISTS (SELECT 1 FROM newer_readings WHERE newer_readings.file_name = own_windows.file_name "
        f"AND {IS_IN.format('standing.started_at', 'newer_readings')}) GROUP BY ALL) "
        "SELECT event_id, usage_on, event_id NOT IN (SELECT event_id FROM staged) AS is_gone FROM covered "
        "WHERE (is_older AND event_id IN (SELECT event_id FROM staged)) "
        "OR event_id NOT IN (SELECT event_id FROM keys WHERE event_id IS NOT NULL AND NOT is_ignored "
        "AND row_ordinal NOT IN (SELECT row_ordinal FROM outdated))"
    )


def _create_newer(
    connection: duckdb.DuckDBPyConnection, windows: Mapping[str, PulledWindow], readings: Iterable[PulledWindow]
) -> None:
    """Create `own_windows`, and of each what newer readings have covered of it, `newer_readings`."""
    _create(connection, "own_windows", windows.items())
    _create(connection, "known_readings", (("", each) for each in (*readings, *windows.values())))
    connection.execute(
        "CREATE OR REPLACE TABLE newer_readings AS "
        "SELECT DISTINCT own_windows.file_name, known_readings.start_at, known_readings.end_at FROM own_windows "
        "INNER JOIN known_readings ON known_readings.start_at < own_windows.end_at "
        "AND known_readings.end_at > own_windows.start_at AND known_readings.read_at > own_windows.read_at"
    )


def _create(connection: duckdb.DuckDBPyConnection, table: str, windows: Iterable[tuple[str, PulledWindow]]) -> None:
    rows = [(name, each.start_at, each.end_at, each.read_at) for name, each in windows]
    connection.register("given_windows", pl.DataFrame(rows, schema=WINDOW_SCHEMA, orient="row"))
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM given_windows")
    connection.unregister("given_windows")
