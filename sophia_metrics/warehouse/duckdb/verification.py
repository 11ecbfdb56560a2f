"""Verification: what must agree is computed once more and compared; nothing is changed."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.durable import hash_file
from sophia_metrics.errors import ConfigurationError, ProcessingError, SophiaError
from sophia_metrics.frames import fetch_frame, fetch_row
from sophia_metrics.maintenance.upkeep import Finding, Verification
from sophia_metrics.marts import Mart
from sophia_metrics.schema import core, marts
from sophia_metrics.schema.column import Kind
from sophia_metrics.serving import Serving
from sophia_metrics.usage.landing import Landing
from sophia_metrics.warehouse.duckdb.backups import BackupPlace, read_backup
from sophia_metrics.warehouse.duckdb.build import (
    FilesByDay,
    chunks,
    compute_days,
    files_by_table,
    rows_of_days,
)
from sophia_metrics.warehouse.duckdb.damage import DAY_NAMES, WRONG_LIST, fault_of, rows_in_files
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.fingerprints import fingerprints
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.versions import listed_paths
from sophia_metrics.warehouse.horizons import first_kept, horizons
from sophia_metrics.warehouse.manifest import Piece, files_of, wrong_days
from sophia_metrics.warehouse.staleness import DAY_MARTS, stale_days
from sophia_metrics.working import working_connection

__all__ = ["verify"]

DAILY = marts.COST_DAILY
CHAIN = frozenset({marts.COST_15MIN.name, marts.COST_HOURLY.name, DAILY.name})
"""The marts between core and the daily one: what is verified of them when not every mart is."""

SHOWN = 20
"""Of one kind of problem so many are named; the rest is counted."""


@dataclass(slots=True)
class _Notes:
    """What was looked at, and what is wrong."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    findings: list[Finding] = field(default_factory=list[Finding])

    def note(self, check: str, count: int, problems: Sequence[str] = ()) -> None:
        self.counts[check] = self.counts.get(check, 0) + count
        self.findings += [Finding(check, problem) for problem in problems[:SHOWN]]
        if len(problems) > SHOWN:
            self.findings.append(Finding(check, f"and {len(problems) - SHOWN:,} more"))


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the state lists at one moment.

    Attributes:
        files: every day file.
        by_table: the same by table and day.
        days: by mart the days that are built of what core holds now, and of which nothing is damaged or has expired.
        cards: the price cards.
    """

    files: tuple[Piece, ...]
    by_table: Mapping[str, FilesByDay]
    days: Mapping[str, tuple[date, ...]]
    cards: pl.DataFrame


def verify(
    state: StateFile, store: DayFileStore, place: BackupPlace, memory_limit: str, *, is_deep: bool
) -> Verification:
    """Compare what must agree. `is_deep`: read every file, recompute every mart, and look for events that stand twice.

    Raises:
        ServiceUnavailableError: the state file cannot be read.
    """
    notes = _Notes()
    with state.transaction() as locked:
        listed = _look_up(locked)
        notes.note("state file", len(fingerprints(locked)))
        _verify_state(locked, notes)
        version = fetch_row(
            locked, "SELECT version, size_bytes, file_sha256 FROM core_versions ORDER BY version DESC LIMIT 1"
        )
    broken = _verify_files(store, listed.files, notes, is_deep=is_deep)
    _verify_published(state.folder, version, notes)
    with working_connection(store.folder, memory_limit) as connection:
        connection.register("core_price_cards", listed.cards)
        with _noting(notes, "days of core"):
            _verify_core(
                connection, store, [file for file in listed.files if file not in broken], notes, is_deep=is_deep
            )
        with _noting(notes, "marts of core"):
            _verify_marts(connection, store, listed, notes, is_deep=is_deep)
        with _noting(notes, "sum of the days"):
            _verify_sum(connection, store, listed, Serving(state.folder), notes)
    _verify_copies(state.folder, place, notes, is_deep=is_deep)
    return Verification(notes.counts, tuple(notes.findings), is_deep)


@contextmanager
def _noting(notes: _Notes, check: str) -> Generator[None]:
    """Note what a check cannot read: the files themselves were looked at before, and are named there."""
    try:
        yield
    except (duckdb.Error, SophiaError) as error:
        notes.note(check, 0, [f"could not be finished, for a file cannot be read ({type(error).__name__})"])


def _look_up(locked: duckdb.DuckDBPyConnection) -> _Listed:
    by_table = files_by_table(locked, None)
    stale, kept_from = stale_days(locked), horizons(locked)
    damaged = {day for (day,) in locked.execute("SELECT day_on FROM damaged_days").fetchall()}
    days: dict[str, tuple[date, ...]] = {}
    for mart in DAY_MARTS:
        first = first_kept(kept_from, DAY_NAMES) or date.min
        built = {day for name in mart.inputs if name in DAY_NAMES for day in by_table[name]} | by_table[
            mart.name
        ].keys()
        days[mart.name] = tuple(sorted(day for day in built - damaged - {*stale[mart.name]} if day >= first))
    cards = fetch_frame(locked, "SELECT * FROM core_price_cards")
    return _Listed(files_of(locked, DAY_NAMES), by_table, days, cards)


def _verify_state(locked: duckdb.DuckDBPyConnection, notes: _Notes) -> None:
    count = fetch_row(locked, "SELECT count(*) FROM manifest_days")
    wrong = [f"{name} of {day}: {WRONG_LIST}" for name, day in sorted(wrong_days(locked))]
    notes.note("days of the manifest", int(count[0]) if count else 0, wrong)
    damaged = locked.execute(
        "SELECT table_name, day_on, reason, lost_count FROM damaged_days ORDER BY day_on, table_name"
    ).fetchall()
    notes.note(
        "damaged days",
        len(damaged),
        [
            f"{name} of {day}: {reason}; "
            + ("it waits to be made again" if lost is None else f"{lost:,} rows are lost")
            for name, day, reason, lost in damaged
        ],
    )
    rows = locked.execute(
        "SELECT attempt_id, coalesce(file_name, '') FROM core_ingest_ledger WHERE row_count IS DISTINCT FROM "
        "accepted_count + quarantined_count + duplicate_count + ignored_count ORDER BY ALL"
    ).fetchall()
    count = fetch_row(locked, "SELECT count(*) FROM core_ingest_ledger")
    notes.note(
        "rows of the ledger",
        int(count[0]) if count else 0,
        [f"attempt {attempt}, {name}: its counts do not add up to its rows" for attempt, name in rows],
    )


def _verify_files(store: DayFileStore, files: Sequence[Piece], notes: _Notes, *, is_deep: bool) -> frozenset[Piece]:
    """Return the files that are not what the manifest says of them."""
    look = partial(fault_of, store.folder, is_deep=is_deep)
    faults = {file: fault for file in files if (fault := look(file)) is not None}
    if is_deep:
        faults.update(_wrong_counts(store, [file for file in files if file not in faults]))
    notes.note(
        "day files", len(files), [f"{file.table_name} of {file.day_on}: {fault}" for file, fault in faults.items()]
    )
    return frozenset(faults)


def _wrong_counts(store: DayFileStore, files: Sequence[Piece]) -> dict[Piece, str]:
    """Return the files that have another number of rows than the manifest says."""
    rows = rows_in_files(store.folder, files)
    return {
        file: f"{file.path} does not have {file.row_count:,} rows"
        for file in files
        if rows.get(file.path) != file.row_count
    }


def _verify_published(folder: Path, version: tuple[int, int | None, str | None] | None, notes: _Notes) -> None:
    pointer = folder / "serving" / "current.duckdb"
    if version is None:
        notes.note("published version", 0)
        return
    number, size_bytes, sha256 = version
    problems: list[str] = []
    if not pointer.exists():
        problems.append(f"{pointer} points to nothing: the next run publishes anew")
    elif pointer.resolve().stem != f"v{number:06d}":
        problems.append(f"{pointer} does not point to version {number}, the newest: the next run publishes anew")
    elif size_bytes is not None and (pointer.stat().st_size != size_bytes or hash_file(pointer) != sha256):
        problems.append(f"version {number} is not as it was published: the next run publishes anew")
    notes.note("published version", 1, problems)


def _verify_core(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    files: Sequence[Piece],
    notes: _Notes,
    *,
    is_deep: bool,
) -> None:
    """Compare each row's day with that of its file; in depth, look for events that stand twice."""
    for table in (core.USAGE_EVENTS, core.USAGE_UNITS, *core.OBSERVED):
        own = [file for file in files if file.table_name == table.name]
        rows = store.relation(table, own)
        strange = connection.execute(
            f"SELECT {table.day}, count(*) FROM ({rows}) WHERE CAST({table.order[0]} AS DATE) <> {table.day} "
            "GROUP BY 1 ORDER BY 1"
        ).fetchall()
        problems = [f"{table.name} of {day}: {count:,} rows belong to another day" for day, count in strange]
        notes.note("days of core", len({file.day_on for file in own}), problems)
        if is_deep:
            twice = connection.execute(
                f"SELECT {', '.join(table.key)} FROM ({rows}) GROUP BY ALL HAVING count(*) > 1 LIMIT {SHOWN}"
            ).fetchall()
            notes.note(
                "keys of core",
                sum(file.row_count for file in own),
                [f"{table.name}: {key} stands twice" for key in twice],
            )


