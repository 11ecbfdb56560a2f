"""The vendors that benchmarks/sources.py reads, in a process of their own: what they hold and take is not ours.

The process prints where they listen, as a line of JSON, and serves. For every line that it is sent it prints how many
requests have come in to each; it ends when there are no more lines.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.vendors import anthropic, langfuse, litellm, openai, openrouter
from tests.vendors.server import Vendor, VendorServer

__all__ = ["KEYS", "NOW", "Served", "serve"]

NOW = datetime(2026, 11, 20)  # noqa: DTZ001 - naive UTC
DAY = timedelta(days=1)
Count = Callable[[], Mapping[str, int]]
ROWS_A_DAY = 10_000
KEYS = {
    "OPENAI_ADMIN_KEY": openai.KEY,
    "ANTHROPIC_ADMIN_KEY": anthropic.KEY,
    "LITELLM_API_KEY": litellm.KEY,
    "OPENROUTER_MANAGEMENT_KEY": openrouter.MANAGEMENT_KEY,
    "LANGFUSE_PUBLIC_KEY": langfuse.PUBLIC,
    "LANGFUSE_SECRET_KEY": langfuse.SECRET,
}
LAST = '"has_more":false,"next_page":null}'


@dataclass(frozen=True, slots=True)
class Served:
    """Vendors that run.

    Attributes:
        urls: where each of them is.
        count: returns how many requests have come in, by vendor.
    """

    urls: Mapping[str, str]
    count: Count


@contextmanager
def serve(kind: str, days: int) -> Generator[Served]:
    """Start the vendors with so many days of usage before NOW; they end with the block.

    Args:
        kind: `usage`, one endpoint with 10,000 rows a day, or `vendors`, five with a call an hour each.
        days: how many.
    """
    command = [sys.executable, "-m", "benchmarks.vendor_servers", kind, str(days)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        lines, answers = process.stdin, process.stdout
        if lines is None or answers is None:
            raise SystemExit("the vendors have no pipes")

        def count() -> Mapping[str, int]:
            lines.write("\n")
            lines.flush()
            return json.loads(answers.readline())

        yield Served(json.loads(answers.readline()), count)
        lines.close()


def main() -> None:
    """Serve until nobody asks any more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("days", type=int)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        urls, count = KINDS[arguments.kind](stack, arguments.days)
        print(json.dumps(urls), flush=True)
        for _ in sys.stdin:
            print(json.dumps(count()), flush=True)


def _vendors(stack: ExitStack, days: int) -> tuple[dict[str, str], Count]:
    vendors: dict[str, tuple[Vendor, str]] = {
        "openai": (openai.OpenAI(), "/v1"),
        "anthropic": (anthropic.Anthropic(), "/v1/organizations"),
        "gateway": (litellm.LiteLLM(), ""),
        "openrouter": (openrouter.OpenRouter(), "/api/v1"),
        "langfuse": (langfuse.Langfuse(), ""),
    }
    urls: dict[str, str] = {}
    for name, (vendor, path) in vendors.items():
        vendor.now = NOW
        vendor.use(NOW - days * DAY, hours=days * 24, calls_an_hour=1)  # pyright: ignore[reportAttributeAccessIssue] - each has it
        urls[name] = stack.enter_context(VendorServer(vendor)).url + path
    return urls, lambda: {name: len(vendor.asked) for name, (vendor, _) in vendors.items()}


class _Usage(BaseHTTPRequestHandler):
    """Gives a day of buckets a page, of bytes that are made beforehand."""

    protocol_version = "HTTP/1.1"
    pages: dict[int, bytes]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        params = parse_qs(urlsplit(self.path).query)
        start, end = int(params["start_time"][0]), int(params["end_time"][0])
        day = start + int(params.get("page", ["0"])[0]) * 86_400
        following = day + 86_400
        tail = f'"has_more":true,"next_page":"{(following - start) // 86_400}"}}' if following < end else LAST
        content = self.pages[day] + tail.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the names of the standard library
        """Say nothing."""


def _usage(stack: ExitStack, days: int) -> tuple[dict[str, str], Count]:
    starts = [int((NOW - number * DAY).replace(tzinfo=UTC).timestamp()) for number in range(1, days + 1)]
    asked: list[str] = []
    handler = type("Usage", (_Usage,), {"pages": {start: _page(start) for start in starts}, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    return {"openai": f"http://127.0.0.1:{server.server_address[1]}"}, lambda: {"openai": len(asked)}


def _page(start: int) -> bytes:
    groups = ROWS_A_DAY // 24
    buckets = [
        {
            "object": "bucket",
            "start_time": start + hour * 3600,
            "end_time": start + hour * 3600 + 3600,
            "results": [_result(hour * groups + number) for number in range(groups)],
        }
        for hour in range(24)
    ]
    return json.dumps({"object": "page", "data": buckets})[:-1].encode() + b","


def _result(number: int) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": 1000 + number,
        "input_cached_tokens": number % 700,
        "input_cache_write_tokens": 0,
        "input_uncached_tokens": 1000 + number - number % 700,
        "output_tokens": 500 + number % 90,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": 5,
        "project_id": f"proj_{number % 7}",
        "user_id": f"user-{number % 500}",
        "api_key_id": f"key_{number % 50}",
        "model": "gpt-4o-mini-2024-07-18",
        "batch": False,
        "service_tier": "default",
    }


KINDS: dict[str, Callable[[ExitStack, int], tuple[dict[str, str], Count]]] = {
    "usage": _usage,
    "vendors": _vendors,
}

if __name__ == "__main__":
    main()
