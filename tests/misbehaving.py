"""Servers on free loopback ports that do one thing with every connection, right or wrong."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket], None]

GREETING_LIMIT = 65536


@contextmanager
def serving(behave: Behaviour) -> Generator[int]:
    """Serve on a port of its own, each connection on a thread; yield the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    stopped = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            behave(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                if stopped.is_set():
                    connection.close()
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopped.set()
        with suppress(OSError):
            socket.create_connection(listener.getsockname()).close()  # wakes who waits for a connection
        thread.join(timeout=5)
        listener.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def http(status: int = 200, body: object = b"", kind: str = "application/json", headers: str = "") -> Behaviour:
    """Answer each request in full; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"

    def behave(connection: socket.socket) -> None:
        connection.recv(GREETING_LIMIT)
        connection.sendall(head.encode() + content)

    return behave


def raw(answer: bytes) -> Behaviour:
    """Answer the first bytes with these and hang up."""

    def behave(connection: socket.socket) -> None:
        connection.recv(GREETING_LIMIT)
        connection.sendall(answer)

    return behave


def hang(connection: socket.socket) -> None:
    """Take everything, and say nothing until the other side hangs up."""
    while connection.recv(GREETING_LIMIT):
        pass


def reset(connection: socket.socket) -> None:
    """Break the connection off hard, after the request."""
    connection.recv(GREETING_LIMIT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(connection: socket.socket) -> None:
    """Begin an answer, and send a byte of its body now and then, until the other side hangs up."""
    connection.recv(GREETING_LIMIT)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    connection.settimeout(0.05)
    while True:
        connection.sendall(b"{")
        with suppress(TimeoutError):
            if not connection.recv(1):
                return


def pour(connection: socket.socket) -> None:
    """Answer with a JSON body that has no end, as fast as the other side reads."""
    connection.recv(GREETING_LIMIT)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"status": "ok", "filler": "')
    while True:
        connection.sendall(b"x" * GREETING_LIMIT)