def _verify_marts(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, listed: _Listed, notes: _Notes, *, is_deep: bool
) -> None:
    """Compute marts once more from core, and compare them row by row: but for what is no exact number."""
    names = [mart.name for mart in DAY_MARTS if is_deep or mart.name in CHAIN]
    for chunk in chunks(sorted({day for name in names for day in listed.days[name]}), rows_of_days(listed.by_table)):
        wanted = {name: [day for day in chunk if day in {*listed.days[name]}] for name in names}
        for mart, days, built in compute_days(connection, store, wanted, listed.by_table):
            problems = [
                f"{mart.name} of {day} differs from what core says, in {count:,} rows"
                for day, count in _differences(connection, store, mart, days, built, listed)
            ]
            notes.note("marts of core", len(days), problems)


def _differences(
    connection: duckdb.DuckDBPyConnection,
    store: DayFileStore,
    mart: Mart,
    days: Sequence[date],
    built: str,
    listed: _Listed,
) -> list[tuple[date, int]]:
    names = ", ".join(column.name for column in mart.table.columns if column.kind is not Kind.REAL)
    files = [file for day in days for file in listed.by_table[mart.name].get(day, ())]
    kept, fresh = (
        f"SELECT {names} FROM ({rows})" for rows in (store.relation(mart.table, files), f"SELECT * FROM {built}")
    )
    rows = connection.execute(
        f"SELECT {mart.table.day}, count(*) FROM (({kept} EXCEPT ALL {fresh}) UNION ALL ({fresh} EXCEPT ALL {kept})) "
        "GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [(day, int(count)) for day, count in rows]


def _verify_sum(
    connection: duckdb.DuckDBPyConnection, store: DayFileStore, listed: _Listed, serving: Serving, notes: _Notes
) -> None:
    """Add the days up and compare them with one sum over all of them, as readers see it."""
    own = [file for file in listed.files if file.table_name == DAILY.name]
    if serving.version is None or not _shows(serving, own):
        notes.note("sum of the days", 0)
        return
    sums = "sum(request_count), sum(output_tokens), sum(cost_usd), sum(unpriced_count)"
    days = connection.execute(f"SELECT {sums} FROM ({store.relation(DAILY, own)}) GROUP BY usage_on").fetchall()
    added = tuple(
        sum(values) if (values := [day[place] for day in days if day[place] is not None]) else None
        for place in range(4)
    )
    with serving.connection() as version:
        whole = version.execute(f"SELECT {sums} FROM {DAILY.name}").fetchone()
    is_same = added == whole
    notes.note("sum of the days", len(days), [] if is_same else [f"{DAILY.name}: {added} by day, {whole} in one"])


def _shows(serving: Serving, files: Sequence[Piece]) -> bool:
    """Say whether the published version shows these files: else a newer one is not published yet."""
    with serving.connection() as version:
        path = version.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchone()
    shown = listed_paths(Path(str(path[0]))) if path else frozenset[str]()
    return {file.path for file in files} <= shown


def _verify_copies(folder: Path, place: BackupPlace, notes: _Notes, *, is_deep: bool) -> None:
    """Look whether backups, and in depth landed files, can be read."""
    problems: list[str] = []
    backups = sorted(place.folder.glob("[0-9]*Z*"))
    for path in backups:
        try:
            read_backup(path)
        except ConfigurationError as error:
            problems.append(str(error))
    notes.note("backups", len(backups), problems)
    if not is_deep:
        return
    landed = sorted((folder / "landing").glob("*/*.parquet"))
    broken: list[str] = []
    for path in landed:
        try:
            Landing.read(path)
        except ProcessingError as error:
            broken.append(str(error))
    notes.note("landed files", len(landed), broken)
