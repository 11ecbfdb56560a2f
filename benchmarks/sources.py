"""How fast live sources are read: rows of an API beside json and Polars alone, and a backfill of five vendors.

The first part reads the same bodies over HTTP twice: as `sophia-metrics run` does (validated, identifiers hashed,
written to the spool, landed), and by json.loads, a Polars frame and a Parquet file a page. The second reads two spans
of five vendors, whose limits are the same: memory should stay, and time be bounded by the limits.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import polars as pl

from benchmarks.measure import Measured, finish_part, machine, run_part
from benchmarks.table import mebibytes, print_table, seconds, times
from sophia_metrics.connect import connect_collector, connect_puller, connect_source, connect_warehouse
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.sources.live.clock import Clock
from tests.vendors import anthropic, langfuse, litellm, openai, openrouter
from tests.vendors.server import Vendor, VendorServer

NOW = datetime(2026, 11, 20)  # noqa: DTZ001 - naive UTC
DAY = timedelta(days=1)
ROWS_A_DAY = 10_000
PARSE_DAYS = 28
LIMIT = 3_000
"""Requests a minute, of every vendor of the backfill."""
KEYS = {
    "OPENAI_ADMIN_KEY": openai.KEY,
    "ANTHROPIC_ADMIN_KEY": anthropic.KEY,
    "LITELLM_API_KEY": litellm.KEY,
    "OPENROUTER_MANAGEMENT_KEY": openrouter.MANAGEMENT_KEY,
    "LANGFUSE_PUBLIC_KEY": langfuse.PUBLIC,
    "LANGFUSE_SECRET_KEY": langfuse.SECRET,
}


def main() -> None:
    """Measure and print, or run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as the last line, too")
    parser.add_argument("--backfill", type=int, nargs=2, default=[7, 21], help="days of the two backfills")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--days", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        PARTS[arguments.part](arguments.days)
        return
    parsed = [run_part("benchmarks.sources", part) for part in ("bare", "ours")]
    filled = {days: run_part("benchmarks.sources", "backfill", "--days", str(days)) for days in arguments.backfill}
    _print(parsed, filled)
    if arguments.json:
        facts = {
            "machine": machine(),
            "rows_per_second": {each.part: each.facts["rows"] / each.seconds for each in parsed},
            "backfill": {
                days: {"seconds": each.seconds, "peak_bytes": each.peak_bytes, **each.facts}
                for days, each in filled.items()
            },
        }
        print(json.dumps(facts))


def _print(parsed: list[Measured], filled: dict[int, Measured]) -> None:
    bare, ours = (each.facts["rows"] / each.seconds for each in parsed)
    rows = [
        (name, f"{rate:,.0f}", times(rate / bare), mebibytes(each.peak_bytes))
        for name, rate, each in (("json, Polars, Parquet", bare, parsed[0]), ("sophia-metrics", ours, parsed[1]))
    ]
    print_table(
        f"{parsed[0].facts['rows']:,} rows of OpenAI's usage over HTTP, on one core and its server's",
        ("read by", "rows/s", "of bare", "peak"),
        rows,
    )
    print_table(
        f"Backfill of five vendors at {LIMIT:,} requests a minute each, one after the other",
        ("days", "requests", "least by the limits", "took", "rows", "peak"),
        [
            (
                str(days),
                f"{each.facts['requests']:,}",
                seconds(each.facts["requests"] * 60 / LIMIT),
                seconds(each.seconds),
                f"{each.facts['rows']:,}",
                mebibytes(each.peak_bytes),
            )
            for days, each in filled.items()
        ],
    )


class _Usage(BaseHTTPRequestHandler):
    """Gives a day of buckets a page, of bytes that are made beforehand."""

    protocol_version = "HTTP/1.1"
    pages: dict[int, bytes]

    def do_GET(self) -> None:
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


LAST = '"has_more":false,"next_page":null}'


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


