"""A Prefect server of our own, for as long as `serve` runs, where none is configured and none runs here."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Self

from sophia_metrics.cli.prefect_api import answers
from sophia_metrics.errors import ServiceUnavailableError

__all__ = ["TemporaryServer"]

HOST, FIRST_PORT, LAST_PORT = "127.0.0.1", 4200, 4299
START_SECONDS = 120.0
STOP_SECONDS = 4.0
POLL_SECONDS = 0.2
LEASES_ON_DISK = (
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE",
    "prefect.server.concurrency.lease_storage.filesystem",
)
"""Prefect's default keeps them in memory: after a restart it would know that a slot is taken, and not by whom."""


class TemporaryServer:
    """`prefect server start` in a process of its own, on the first free port from 4200 on, with its usual database."""

    def __init__(self) -> None:
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def api_url(self) -> str:
        """The address of its API."""
        return f"http://{HOST}:{self._port}/api"

    def start(self, is_wanted: Callable[[], bool]) -> Self:
        """Start, and return when the API answers, or when it is no longer wanted.

        Raises:
            ServiceUnavailableError: it ended, or took more than two minutes.
        """
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(self._port)]
        environment = os.environ | {"PREFECT_UI_API_URL": self.api_url, "PREFECT_API_URL": self.api_url}
        environment.setdefault(*LEASES_ON_DISK)
        self._process = subprocess.Popen(  # noqa: S603 - this Python's own Prefect
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is for us: schedules are paused before the server ends
        )
        deadline = time.monotonic() + START_SECONDS
        while is_wanted() and not answers(self.api_url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServiceUnavailableError(
                    f"a Prefect server on port {self._port} did not start: `prefect server start` says why; "
                    "start it yourself, or set PREFECT_API_URL"
                )
            time.sleep(POLL_SECONDS)
        return self

    def stop(self) -> None:
        """End it: gently, and after some seconds for good. Calling it again changes nothing."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _free_port() -> int:
    for port in range(FIRST_PORT, LAST_PORT + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ServiceUnavailableError(
        f"no port from {FIRST_PORT} to {LAST_PORT} is free for a Prefect server: set PREFECT_API_URL to one that runs"
    )
