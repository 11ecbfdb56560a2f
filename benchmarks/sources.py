"""How fast live sources are read: rows of an API beside json and Polars alone, and a backfill of five vendors.

The first part reads the same bodies over HTTP twice: as `sophia-metrics run` does (validated, identifiers hashed,
written to the spool, landed), and by json.loads, a Polars frame and a Parquet file a page.
The second reads spans of five vendors as a run does, whose limits are the same: memory should stay, and time be
bounded by the limits. The vendors are a process of their own: memory and CPU seconds are those of the reader alone.
Both readers of the first part read a day before they are measured, so that everything is imported.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta
from pathlib import Path
from time import perf_counter, process_time

import httpx
import polars as pl

from benchmarks.measure import Measured, finish_part, machine, run_part
from benchmarks.table import mebibytes, print_table, seconds, times
from benchmarks.vendor_servers import KEYS, NOW, serve
from flows.collect_usage import collect_source
from sophia_metrics.connect import connect_collector, connect_puller, connect_source, connect_warehouse
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.warehouse.protocol import Warehouse
from tasks.pulls import pulls_of

DAY = timedelta(days=1)
PARSE_DAYS = 28
LIMIT = 60_000
"""Requests a minute, of every vendor: as many as the settings take."""
FORMATS = {
    "openai": "openai_usage",
    "anthropic": "anthropic_usage",
    "gateway": "litellm_spend",
    "openrouter": "openrouter_activity",
    "langfuse": "langfuse_observations",
}


def main() -> None:
    """Measure and print, or run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as the last line, too")
    parser.add_argument("--backfill", type=int, nargs="*", default=[7, 21], help="days of each backfill")
    parser.add_argument("--limit", type=float, default=LIMIT, help="requests a minute to each vendor")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--days", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        PARTS[arguments.part](arguments.days, arguments.limit)
        return
    parsed = [run_part("benchmarks.sources", part) for part in ("bare", "ours")]
    limit = str(arguments.limit)
    filled = {
        days: run_part("benchmarks.sources", "backfill", "--days", str(days), "--limit", limit)
        for days in arguments.backfill
    }
    _print(parsed, filled, arguments.limit)
    if arguments.json:
        facts = {
            "machine": machine(),
            "rows_per_second": {each.part: each.facts["rows"] / each.seconds for each in parsed},
            "rows_per_cpu_second": {each.part: each.facts["rows"] / each.facts["cpu_seconds"] for each in parsed},
            "backfill": {
                days: {"seconds": each.seconds, "peak_bytes": each.peak_bytes, **each.facts}
                for days, each in filled.items()
            },
        }
        print(json.dumps(facts))


def _print(parsed: list[Measured], filled: dict[int, Measured], limit: float) -> None:
    walls = [each.facts["rows"] / each.seconds for each in parsed]
    cpus = [each.facts["rows"] / each.facts["cpu_seconds"] for each in parsed]
    rows = [
        (name, f"{wall:,.0f}", times(wall / walls[0]), f"{cpu:,.0f}", times(cpu / cpus[0]), mebibytes(each.peak_bytes))
        for name, wall, cpu, each in zip(("json, Polars, Parquet", "sophia-metrics"), walls, cpus, parsed, strict=True)
    ]
    print_table(
        f"{parsed[0].facts['rows']:,} rows of OpenAI's usage over HTTP, whose server is another process",
        ("read by", "rows/s", "of bare", "rows per CPU second", "of bare", "peak"),
        rows,
    )
    print_table(
        f"Backfill of five vendors in another process, {limit:,g} requests a minute to each",
        ("days", "requests", "least one by one", "least side by side", "took", "rows", "CPU", "peak"),
        [
            (
                str(days),
                f"{each.facts['requests']:,}",
                seconds(each.facts["requests"] * 60 / limit),
                seconds(each.facts["most_requests"] * 60 / limit),
                seconds(each.seconds),
                f"{each.facts['rows']:,}",
                seconds(each.facts["cpu_seconds"]),
                mebibytes(each.peak_bytes),
            )
            for days, each in filled.items()
        ],
    )


