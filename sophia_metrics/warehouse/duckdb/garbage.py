"""Garbage: files of a state folder that nothing lists any more are removed, under the lock and never young."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.maintenance.upkeep import Freed, Swept
from sophia_metrics.warehouse.duckdb.contents import Found, look_through, modified_at
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.versions import listed_paths, superfluous_versions, version_files
from sophia_metrics.working import sweep_spills

__all__ = ["sweep"]

LANDING_FOR = timedelta(hours=24)
"""What is being landed is named only when all of a batch is written: it may be unfinished for longer than others."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """The day files that some published versions list, and why it is not known of others."""

    paths: frozenset[str] = frozenset()
    versions: frozenset[Path] = frozenset()
    problems: tuple[str, ...] = ()

    def __add__(self, other: "_Listed") -> "_Listed":
        return _Listed(self.paths | other.paths, self.versions | other.versions, (*self.problems, *other.problems))


def sweep(
    state: StateFile,
    now: datetime,
    *,
    grace: timedelta,
    keep_versions: int,
    backed_up: frozenset[str],
    is_dry_run: bool,
) -> Swept:
    """Remove what nobody lists any more and is older than `grace` at `now`; report what is foreign.

    Files are looked for without the lock, and looked up in the manifest under it: a commit that is about to list one
    finds it gone, and says so, rather than list what is not there. What a version lists that is thinned out now stays
    until the next sweep: somebody may have opened it this very moment.

    Args:
        state: the state file.
        now: the present (naive UTC).
        grace: what is younger stays. The age of a day file counts from when it was written or left the list.
        keep_versions: how many versions are kept at least.
        backed_up: day files that a kept backup lists, relative to the state folder.
        is_dry_run: tell what would be removed, and remove nothing.
    """
    folder, serving = state.folder, state.folder / "serving"
    there = look_through(folder)
    candidates = [file for file in there.day_files if file.modified_at < now - grace and file.path not in backed_up]
    with state.transaction() as locked:
        manifest = _manifest(locked)
    candidates = [file for file in candidates if file.path not in manifest]
    served = _read(version_files(serving).values()) if candidates else _Listed()
    with state.transaction() as locked:
        if candidates:
            served += _read(path for path in version_files(serving).values() if path not in served.versions)
        listed = _manifest(locked) | served.paths
        day_files = [] if served.problems else [file for file in candidates if file.path not in listed]
        runs = _unlisted_runs(locked, there.key_runs)
        versions = superfluous_versions(locked, serving, now, keep_versions)
        return Swept(
            day_files=_remove(folder, day_files, now - grace, is_dry_run=is_dry_run),
            versions=_remove(folder, [_found(folder, path) for path in versions], None, is_dry_run=is_dry_run),
            key_runs=_remove(folder, runs, now - grace, is_dry_run=is_dry_run),
            temporary=_remove_temporary(folder, there.temporary, now, grace, is_dry_run=is_dry_run),
            spills=_spills(folder, is_dry_run=is_dry_run),
            orphans=tuple(there.orphans),
            problems=served.problems,
        )


def _manifest(locked: duckdb.DuckDBPyConnection) -> frozenset[str]:
    return frozenset(path for (path,) in locked.execute("SELECT path FROM manifest").fetchall())


def _unlisted_runs(locked: duckdb.DuckDBPyConnection, runs: Iterable[Found]) -> list[Found]:
    listed = {path for (path,) in locked.execute("SELECT path FROM key_runs").fetchall()}
    return [file for file in runs if file.path not in listed]


def _read(versions: Iterable[Path]) -> _Listed:
    """Read what some versions list; one that is gone meanwhile lists nothing."""
    paths: set[str] = set()
    known: set[Path] = set()
    problems: list[str] = []
    for version in versions:
        known.add(version)
        try:
            paths |= listed_paths(version)
        except ServiceUnavailableError as error:
            if version.exists():
                problems.append(str(error))
    return _Listed(frozenset(paths), frozenset(known), tuple(problems))


def _found(folder: Path, path: Path) -> Found:
    status = path.stat()
    return Found(path.relative_to(folder).as_posix(), status.st_size, modified_at(status))


def _remove_temporary(
    folder: Path, files: Sequence[Found], now: datetime, grace: timedelta, *, is_dry_run: bool
) -> Freed:
    landed = [file for file in files if file.path.startswith("landing/")]
    others = [file for file in files if file not in landed]
    return _remove(folder, others, now - grace, is_dry_run=is_dry_run) + _remove(
        folder, landed, now - max(grace, LANDING_FOR), is_dry_run=is_dry_run
    )


def _remove(folder: Path, files: Iterable[Found], before: datetime | None, *, is_dry_run: bool) -> Freed:
    """Remove files that are older than an instant (None: any): what left the list just now has been dated anew."""
    freed = Freed()
    for file in files:
        path = folder / file.path
        try:
            if before is not None and modified_at(path.lstat()) >= before:
                continue
            if not is_dry_run:
                path.unlink()
        except FileNotFoundError:
            continue
        freed += Freed(1, file.size_bytes)
    return freed


def _spills(folder: Path, *, is_dry_run: bool) -> Freed:
    sizes = sweep_spills(folder, is_dry_run=is_dry_run)
    return Freed(len(sizes), sum(sizes))
