"""A vendor over HTTP on loopback: it keeps a ledger of its own, speaks its protocol, and misbehaves as it is told."""

import json
import random
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class Fault(StrEnum):
    """What can go wrong with an answer."""

    HANG = "no answer comes"
    RESET = "the connection breaks"
    TOO_MANY = "429 with Retry-After"
    BROKEN = "500"
    HALF = "half a body"
    HALF_CHUNKED = "half a body, whose length was not told"
    REPEATED_PAGE = "a page comes twice"
    OUT_OF_ORDER = "pages come in another order"
    ENDLESS_CURSOR = "the cursor leads back to where it was"
    ENDLESS_PAGES = "every page has one after it"
    CHANGED_SCHEMA = "a field has another type"
    REFUSED = "401"
    REDIRECTED = "302"


OF_PAGES = frozenset({Fault.REPEATED_PAGE, Fault.OUT_OF_ORDER, Fault.ENDLESS_CURSOR, Fault.ENDLESS_PAGES})
STATUSES = {Fault.TOO_MANY: 429, Fault.BROKEN: 500, Fault.REFUSED: 401, Fault.REDIRECTED: 302}
HALVES = frozenset({Fault.HALF, Fault.HALF_CHUNKED})
BREAKING = frozenset({Fault.HANG, Fault.RESET, *HALVES})


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    params: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def one(self, name: str, otherwise: str | None = None) -> str:
        """Return a parameter that must be there once."""
        values = self.params.get(name, [] if otherwise is None else [otherwise])
        if len(values) != 1:
            raise RefusedError(400, f"{name} is given {len(values)} times")
        return values[0]


class RefusedError(Exception):
    """The vendor answers with an error."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Vendor:
    """One vendor. A subclass says what it answers; paging and faults are the same for all.

    `faults` are taken by the next requests, one each, before anything else is looked at; `page_faults` by the next
    listings, whole. `clock_ahead` shifts the Date that it tells. The first request waits at `meeting`; `most_open` is
    how many requests were open at once.
    """

    def __init__(self, seed: int = 7) -> None:
        self.faults: list[Fault] = []
        self.page_faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.clock_ahead = timedelta()
        self.now = datetime(2026, 11, 20, 12, 30)
        self.retry_after = "0"
        self.random = random.Random(seed)  # noqa: S311 - the same calls each time
        self.lock = threading.Lock()
        self.meeting: threading.Barrier | None = None
        self.open_count, self.most_open = 0, 0
        self._listings: dict[str, list[list[Any]]] = {}

    def answer(self, asked: Asked) -> Any:
        """Return the body of a good answer, or raise RefusedError."""
        raise NotImplementedError

    def spoil(self, body: Any) -> Any:
        """Return the body with a field of another type."""
        raise NotImplementedError

    def page(self, listing: str, rows: Sequence[Any], size: int, place: int) -> tuple[list[Any], int | None]:
        """Return a page of the rows and the place of the next page. None: it is the last.

        `listing` names what is listed: a fault of pages holds for the whole of one.
        """
        if listing not in self._listings or place == 0:
            pages = [list(rows[start : start + size]) for start in range(0, len(rows), size)] or [[]]
            self._listings[listing] = self._faulty(pages)
        pages = self._listings[listing]
        if place >= len(pages):
            raise RefusedError(400, "there is no such page")
        if isinstance(pages, _Circle):
            return pages[place], 1
        following = place + 1 if place + 1 < len(pages) else None
        return pages[place], following

    def _faulty(self, pages: list[list[Any]]) -> list[list[Any]]:
        fault = self.page_faults.pop(0) if self.page_faults else None
        if fault is Fault.REPEATED_PAGE:
            return [page for page in pages for _ in range(2)]
        if fault is Fault.OUT_OF_ORDER:
            return pages[::-1]
        if fault is Fault.ENDLESS_PAGES:
            return _Endless(pages)
        if fault is Fault.ENDLESS_CURSOR:
            return _Circle(pages)
        return pages


class _Endless(list[list[Any]]):
    """Pages after which the last one comes again for ever."""

    def __len__(self) -> int:
        return 1 << 30

    def __getitem__(self, place: Any) -> Any:
        return super().__getitem__(min(place, super().__len__() - 1))


class _Circle(_Endless):
    """Pages of which each says that the second is next."""


@dataclass
class VendorServer:
    """Serves a vendor on a port of its own."""

    vendor: Vendor
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"site": self}))
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
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers for the server that it is made for."""

    site: VendorServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each body waits 40 ms for the client to say that it has the headers

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 - its own clock
        return format_datetime((self.site.vendor.now + self.site.vendor.clock_ahead).replace(tzinfo=UTC), usegmt=True)

    def log_message(self, *_: Any) -> None:
        pass

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        params = parse_qs(parts.query, keep_blank_values=True)
        asked = Asked(method, parts.path, params, dict(self.headers), body)
        vendor = self.site.vendor
        with vendor.lock:
            vendor.open_count += 1
            vendor.most_open = max(vendor.most_open, vendor.open_count)
            meeting, vendor.meeting = vendor.meeting, None
        if meeting is not None:
            meeting.wait()
        try:
            self._send(*self._answer(asked))
        finally:
            with vendor.lock:
                vendor.open_count -= 1

    def _answer(self, asked: Asked) -> tuple[int, Any, Fault | None]:
        with self.site.vendor.lock:
            self.site.vendor.asked.append(asked)
            fault = self.site.vendor.faults.pop(0) if self.site.vendor.faults else None
            try:
                status, answer = 200, self.site.vendor.answer(asked)
            except RefusedError as error:
                status, answer = error.status, {"error": {"message": str(error)}}
            if fault is Fault.CHANGED_SCHEMA:
                answer = self.site.vendor.spoil(answer)
        return status, answer, fault

    def _send(self, status: int, answer: Any, fault: Fault | None) -> None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.close_connection = fault in BREAKING
        if fault is Fault.HANG:
            self.site.released.wait(60)
            return
        if fault is Fault.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        if fault in STATUSES:
            status, content = STATUSES[fault], b'{"error": {"message": "no"}}'
        self.send_response(status)
        for name, value in _headers(self.site.vendor, fault, len(content)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault in HALVES else content)


def _headers(vendor: Vendor, fault: Fault | None, size: int) -> dict[str, str]:
    told = {"Content-Type": "application/json"}
    if fault is Fault.TOO_MANY:
        told["Retry-After"] = vendor.retry_after
    if fault is Fault.REDIRECTED:
        told["Location"] = "http://127.0.0.1:9/elsewhere"
    return told | ({"Connection": "close"} if fault is Fault.HALF_CHUNKED else {"Content-Length": str(size)})
