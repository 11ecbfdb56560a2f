"""Five small services, each with a health endpoint of one of the platform's shapes, that can be broken and mended."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

__all__ = ["SmallService", "five_services", "listening"]


def _with_components(name: str, *, is_broken: bool) -> dict[str, Any]:
    status = "critical" if is_broken else "healthy"
    return {
        "server": name,
        "version": "1.4.2",
        "status": status,
        "timestamp": datetime.now(UTC).isoformat(),
        "components": {"index": {"status": status, "response_time_ms": 3.2, "error_message": None}},
    }


def _with_capabilities(name: str, *, is_broken: bool) -> dict[str, Any]:
    return {
        "status": "unhealthy" if is_broken else "operational",
        "server_name": name,
        "uptime_seconds": 4321,
        "capabilities": ["search"],
        "errors": ["the index is gone"] if is_broken else [],
        "warnings": [],
    }


def _plain(_name: str, *, is_broken: bool) -> dict[str, Any]:
    return {"status": "down" if is_broken else "ok"}


SHAPES = {
    "ai_memory": _with_components,
    "codacy": _with_capabilities,
    "github": _plain,
    "gong": _with_components,
    "snowflake_cortex": _with_capabilities,
}


@dataclass(frozen=True)
class SmallService:
    """A service on loopback; while `broken` is set it answers 200 with the body of an unhealthy one."""

    name: str
    port: int
    broken: Event

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/health"


@contextmanager
def five_services() -> Iterator[dict[str, SmallService]]:
    """Start the services, each on a free port, and stop them."""
    with ExitStack() as stack:
        services: dict[str, SmallService] = {}
        for name, shape in SHAPES.items():
            broken = Event()
            port = stack.enter_context(listening(_handler(name, shape, broken)))
            services[name] = SmallService(name, port, broken)
        yield services


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve on a free loopback port; yield the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _handler(name: str, shape: Callable[..., dict[str, Any]], broken: Event) -> type[BaseHTTPRequestHandler]:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(shape(name, is_broken=broken.is_set())).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Health
