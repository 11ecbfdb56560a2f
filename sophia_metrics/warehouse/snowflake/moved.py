"""What is moved from DuckDB to Snowflake, and what each engine keeps for itself."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from sophia_metrics.marts import MARTS, Mart
from sophia_metrics.schema import core, findings, state
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.horizons import first_kept, horizons
from sophia_metrics.warehouse.manifest import Piece, TableDay, files_of
from sophia_metrics.warehouse.staleness import DAY_MARTS, day_inputs
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = [
    "MOVED_CORE",
    "MOVED_STATE",
    "STAYING",
    "MovedDay",
    "days_built_here",
    "days_to_move",
    "is_moved",
    "select_state",
]

MOVED_CORE: Mapping[str, Table] = MappingProxyType(
    {table.name: table for table in (core.USAGE_EVENTS, core.USAGE_UNITS, core.QUARANTINE, *core.OBSERVED)}
)
"""Tables whose days are loaded, by name."""

MOVED_STATE = (
    state.INGEST_LEDGER,
    state.WATERMARKS,
    state.PRICE_CARDS,
    state.PRICE_CARD_UNITS,
    state.PRICE_BOOKS,
    state.QUARANTINE_VERDICTS,
    state.SCHEMA_CHANGES,
    state.FILE_POSITIONS,
    state.RETENTION,
    state.DAMAGED_DAYS,
    state.JUDGED_DAYS,
    state.TOMBSTONES,
    state.BUDGETS,
    *findings.FINDINGS,
    *state.OPERATIONS,
)
"""State that means the same on both engines. Damaged days among it: what was lost is lost there too, and the marts of
such a day are not computed from what is left."""

STAYING = (
    state.VERSIONS,
    state.RECOVERIES,
    state.MANIFEST,
    state.MANIFEST_DAYS,
    state.KEY_RUNS,
    state.MART_BUILDS,
    state.SCHEMA_MIGRATIONS,
    state.MIRRORS,
    state.MIRRORED_PARTS,
    state.FORWARDED_PARTS,
)
"""What an engine says of itself, its files and its versions."""

PREFIX = "moved-"
HASH_DIGITS = 32
OTHERWISE = MappingProxyType({(state.TOMBSTONES.name, "last_version"): "CAST(0 AS BIGINT)"})
"""What a column says there: no version that Snowflake publishes has ever shown the forgotten."""


@dataclass(frozen=True, slots=True)
class MovedDay:
    """A day of a table as it lies in day files here.

    Attributes:
        table: the table.
        day_on: the UTC day.
        pieces: its files.
        is_audited: an audit has seen them all.
    """

    table: Table
    day_on: date
    pieces: tuple[Piece, ...]
    is_audited: bool = False

    @property
    def fingerprint(self) -> str:
        """Another one after each change of the day: files are never written again."""
        texts = sorted(f"{piece.path} {piece.row_count} {piece.sha256 or ''}" for piece in self.pieces)
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:HASH_DIGITS]

    @property
    def row_count(self) -> int:
        """Its rows."""
        return sum(piece.row_count for piece in self.pieces)

    @property
    def piece(self) -> Piece:
        """The day as Snowflake lists it once it is loaded."""
        name = f"{PREFIX}{self.fingerprint}"
        path = f"{self.table.name}/{self.table.day}={self.day_on.isoformat()}/{name}"
        return Piece(self.table.name, self.day_on, path, self.row_count, 0, name)


def is_moved(piece: Piece) -> bool:
    """Say whether a day that Snowflake lists was loaded from DuckDB as it is."""
    return piece.attempt_id.startswith(PREFIX)


def select_state(table: Table) -> str:
    """Return a SELECT of the rows of a state table as they are to be on Snowflake."""
    columns = (
        f"{OTHERWISE[table.name, name]} AS {name}" if (table.name, name) in OTHERWISE else name for name in table.names
    )
    return f"SELECT {', '.join(columns)} FROM {table.name}"


def days_to_move(locked: StateConnection) -> dict[TableDay, MovedDay]:
    """Return the days that are loaded: those of core, and those of marts that nothing can build any more."""
    days = _days(files_of(locked, MOVED_CORE), MOVED_CORE, _audited(locked))
    kept_from = horizons(locked)
    lost = {(str(name), day) for name, day in locked.execute("SELECT table_name, day_on FROM damaged_days").fetchall()}
    for mart in DAY_MARTS:
        sources = _sources(mart)
        first = first_kept(kept_from, sources)
        pieces = [
            piece
            for piece in files_of(locked, [mart.name])
            if (first is not None and piece.day_on < first) or any((name, piece.day_on) in lost for name in sources)
        ]
        days |= _days(pieces, {mart.name: mart.table})
    return days


def days_built_here(locked: StateConnection, stale: Mapping[str, Collection[date]]) -> dict[TableDay, MovedDay]:
    """Return the days of marts that are built of what is committed here now."""
    marts = {mart.name: mart.table for mart in DAY_MARTS}
    pieces = (piece for piece in files_of(locked, marts) if piece.day_on not in stale[piece.table_name])
    return _days(pieces, marts)


def _days(
    pieces: Iterable[Piece], tables: Mapping[str, Table], audited: Collection[TableDay] = ()
) -> dict[TableDay, MovedDay]:
    grouped: defaultdict[TableDay, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.row_count:
            grouped[piece.table_day].append(piece)
    return {
        (name, day): MovedDay(tables[name], day, tuple(some), (name, day) in audited)
        for (name, day), some in grouped.items()
    }


def _audited(locked: StateConnection) -> frozenset[TableDay]:
    rows = locked.execute(
        "SELECT table_name, day_on FROM manifest GROUP BY table_name, day_on "
        "HAVING count(*) = count(CASE WHEN is_audited THEN 1 END)"
    ).fetchall()
    return frozenset((str(name), day) for name, day in rows)


def _sources(mart: Mart) -> frozenset[str]:
    """Return the tables by day from which a mart comes, at first hand or by other marts."""
    by_name = {each.name: each for each in MARTS}
    names = frozenset(day_inputs(mart))
    return names.union(*(_sources(by_name[name]) for name in names if name in by_name))
