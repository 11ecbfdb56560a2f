"""Working connections: DuckDB in memory, for staging, merging and building, with bounded memory."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import duckdb

from sophia_metrics.durable import make_folder

__all__ = ["spill_folder", "sweep_spills", "working_connection"]

PREFIX = "spill-"


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
