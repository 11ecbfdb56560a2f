"""Published versions: which are kept, who has one open, and which day files they list."""

import fcntl
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.warehouse.duckdb.contents import modified_at

__all__ = ["LISTED", "listed_paths", "superfluous_versions", "version_files", "version_name"]

KEEP_FOR = timedelta(hours=24)
"""No version is kept longer than that because of its age."""

KEEP_EACH_FOR = timedelta(hours=1)
"""Younger versions are all kept; of the older ones the last of each hour."""

LISTED = re.compile(r"'[^']*?((?:core|marts)/\w+/\w+=\d{4}-\d{2}-\d{2}/[^'/]+\.parquet)'")
"""A day file in the text of a view. The path from the state folder counts: a folder may have been moved."""


def version_name(number: int) -> str:
    """Return the file name of a version; names sort as numbers do."""
    return f"v{number:06d}.duckdb"


def version_files(serving: Path) -> dict[int, Path]:
    """Return the versions that are on disk, by their numbers."""
    found = (path for path in serving.glob("v*.duckdb") if path.stem[1:].isdigit())
    return {int(path.stem[1:]): path for path in found}


def superfluous_versions(
    connection: duckdb.DuckDBPyConnection, serving: Path, now: datetime, keep_versions: int
) -> tuple[Path, ...]:
    """Return the versions on disk that are kept no longer; call it under the lock.

    Kept are the last ones by number, all of the last hour, and of the last 24 hours the last one of each hour. The
    current one is kept in any case, and so is one that another process has open.
    """
    files = version_files(serving)
    known = dict(connection.execute("SELECT version, published_at FROM core_versions").fetchall())
    published = {number: known.get(number) or modified_at(path.stat()) for number, path in files.items()}
    kept = _kept(published, now, keep_versions)
    current = serving / "current.duckdb"
    pointed = current.readlink().name if current.is_symlink() else None
    return tuple(
        path
        for number, path in sorted(files.items())
        if number not in kept and path.name != pointed and not _is_open(path)
    )


def listed_paths(version: Path) -> frozenset[str]:
    """Return the day files that a version lists, relative to the state folder.

    Raises:
        ServiceUnavailableError: the version cannot be read.
    """
    try:
        with duckdb.connect(version, read_only=True) as connection:
            views = connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall()
    except duckdb.Error as error:
        raise ServiceUnavailableError(
            f"{version} cannot be read, so that nobody knows which day files it lists: close the program that has it "
            "open; if it is damaged, it goes within a day"
        ) from error
    return frozenset(path for (sql,) in views for path in LISTED.findall(sql))


def _kept(published: Mapping[int, datetime], now: datetime, keep_versions: int) -> frozenset[int]:
    newest_first = sorted(published, reverse=True)
    kept = set(newest_first[:keep_versions])
    hours: set[datetime] = set()
    for number in newest_first:
        published_at = published[number]
        hour = published_at.replace(minute=0, second=0, microsecond=0)
        age = now - published_at
        if age < KEEP_EACH_FOR or (age < KEEP_FOR and hour not in hours):
            kept.add(number)
        hours.add(hour)
    return frozenset(kept)


def _is_open(path: Path) -> bool:
    """Say whether another process has the version open: DuckDB locks what it reads."""
    try:
        with path.open("r+b") as version:
            fcntl.lockf(version, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    return False
