"""A real PostgreSQL, started by the test that needs it, on a free port of this machine, by a user that is not root."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.redis_server import free_port

__all__ = ["PostgresServer", "postgres_folder"]

DEADLINE_SECONDS = 60
PASSWORD = "sesame-of-the-test"  # noqa: S105 - of a server that lives for one test
HOW = ("-A", "scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C")
QUICK = ("fsync=off", "unix_socket_directories=", "listen_addresses=127.0.0.1", "max_connections=10")


def postgres_folder() -> Path | None:
    """Return where the server's programs are: on the PATH, or where Debian has them. None: nowhere."""
    named = shutil.which("initdb")
    places = [Path(named).parent] if named else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}


@dataclass
class PostgresServer:
    """One server with one empty database."""

    port: int

    @property
    def url(self) -> str:
        return f"postgresql://proxy:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    async def execute(self, statement: str, *values: object) -> None:
        """Run one statement as the owner, or several without values."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    @classmethod
    @contextmanager
    def running(cls, programs: Path) -> Generator["PostgresServer"]:
        """Start a server, and end it with the block."""
        folder = Path(tempfile.mkdtemp(prefix="sophia-postgres-"))
        try:
            if os.geteuid() == 0:
                shutil.chown(folder, "nobody", "nogroup")
            server = cls(free_port())
            process = server._start(programs, folder)
            try:
                server._wait(process)
                yield server
            finally:
                process.send_signal(signal.SIGINT)  # ends connections that are left, too
                process.wait(DEADLINE_SECONDS)
        finally:
            shutil.rmtree(folder)

    def _start(self, programs: Path, folder: Path) -> "subprocess.Popen[bytes]":
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = folder / "data"
        kept = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, **_user()}
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "proxy", f"--pwfile={secret}", *HOW],
            check=True,
            stdout=subprocess.DEVNULL,
            **kept,
        )
        options = [word for option in QUICK for word in ("-c", option)]
        return subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(self.port), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **kept,
        )

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                asyncio.run(self.execute("SELECT 1"))
            except (OSError, asyncpg.CannotConnectNowError):
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return