def _bare(*_: float) -> None:
    starts = [int((NOW - number * DAY).replace(tzinfo=UTC).timestamp()) for number in range(PARSE_DAYS, 0, -1)]
    with serve("usage", PARSE_DAYS) as served, tempfile.TemporaryDirectory() as folder, httpx.Client() as client:
        _read_barely(client, served.urls["openai"], starts[0], Path(folder))
        started, busy = perf_counter(), process_time()
        rows = sum(_read_barely(client, served.urls["openai"], start, Path(folder)) for start in starts)
        finish_part("bare", perf_counter() - started, {"rows": rows, "cpu_seconds": process_time() - busy})


def _read_barely(client: httpx.Client, url: str, start: int, folder: Path) -> int:
    answer = client.get(f"{url}/usage", params={"start_time": start, "end_time": start + 86_400})
    flat = [
        {"start_time": bucket["start_time"], **result}
        for bucket in json.loads(answer.content)["data"]
        for result in bucket["results"]
    ]
    frame = pl.DataFrame(flat)
    frame.write_parquet(folder / f"{start}.parquet")
    return frame.height


def _ours(*_: float) -> None:
    os.environ.update(KEYS)
    with serve("usage", PARSE_DAYS) as served, tempfile.TemporaryDirectory() as folder:
        kinds = 'kinds = ["completions"]'
        url = {"openai": f"{served.urls['openai']}/v1"}
        for name, days in (("first", 1), ("whole", PARSE_DAYS)):
            settings = _settings(Path(folder) / name, url, days, kinds)
            warehouse = connect_warehouse(settings, NOW)
            started, busy = perf_counter(), process_time()
            rows = _land(settings, warehouse)
        finish_part("ours", perf_counter() - started, {"rows": rows, "cpu_seconds": process_time() - busy})


def _backfill(days: int, limit: float) -> None:
    os.environ.update(KEYS)
    with serve("vendors", days) as served, tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder) / "state", served.urls, days, limit=limit)
        started, busy = perf_counter(), process_time()
        with pulls_of(settings, settings.sources, NOW) as pulls:
            collected = [collect_source(pulls, each) for each in settings.sources]
        took = perf_counter() - started
        if refused := [each.refused for each in collected if each.refused]:
            raise SystemExit(f"not everything was read: {refused}")
        asked = served.count().values()
        facts = {
            "rows": sum(each.counts.read for each in collected),
            "cpu_seconds": process_time() - busy,
            "requests": sum(asked),
            "most_requests": max(asked),
        }
        finish_part("backfill", took, facts)


def _settings(folder: Path, urls: Mapping[str, str], days: int, more: str = "", limit: float = LIMIT) -> Settings:
    since = (NOW - days * DAY).date().isoformat()
    lines: list[str] = []
    for name, url in urls.items():
        lines += ["[[sources]]", f'name = "{name}"', f'format = "{FORMATS[name]}"', "[sources.api]"]
        lines += [f'base_url = "{url}"', f'since = "{since}"', f"requests_per_minute = {limit}", more]
    folder.mkdir()
    (folder / "sophia.toml").write_text("\n".join(lines))
    return load_settings(folder)


def _land(settings: Settings, warehouse: Warehouse) -> int:
    """Pull and land every source, and commit nothing; return how many rows were landed."""
    rows = 0
    collector = connect_collector(settings, warehouse)
    for each in settings.sources:
        pulled = connect_puller(settings, each, warehouse, Clock.starting(NOW)).pull(NOW)
        if pulled.finding is not None:
            raise SystemExit(pulled.finding)
        source = connect_source(each)
        for batch in collector.find(source, NOW).batches:
            rows += sum(landing.row_count for landing in collector.land(source, batch, NOW).landings)
    return rows


PARTS: dict[str, Callable[[int, float], None]] = {"bare": _bare, "ours": _ours, "backfill": _backfill}

if __name__ == "__main__":
    main()