def _serve_usage(stack: ExitStack) -> tuple[str, list[int]]:
    first = NOW - PARSE_DAYS * DAY
    starts = [int((first + number * DAY).replace(tzinfo=UTC).timestamp()) for number in range(PARSE_DAYS)]
    handler = type("Usage", (_Usage,), {"pages": {start: _page(start) for start in starts}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_address[1]}", starts


def _bare(_: int) -> None:
    with ExitStack() as stack:
        url, starts = _serve_usage(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        client = stack.enter_context(httpx.Client())
        started, rows = perf_counter(), 0
        for start in starts:
            answer = client.get(f"{url}/usage", params={"start_time": start, "end_time": start + 86_400})
            flat = [
                {"start_time": bucket["start_time"], **result}
                for bucket in json.loads(answer.content)["data"]
                for result in bucket["results"]
            ]
            frame = pl.DataFrame(flat)
            frame.write_parquet(folder / f"{start}.parquet")
            rows += frame.height
        finish_part("bare", perf_counter() - started, {"rows": rows})


def _ours(_: int) -> None:
    os.environ.update(KEYS)
    with ExitStack() as stack:
        url, _starts = _serve_usage(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source = ("openai", "openai_usage", f"{url}/v1", 'kinds = ["completions"]')
        settings = _settings(folder, [source], PARSE_DAYS, 60_000)
        started = perf_counter()
        rows = _read(settings, is_committed=False)
        finish_part("ours", perf_counter() - started, {"rows": rows})


def _backfill(days: int) -> None:
    os.environ.update(KEYS)
    vendors: dict[str, tuple[Vendor, str, str]] = {
        "openai": (openai.OpenAI(), "openai_usage", "/v1"),
        "anthropic": (anthropic.Anthropic(), "anthropic_usage", "/v1/organizations"),
        "gateway": (litellm.LiteLLM(), "litellm_spend", ""),
        "openrouter": (openrouter.OpenRouter(), "openrouter_activity", "/api/v1"),
        "langfuse": (langfuse.Langfuse(), "langfuse_observations", ""),
    }
    with ExitStack() as stack:
        sources: list[tuple[str, str, str, str]] = []
        for name, (vendor, form, path) in vendors.items():
            vendor.now = NOW
            vendor.use(NOW - days * DAY, hours=days * 24, calls_an_hour=1)  # pyright: ignore[reportAttributeAccessIssue] - each has it
            sources.append((name, form, stack.enter_context(VendorServer(vendor)).url + path, ""))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = _settings(folder, sources, days, LIMIT)
        started = perf_counter()
        rows = _read(settings, is_committed=True)
        took = perf_counter() - started
        requests = sum(len(vendor.asked) for vendor, _, _ in vendors.values())
        finish_part("backfill", took, {"rows": rows, "requests": requests})


def _settings(folder: Path, sources: list[tuple[str, str, str, str]], days: int, limit: int) -> Settings:
    since = (NOW - days * DAY).date().isoformat()
    lines: list[str] = []
    for name, form, url, more in sources:
        lines += ["[[sources]]", f'name = "{name}"', f'format = "{form}"', "[sources.api]", f'base_url = "{url}"']
        lines += [f'since = "{since}"', f"requests_per_minute = {limit}", more]
    (folder / "sophia.toml").write_text("\n".join(lines))
    return load_settings(folder)


def _read(settings: Settings, *, is_committed: bool) -> int:
    """Pull and land every source, and commit it where that is wanted; return how many rows were landed."""
    rows = 0
    warehouse = connect_warehouse(settings, NOW)
    collector = connect_collector(settings, warehouse)
    for each in settings.sources:
        pulled = connect_puller(settings, each, warehouse, Clock.starting(NOW)).pull(NOW)
        if pulled.finding is not None:
            raise SystemExit(pulled.finding)
        source = connect_source(each)
        for batch in collector.find(source, NOW).batches:
            for landing in collector.land(source, batch, NOW).landings:
                rows += landing.row_count
                if is_committed:
                    collector.commit(source, landing, NOW)
    return rows


PARTS: dict[str, Callable[[int], None]] = {"bare": _bare, "ours": _ours, "backfill": _backfill}

if __name__ == "__main__":
    main()
