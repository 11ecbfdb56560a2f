"""warehouse.duckdb: manifest, ledger, watermarks, price cards and decisions, one short transaction at a time.

While a process has a DuckDB file open, no other process can even read it. So the file is opened only
under a blocking lock of the kernel, which is free again when its holder dies, and only briefly.
"""

import fcntl
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.warehouse.duckdb import migrations

__all__ = ["StateFile"]

NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs"}
)


class StateFile:
    """The one small database file of a state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "warehouse.duckdb"
        self._lock_path = folder / "warehouse.lock"

    def create(self, now: datetime) -> None:
        """Make the file, or bring an older one up to date, with numbered migrations applied once.

        Raises:
            ConfigurationError: the folder lies on a network file system, or a newer program wrote the file.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        refuse_network_filesystem(self.path.parent)
        with self.transaction() as connection:
            migrations.apply(connection, now)

    @contextmanager
    def transaction(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Hold the lock and one transaction: committed at the end, rolled back on any exception.

        Raises:
            ServiceUnavailableError: another program, which does not take our lock, has the file open.
        """
        with self._lock():
            connection = self._open()
            try:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute("BEGIN")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            finally:
                connection.close()

    @contextmanager
    def _lock(self) -> Generator[None]:
        with self._lock_path.open("a+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(f"pid {os.getpid()} on {socket.gethostname()}\n")
            lock.flush()
            yield

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(self.path)
        except duckdb.IOException as error:
            raise ServiceUnavailableError(
                f"{self.path} cannot be opened: another program has it open, or the disk fails. "
                "Close that program (a DuckDB shell?) and try again; read the published data with `sophia-metrics sql`"
            ) from error


def refuse_network_filesystem(folder: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Refuse a folder where locks and renames do not hold. Does nothing where the kernel lists no mounts.

    Raises:
        ConfigurationError: the folder lies on a network file system.
    """
    if not mounts.exists():
        return
    entries = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    points = {Path(point.replace("\\040", " ")): kind for _, point, kind, *_ in entries}
    here = folder.resolve()
    nearest = next((each for each in (here, *here.parents) if each in points), None)
    if nearest and points[nearest] in NETWORK_FILESYSTEMS:
        raise ConfigurationError(
            f"the state folder {folder} lies on a network file system ({points[nearest]}), where locks do not hold: "
            "set SOPHIA_HOME to a folder on a local disk"
        )
