"""A real HTTP server on loopback that records what it is sent, and misbehaves as it is told."""

import json
import socket
import struct
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HANG, RESET, DRIP = "hang", "reset", "drip"


@dataclass(frozen=True)
class Post:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """`script` says how the next requests are answered: a status, (429, Retry-After), HANG, RESET or DRIP; then 200."""

    script: list[Any] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/a-secret-path"

    @property
    def kinds(self) -> list[str]:
        return [each.content["kind"] for each in self.posts]

    def answers(self, *script: Any) -> None:
        self.script[:] = script

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.append(Post(self.path, dict(self.headers), body))
                receiver._answer(self, receiver.script.pop(0) if receiver.script else 200)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, how: Any) -> None:
        if how == HANG:
            self.released.wait()
        elif how == RESET:
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
        elif how == DRIP:
            while not self.released.wait(0.02):
                request.connection.sendall(b"H")
        else:
            status, headers = (how[0], {"Retry-After": how[1]}) if isinstance(how, tuple) else (how, {})
            self._respond(request, status, headers.items())

    def _respond(self, request: BaseHTTPRequestHandler, status: int, headers: Iterable[tuple[str, str]]) -> None:
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        if status // 100 == 3:
            request.send_header("Location", f"http://127.0.0.1:{self.port}/elsewhere")
        request.send_header("Content-Length", "17")
        request.end_headers()
        request.wfile.write(b"a body with words")
