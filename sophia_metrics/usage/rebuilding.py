"""Making days of core anew from landing, as if their files had just arrived."""

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import duckdb
import polars as pl

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.quoting import literal
from sophia_metrics.schema import core
from sophia_metrics.schema.ddl import sql_type
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.usage.complete_windows import STANDING_COLUMNS, complete_windows, create_superseded
from sophia_metrics.usage.earlier import EarlierPart, EarlierPartError, earlier_parts
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.merge import merge
from sophia_metrics.usage.quarantine import quarantine_frame
from sophia_metrics.usage.staging import STAGED_COLUMNS, stage
from sophia_metrics.windows import Window

__all__ = ["ATTEMPTS_OF_DAYS", "EXPIRED", "create_rebuilt", "earlier_of", "find_landed", "reading"]

UNIT_COLUMNS = tuple(
    column for column in core.USAGE_UNITS.columns if column.name not in {"rate_usd", "cost_usd", "price_status"}
)

ATTEMPTS_OF_DAYS = (
    "SELECT DISTINCT attempt_id FROM core_ingest_ledger WHERE status = 'committed' "
    "AND ((started_min_at < CAST($end_at AS TIMESTAMP) + INTERVAL '1' DAY "
    "AND started_max_at >= CAST($start_at AS TIMESTAMP) - INTERVAL '1' DAY) "
    "OR (window_start_at < CAST($end_at AS TIMESTAMP) + INTERVAL '1' DAY "
    "AND window_end_at > CAST($start_at AS TIMESTAMP) - INTERVAL '1' DAY))"
)
"""The committed attempts that may hold a version of an event of the days from $start_at to $end_at, or say that it is
gone: a window may have been empty."""

EXPIRED = (
    "the rows of days before {first} have been dropped by [retention] usage_days, and only their rollups are left: "
    "they cannot be made anew. Choose days from {first} on"
)
"""What is said of days that have expired."""


def create_rebuilt(
    connection: duckdb.DuckDBPyConnection,
    landings: Sequence[Landing],
    every_landing: Sequence[Landing],
    sources: Mapping[str, FileSource],
    window: Window,
    now: datetime,
) -> None:
    """Create `rebuilt_events`, `rebuilt_units` and `rejected` for the days of the window.

    `landings` are those of the window, `every_landing` all that there are: equal rows are told apart by their number in
    their file.

    The landed files are judged by the rules of today, at the time at which they were landed.

    Raises:
        ConfigurationError: a landed file is of a source that is no longer configured.
        ProcessingError: a landed file is damaged.
    """
    for name, columns in (("core_events", STAGED_COLUMNS), ("core_units", UNIT_COLUMNS)):
        listed = ", ".join(f"{column.name} {sql_type(column.kind)}" for column in columns)
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({listed})")
    rejected = [pl.DataFrame(schema=polars_schema(core.QUARANTINE))]
    readings: defaultdict[str, list[PulledWindow]] = defaultdict(list)
    for landing in landings:
        source = sources.get(landing.source)
        if source is None:
            raise ConfigurationError(
                f"the landed file {landing.path.name} is of source {landing.source!r}, which is not configured: "
                "add it to sophia.toml again"
            )
        earlier = partial(earlier_of, landing, every_landing)
        with reading(landing):
            stage(connection, landing, source.format, source.terms, landing.landed_at, earlier)
        rejected.append(quarantine_frame(connection, landing, now))
        windows = complete_windows(landing)
        if windows:
            _make_room(connection, landing, source.terms, readings[landing.source])
            readings[landing.source] += windows.values()
        merge(connection)
        _absorb(connection)
    bounds = "started_at >= $1 AND started_at < $2"
    for name, columns in (("events", STAGED_COLUMNS), ("units", UNIT_COLUMNS)):
        names = ", ".join(column.name for column in columns)
        connection.execute(
            f"CREATE OR REPLACE TABLE rebuilt_{name} AS SELECT {names} FROM core_{name} WHERE {bounds}",
            [window.start_at, window.end_at],
        )
        connection.execute(f"DROP TABLE core_{name}")
    connection.register("rejected", pl.concat(rejected))


@contextmanager
def reading(landing: Landing) -> Generator[None]:
    """Name the landed file that cannot be read.

    Raises:
        ProcessingError: it is damaged.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise ProcessingError(
            f"the landed file {landing.path} is damaged or gone: nothing was changed. If its source is still there, "
            "move it away and ingest that again"
        ) from error


def earlier_of(landing: Landing, known: Sequence[Landing]) -> tuple[EarlierPart, ...]:
    """Return what stands before a landed file in its files.

    Raises:
        ProcessingError: it cannot be told.
    """
    try:
        return earlier_parts(landing, known)
    except EarlierPartError as error:
        raise ProcessingError(
            f"the landed file {landing.path.name} cannot be rebuilt: {error}. Nothing was changed"
        ) from error


def _make_room(
    connection: duckdb.DuckDBPyConnection, landing: Landing, terms: SourceTerms, readings: Sequence[PulledWindow]
) -> None:
    """Take away what gives way to the windows of a landed file."""
    standing = f"(SELECT {STANDING_COLUMNS} FROM core_events WHERE source = {literal(terms.name)})"
    create_superseded(connection, landing, terms, landing.landed_at, readings, standing)
    for known in ("core_events", "core_units"):
        connection.execute(f"DELETE FROM {known} WHERE event_id IN (SELECT event_id FROM superseded)")


def _absorb(connection: duckdb.DuckDBPyConnection) -> None:
    """Take the changes of a merge into `core_events` and `core_units`."""
    for known, fresh, columns in (
        ("core_events", "events", STAGED_COLUMNS),
        ("core_units", "units", UNIT_COLUMNS),
    ):
        names = ", ".join(column.name for column in columns)
        connection.execute(f"CREATE OR REPLACE TABLE absorbed AS SELECT {names} FROM {fresh}")
        connection.execute(f"DELETE FROM {known} WHERE event_id IN (SELECT event_id FROM replaced)")
        connection.execute(f"INSERT INTO {known} SELECT {names} FROM absorbed")


def find_landed(landings: Sequence[Landing], attempts: frozenset[str]) -> tuple[Landing, ...]:
    """Return the landed files of these attempts, in the order in which they were landed.

    Raises:
        ProcessingError: one of them is gone, so that the days cannot be made anew without losing rows.
    """
    missing = attempts - {landing.attempt_id for landing in landings}
    if missing:
        raise ProcessingError(
            f"{len(missing)} landed files of these days are gone or damaged (the first is attempt {min(missing)}): "
            "rebuilding would lose their rows. Choose days whose landing is still kept; nothing was changed"
        )
    wanted = [landing for landing in landings if landing.attempt_id in attempts]
    return tuple(sorted(wanted, key=_order))


def _order(landing: Landing) -> tuple[datetime, int, datetime, str]:
    """Return what orders landed files; those of one moment by when their windows were read."""
    read_at = max((window.read_at for window in complete_windows(landing).values()), default=landing.landed_at)
    return landing.landed_at, landing.ordinal, read_at, landing.attempt_id
