"""The whole way beside the engine's limit and beside a pricing loop: `uv run python -m benchmarks.ingest`.

Parts, each a process of its own over the same file of LiteLLM spend logs:

    read_json    DuckDB's bare read_json with explicit types, into a table of the columns that we keep
    whole_way    find, land, gate, price, commit, build the marts, publish
    calc_price   genai-prices' calc_price in a loop, on the first 100,000 rows, scaled to all of them
"""

import argparse
import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb
from genai_prices import Usage, calc_price
from rich.console import Console
from rich.table import Table

from benchmarks.litellm_rows import write_rows
from benchmarks.measure import Measured, finish_part, machine, run_part
from sophia_metrics.connect import connect_collector, connect_source, connect_warehouse
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.registry import find_format

MODULE = "benchmarks.ingest"
NOW = datetime(2026, 11, 1)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
LOOP_ROWS = 100_000
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}


def read_json(path: Path) -> None:
    """Load the file with nothing else done."""
    types = ", ".join(f"'{key}': '{kind}'" for key, kind in find_format("litellm").file_types.items())
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    started = perf_counter()
    connection.execute(
        f"CREATE TABLE kept AS SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{{types}}})"
    )
    seconds = started
    rows = connection.execute("SELECT count(*) FROM kept").fetchone()
    finish_part("read_json", seconds, {"rows": rows[0] if rows else None})


def whole_way(path: Path, home: Path) -> None:
    """Run every step of the pipeline, to the published version."""
    settings = Settings(home=home)
    source = connect_source(SourceSettings(name="litellm", format="litellm", paths=(str(path),)))
    started = perf_counter()
    steps: dict[str, float] = {}
    warehouse = connect_warehouse(settings, NOW)
    collector = connect_collector(settings, warehouse)
    for batch in collector.find(source).batches:
        before = perf_counter()
        landing = collector.land(source, batch, NOW)
        landed = perf_counter()
        collector.commit(source, landing, NOW)
        steps["land"] = steps.get("land", 0.0) + landed - before
        steps["gate, price, commit"] = steps.get("gate, price, commit", 0.0) + perf_counter() - landed
    before = perf_counter()
    warehouse.build()
    steps["marts"] = perf_counter() - before
    before = perf_counter()
    warehouse.publish(NOW)
    steps["publish"] = perf_counter() - before
    finish_part("whole_way", started, {"steps": steps, **_figures(home)})


def _figures(home: Path) -> dict[str, Any]:
    figures = Serving(home).query(
        "SELECT CAST(sum(request_count) AS BIGINT) AS n, sum(cost_usd) AS usd FROM mart_cost_daily"
    )
    size = sum(path.stat().st_size for path in (home / "core").rglob("*.parquet"))
    return {"rows": figures["n"].item(), "spend_usd": str(figures["usd"].item()), "core_bytes": size}


def pricing_loop(path: Path, rows: int) -> None:
    """Price row by row, as a script would; reading and parsing the lines is not counted."""
    with path.open(encoding="utf-8") as file:
        calls = [json.loads(line) for line in islice(file, LOOP_ROWS)]
    started = perf_counter()
    total = Decimal(0)
    for call in calls:
        usage = Usage(
            input_tokens=call["prompt_tokens"],
            cache_read_tokens=call["metadata"]["usage_object"]["prompt_tokens_details"]["cached_tokens"],
            output_tokens=call["completion_tokens"],
        )
        total += calc_price(
            usage,
            call["model"],
            provider_id=PROVIDERS[call["custom_llm_provider"]],
            genai_request_timestamp=datetime.fromisoformat(call["startTime"]).astimezone(UTC),
        ).total_price
    facts = {"rows": len(calls), "scale": rows / len(calls), "list_usd": str(total)}
    finish_part("calc_price", started, facts)


def show(parts: dict[str, Measured], rows: int, file_bytes: int) -> dict[str, Any]:
    """Print the table, and return the same facts."""
    bare = parts["read_json"]
    whole = parts["whole_way"]
    loop = parts["calc_price"]
    loop_seconds = loop.seconds * loop.facts["scale"]
    table = Table(title=f"{rows:,} LiteLLM rows ({file_bytes / 1e6:,.0f} MB), {machine()}")
    for heading in ("part", "seconds", "peak memory", "beside read_json", "beside the whole way"):
        table.add_column(heading, justify="left" if heading == "part" else "right")
    for name, seconds, peak in (
        ("read_json alone", bare.seconds, bare.peak_bytes),
        ("the whole way", whole.seconds, whole.peak_bytes),
        (f"calc_price loop, scaled from {loop.facts['rows']:,} rows", loop_seconds, loop.peak_bytes),
    ):
        table.add_row(
            name,
            f"{seconds:,.2f}",
            f"{peak / 2**20:,.0f} MiB",
            f"{seconds / bare.seconds:.1f} ×",
            f"{seconds / whole.seconds:.1f} ×",
        )
    console = Console()
    console.print(table)
    for step, seconds in whole.facts["steps"].items():
        console.print(f"  {step:<22}{seconds:6.2f} s")
    console.print(f"  core: {whole.facts['core_bytes'] / rows:.0f} bytes a row; spend {whole.facts['spend_usd']} USD")
    return {
        "machine": machine(),
        "rows": rows,
        "read_json_seconds": bare.seconds,
        "whole_way_seconds": whole.seconds,
        "calc_price_seconds": loop_seconds,
        "whole_way_ratio": whole.seconds / bare.seconds,
        "calc_price_ratio": loop_seconds / whole.seconds,
        "steps": whole.facts["steps"],
        "peak_bytes": {name: part.peak_bytes for name, part in parts.items()},
        "core_bytes_per_row": whole.facts["core_bytes"] / rows,
    }


def warm(path: Path) -> None:
    """Bring the file into the page cache, so that every part finds it there."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def main() -> None:
    """Make the rows, run each part in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--part", choices=["read_json", "whole_way", "calc_price"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "read_json":
        return read_json(arguments.file)
    if arguments.part == "whole_way":
        return whole_way(arguments.file, arguments.home)
    if arguments.part == "calc_price":
        return pricing_loop(arguments.file, arguments.rows)
    with TemporaryDirectory(prefix="sophia-benchmark-") as folder:
        path = Path(folder) / "calls.jsonl"
        write_rows(path, arguments.rows)
        warm(path)
        common = ("--file", str(path), "--rows", str(arguments.rows))
        parts = {
            "read_json": run_part(MODULE, "read_json", *common),
            "whole_way": run_part(MODULE, "whole_way", *common, "--home", str(Path(folder) / "state")),
            "calc_price": run_part(MODULE, "calc_price", *common),
        }
        facts = show(parts, arguments.rows, path.stat().st_size)
    if arguments.json:
        print(json.dumps(facts))
    return None


if __name__ == "__main__":
    main()
