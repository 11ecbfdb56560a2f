"""warehouse.duckdb: manifest, ledger, watermarks, price cards and decisions, one short transaction at a time.

While a process has a DuckDB file open, no other process can even read it. So the file is opened only
under a blocking lock of the kernel, which is free again when its holder dies, and only briefly.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.warehouse.duckdb.engine import attached
from sophia_metrics.warehouse.duckdb.fingerprints import fingerprints
from sophia_metrics.warehouse.duckdb.lock import LOCK_WAIT_SECONDS, held_lock

__all__ = ["DISK_FULL", "StateDamagedError", "StateFile", "refuse_network_filesystem"]

NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs"}
)

DISK_FULL = ("No space left", "File too large")


class StateDamagedError(ServiceUnavailableError):
    """The state file is gone or damaged: the next run makes it again before it does anything else."""


class StateFile:
    """The one small database file of a state folder."""

    optimistic_tries = 2
    is_writable_under_lock = True

    def __init__(self, folder: Path, *, lock_wait_seconds: float = LOCK_WAIT_SECONDS) -> None:
        self.folder = folder
        self.path = folder / "warehouse.duckdb"
        self.log_path = folder / "warehouse.duckdb.wal"
        self.suspicion_path = folder / "warehouse.suspect"
        """There while a failure has made the file suspect: the next run reads all of it."""
        self._lock_path = folder / "warehouse.lock"
        self._lock_wait_seconds = lock_wait_seconds

    @contextmanager
    def transaction(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Hold the lock and one transaction: committed at the end, rolled back on any exception.

        Raises:
            ServiceUnavailableError: another process hangs with the lock, or a program that does not take our lock has
                the file open.
            StateDamagedError: the file is gone, or damaged.
        """
        with self.lock(), self.connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:  # Ctrl-C too: whatever ends the block, nothing half done stays
                with suppress(duckdb.Error):  # the failure itself says more
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def lock(self) -> Generator[None]:
        """Hold the lock of the state folder.

        Raises:
            ServiceUnavailableError: another process hangs with it.
        """
        with held_lock(self._lock_path, self._lock_wait_seconds):
            yield

    @contextmanager
    def connection(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Open the file, whose lock is held.

        Raises:
            ServiceUnavailableError: another program, which does not take our lock, has the file open.
            StateDamagedError: the file is gone, or damaged.
        """
        self._refuse_what_cannot_be_opened()
        try:
            with attached(self.path) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                yield connection
        except duckdb.Error as error:
            if "Conflicting lock" in str(error):
                raise ServiceUnavailableError(
                    f"{self.path} cannot be opened: another program has it open. Close that program (a DuckDB shell?) "
                    "and try again; read the published data with `sophia-metrics sql`"
                ) from error
            if any(text in str(error) for text in DISK_FULL) or self.is_whole(self.path):
                raise
            self.suspicion_path.touch()
            raise StateDamagedError(self._damaged("is damaged")) from error

    @staticmethod
    def is_whole(path: Path) -> bool:
        """Read all of a state file that nobody has open, its log included, and say whether that works."""
        try:
            with duckdb.connect(path) as connection:
                fingerprints(connection)
        except duckdb.Error:
            return False
        return True

    def _refuse_what_cannot_be_opened(self) -> None:
        if not self.path.exists():
            raise StateDamagedError(self._damaged("is gone"))
        if not os.access(self.path, os.R_OK | os.W_OK):
            raise ConfigurationError(f"{self.path} may not be read and written: run as the user who owns it")

    def _damaged(self, what: str) -> str:
        return (
            f"{self.path} {what}: the next run makes it again, from a backup or from what is published, and goes on "
            "from there. Run it again; `sophia-metrics restore` does the same"
        )


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
