"""A webhook that records what it is told, and answers 500 to the first message that it ever gets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any

from tests.story.services import listening

__all__ = ["SECRET", "Webhook", "recording_webhook"]

SECRET = "the key of the story"  # noqa: S105 - of a webhook that lives for minutes


@dataclass
class Webhook:
    """What has arrived: headers and body of each message, in order, and how it was answered."""

    port: int = 0
    received: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """The messages that were answered well."""
        with self.lock:
            return [json.loads(body) for status, _, body in self.received if status == 200]


@contextmanager
def recording_webhook() -> Iterator[Webhook]:
    webhook = Webhook()

    class Recorder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with webhook.lock:
                status = 200 if webhook.received else 500
                webhook.received.append((status, dict(self.headers.items()), body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with listening(Recorder) as port:
        webhook.port = port
        yield webhook
