"""The web server: the application on a thread of its own, from `start` to `stop`."""

import socket
import time
from threading import Thread

import uvicorn
from fastapi import FastAPI

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError

__all__ = ["PageServer"]

START_SECONDS = 30.0
STOP_SECONDS = 3
POLL_SECONDS = 0.02
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class PageServer:
    """Serves one application at one address. `port` 0: any free one; `url` says which."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=STOP_SECONDS,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._serve, name="sophia-page", daemon=True)

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        port = self._socket.getsockname()[1] if self._socket else self._port
        host = ANY_ADDRESS.get(self._host, self._host)
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def start(self) -> None:
        """Listen, and return when requests are answered.

        Raises:
            ConfigurationError: the address cannot be used.
            ServiceUnavailableError: the server ended while it started, or took too long.
        """
        self._socket = self._listen()
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ServiceUnavailableError(f"the page at {self.url} did not start: try again")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Answer what is under way, for some seconds at most, and end. Calling it again changes nothing."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS + 2)
        if self._socket is not None:
            self._socket.close()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise ConfigurationError(
                f"the page cannot listen on {self._host} port {self._port} ({error.strerror}): set dashboard.port "
                "or dashboard.host to another, or end the program that has it"
            ) from error
        return listener

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket] if self._socket else None)
