"""Working connections: DuckDB in memory, for staging, merging, building and reading, with bounded memory.

An engine takes longer to make than most questions take to answer, and a run has dozens of them: the engine of a
reading connection is kept for the next one, unless it reads much: memory is given back with the engine alone.
Connections that make tables have an engine each, which goes with its tables.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock

import duckdb

from sophia_metrics.durable import make_folder
from sophia_metrics.quoting import literal

__all__ = ["reading_connection", "spill_folder", "sweep_spills", "working_connection"]

PREFIX = "spill-"
FEW_BYTES = 4 * 2**20
"""An engine that reads no more than that keeps some 30 MiB at most."""

_Key = tuple[int, str]
"""Process (a fork has none of an engine's threads), and what DuckDB may use."""
_IDLE: dict[_Key, duckdb.DuckDBPyConnection] = {}
"""Engines that nobody uses now, one at most of a key."""
_LOCK = Lock()


@contextmanager
def working_connection(folder: Path, memory_limit: str) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a connection whose tables live in memory and spill to the state folder, and nowhere else.

    Args:
        folder: the state folder, for the spill files; they are gone when the connection closes, and those of
            a process that was killed are gone when the next one opens.
        memory_limit: what DuckDB may use, such as "4GiB".
    """
    with _spill_folder(folder / "tmp") as spill:
        connection = duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": str(spill)})
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()


@contextmanager
def reading_connection(folder: Path, memory_limit: str, size_bytes: int) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a connection for one question over files: it may make temporary views, and nothing else.

    Args:
        folder: as of a working connection.
        memory_limit: as of a working connection.
        size_bytes: of the files.
    """
    if size_bytes > FEW_BYTES:
        with working_connection(folder, memory_limit) as connection:
            yield connection
        return
    key = (os.getpid(), memory_limit)
    with _spill_folder(folder / "tmp") as spill:
        engine = _engine(key, spill)
        is_fit = False
        try:
            with engine.cursor() as connection:
                connection.execute("SET TimeZone = 'UTC'")
                yield connection
            is_fit = not any(spill.iterdir())
        finally:
            if not is_fit or not _is_kept(key, engine):
                engine.close()


def _engine(key: _Key, spill: Path) -> duckdb.DuckDBPyConnection:
    """Return an engine that nobody else uses, and that spills to a folder."""
    with _LOCK:
        idle = _IDLE.pop(key, None)
    if idle is not None:
        try:
            idle.execute(f"SET temp_directory = {literal(str(spill))}")
        except duckdb.NotImplementedException:  # it has spilled
            idle.close()
        else:
            return idle
    _, memory_limit = key
    return duckdb.connect(
        config={"memory_limit": memory_limit, "temp_directory": str(spill), "enable_external_file_cache": False}
    )


def _is_kept(key: _Key, engine: duckdb.DuckDBPyConnection) -> bool:
    with _LOCK:
        return _IDLE.setdefault(key, engine) is engine


def spill_folder(connection: duckdb.DuckDBPyConnection) -> Path:
    """Return the folder of a working connection's temporary files; it is gone when the connection closes."""
    row = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    return Path(str(row[0]) if row else "")


@contextmanager
def _spill_folder(parent: Path) -> Generator[Path]:
    """Make a folder that only this connection uses, locked for as long as it does."""
    make_folder(parent)
    with _locked(parent, fcntl.LOCK_EX):  # so that nobody sweeps away a folder that is made but not locked yet
        _sweep(parent)
        spill = Path(mkdtemp(dir=parent, prefix=PREFIX))
        held = os.open(spill, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield spill
    finally:
        rmtree(spill)
        os.close(held)


def sweep_spills(folder: Path, *, is_dry_run: bool = False) -> tuple[int, ...]:
    """Remove what killed processes had spilled to a state folder; return the bytes of each of their folders.

    In a dry run nothing is removed.
    """
    parent = folder / "tmp"
    if not parent.is_dir():
        return ()
    with _locked(parent, fcntl.LOCK_EX):
        return _sweep(parent, is_dry_run=is_dry_run)


def _sweep(parent: Path, *, is_dry_run: bool = False) -> tuple[int, ...]:
    """Remove the folders whose process was killed: the kernel has given their locks back."""
    sizes: list[int] = []
    for left in parent.glob(f"{PREFIX}*"):
        try:
            with _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
                size = sum(path.stat().st_size for path in left.rglob("*") if path.is_file())
                if not is_dry_run:
                    rmtree(left)
        except (BlockingIOError, FileNotFoundError):
            continue  # in use, or its connection has just closed
        sizes.append(size)
    return tuple(sizes)


@contextmanager
def _locked(folder: Path, operation: int) -> Generator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)
