"""Retention: whole days of core leave the manifest, in one transaction; their rollups stay.

The files themselves go when no version lists them any more: see garbage. A mart of a day that has expired is never
built again, because nothing is left from which it could be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import core, findings, state
from sophia_metrics.warehouse.facts import Facts
from sophia_metrics.warehouse.horizons import first_kept, horizons
from sophia_metrics.warehouse.ledger import replace_rows
from sophia_metrics.warehouse.manifest import Switch, files_of, remove_files
from sophia_metrics.warehouse.protocol import Expired, Retention
from sophia_metrics.warehouse.staleness import DAY_MARTS, stale_days
from sophia_metrics.warehouse.state_connection import StateConnection
from sophia_metrics.warehouse.switching import State

__all__ = ["commit_retention"]

USAGE = (core.USAGE_EVENTS.name, core.USAGE_UNITS.name, core.QUARANTINE.name)
OBSERVED = tuple(table.name for table in core.OBSERVED)
GROWING = {
    state.PIPELINE_RUNS.name: "started_at < $1",
    state.QUALITY_VERDICTS.name: "judged_at < $1",
    state.VERSIONS.name: "published_at < $1 AND version < (SELECT max(version) FROM core_versions)",
    findings.FORECAST_SNAPSHOTS.name: "made_at < $1",
}
"""State tables that get rows with every run, and which of them are old. The newest version is always known."""


@dataclass(frozen=True, slots=True)
class _Horizon:
    """How far the days of some tables go. `stopped_because`: why not as far as was wanted."""

    first_on: date | None
    stopped_because: str | None = None


def commit_retention(keeper: State, facts: Facts, change: Retention) -> Expired:
    """Drop the days that are kept no longer, note from when on they are kept, and prune what runs leave."""
    with keeper.transaction() as locked:
        known = horizons(locked)
        usage = _reachable(locked, USAGE, known, change.usage_from_on)
        observed = _reachable(locked, OBSERVED, known, change.observed_from_on)
        moved = {
            name: horizon.first_on
            for names, horizon, wanted in (
                (USAGE, usage, change.usage_from_on),
                (OBSERVED, observed, change.observed_from_on),
            )
            for name in names
            if wanted is not None and horizon.first_on is not None
        }
        files = [file for file in files_of(locked, moved) if file.day_on < moved[file.table_name]]
        run_count = _count_runs(locked, change)
        if not change.is_dry_run:
            facts.enact(locked, Switch(removed=tuple(files)), is_mending=True)
            remove_files(locked, files)
            _move(locked, known, moved, change)
            _prune_runs(locked, change)
    return Expired(
        row_count=sum(file.row_count for file in files),
        day_count=len({(file.table_name, file.day_on) for file in files}),
        run_count=run_count,
        usage_from_on=usage.first_on,
        observed_from_on=observed.first_on,
        stopped_because=usage.stopped_because or observed.stopped_because,
    )


def _reachable(
    locked: StateConnection, names: tuple[str, ...], known: Mapping[str, date], wanted: date | None
) -> _Horizon:
    """Return the first day that is kept: the wanted one, unless one before it is still needed. It never moves back."""
    before = first_kept(known, names)
    if wanted is None or (before is not None and wanted <= before):
        return _Horizon(before)
    waiting = sorted(
        (day, why) for day, why in _days_not_done(locked, names) if (before is None or day >= before) and day < wanted
    )
    if not waiting:
        return _Horizon(wanted)
    day, why = waiting[0]
    return _Horizon(day, f"{day} {why}: it and the days after it stay")


def _days_not_done(locked: StateConnection, names: Iterable[str]) -> list[tuple[date, str]]:
    """Return days whose rows are still needed, and what for."""
    inputs = frozenset(names)
    stale = stale_days(locked)
    found = [
        (day, f"is not in {mart.name} as it is now")
        for mart in DAY_MARTS
        if inputs & {*mart.inputs}
        for day in stale[mart.name]
    ]
    if core.USAGE_EVENTS.name not in inputs:
        return found
    held = locked.execute("SELECT day_on FROM judged_days WHERE held_because IS NOT NULL").fetchall()
    unaudited = locked.execute(
        "SELECT DISTINCT day_on FROM manifest WHERE table_name = $1 AND is_audited IS NOT TRUE",
        [core.USAGE_EVENTS.name],
    ).fetchall()
    found += [(day, "fails an expectation") for (day,) in held]
    return found + [(day, "has events that were not looked for on other days yet") for (day,) in unaudited]


def _move(
    locked: StateConnection,
    known: Mapping[str, date],
    moved: Mapping[str, date],
    change: Retention,
) -> None:
    """Note the horizons that were asked for; what nobody asked for stays as it is: a mirror has its own."""
    rows = [
        {"table_name": name, "kept_from_on": first_on, "moved_at": change.now}
        for name, first_on in moved.items()
        if first_on != known.get(name)
    ]
    if rows:
        schema = {"table_name": pl.String, "kept_from_on": pl.Date, "moved_at": pl.Datetime("us")}
        replace_rows(locked, state.RETENTION, pl.DataFrame(rows, schema=schema))
    if core.USAGE_EVENTS.name in moved:
        locked.execute("DELETE FROM judged_days WHERE day_on < $1", [moved[core.USAGE_EVENTS.name]])


def _count_runs(locked: StateConnection, change: Retention) -> int:
    if change.runs_from_at is None:
        return 0
    counts = (
        fetch_row(locked, f"SELECT count(*) FROM {name} WHERE {old}", [change.runs_from_at])
        for name, old in GROWING.items()
    )
    return sum(int(row[0]) for row in counts if row is not None)


def _prune_runs(locked: StateConnection, change: Retention) -> None:
    if change.runs_from_at is not None:
        for name, old in GROWING.items():
            locked.execute(f"DELETE FROM {name} WHERE {old}", [change.runs_from_at])
