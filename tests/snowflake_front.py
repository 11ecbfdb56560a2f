"""A server in front of Snowflake that answers wrongly where a test wants it, and else passes everything on."""

import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG_SECONDS = 30
LOGIN = "LOGIN"


class Fault(Enum):
    """What becomes of a request."""

    CUT_BEFORE = "the connection ends, and Snowflake has seen nothing"
    CUT_AFTER = "the connection ends, and Snowflake has done it"
    HANG = "no answer comes until the front is closed"


@dataclass(frozen=True)
class Status:
    """An answer of HTTP alone."""

    code: int


@dataclass(frozen=True)
class Refusal:
    """An answer of Snowflake that is an error."""

    code: int
    state: str = "n/a"
    message: str = "no"


Answer = Fault | Status | Refusal | None


@dataclass
class Front:
    """Where it listens, what it has seen, and what is to go wrong.

    `decide` gets LOGIN or the text of a statement; None: the request is passed on.
    """

    upstream: dict | None
    decide: Callable[[str], Answer] = lambda _: None
    seen: list[str] = field(default_factory=list)
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def place(self) -> dict:
        return {"host": "127.0.0.1", "port": self.port}


@contextmanager
def front_of(upstream: dict | None) -> Iterator[Front]:
    """Yield a front; without a Snowflake behind it a login succeeds and everything else must be decided."""
    front = Front(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(front))
    server.daemon_threads = True
    front.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class whose methods see the front
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each body waits 40 ms for the client to say that it has the headers

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = _named(self.path, self.headers.get("Content-Encoding"), body)
            front.seen.append(request)
            answer = front.decide(request)
            sent = self._answer(answer, body)
            if sent is None:
                self.close_connection = True
            else:
                self._send(*sent)

        def do_PUT(self) -> None:
            self._send(*self._pass_on("PUT", self.rfile.read(int(self.headers.get("Content-Length", 0)))))

        def log_message(self, *_: object) -> None:
            """Print nothing."""

        def _answer(self, answer: Answer, body: bytes) -> tuple[int, bytes] | None:
            """Return what is sent. None: the connection ends."""
            if answer is Fault.HANG:
                front.closing.wait(HANG_SECONDS)
            if answer in {Fault.HANG, Fault.CUT_BEFORE}:
                return None
            if isinstance(answer, Status):
                return answer.code, b""
            if isinstance(answer, Refusal):
                return 200, _refusal(answer)
            passed = (200, LOGGED_IN) if front.upstream is None else self._pass_on("POST", body)
            return None if answer is Fault.CUT_AFTER else passed

        def _pass_on(self, method: str, body: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(front.upstream["host"], front.upstream["port"], timeout=30)
            connection.request(method, self.path, body, dict(self.headers))
            response = connection.getresponse()
            content = response.read()
            connection.close()
            return response.status, content

        def _send(self, code: int, content: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


LOGGED_IN = json.dumps(
    {"success": True, "data": {"token": "t", "masterToken": "m", "parameters": [], "sessionInfo": {}}}
).encode()


def _named(path: str, encoding: str | None, body: bytes) -> str:
    if "login-request" in path:
        return LOGIN
    if "query-request" not in path:
        return path
    text = gzip.decompress(body) if encoding == "gzip" else body
    return json.loads(text)["sqlText"]


def _refusal(answer: Refusal) -> bytes:
    code = f"{answer.code:06d}"
    content = {
        "success": False,
        "code": code,
        "message": answer.message,
        "data": {"errorCode": code, "sqlState": answer.state, "queryId": "01b2-q"},
    }
    return json.dumps(content).encode()
