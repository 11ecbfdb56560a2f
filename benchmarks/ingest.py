"""The whole way beside the engine's limit, a pricing loop and its peers: `uv run python -m benchmarks.ingest`.

Parts, each a process of its own over the same file of LiteLLM spend logs:

    read_json    DuckDB's bare read_json with explicit types, into a table of the columns that we keep
    whole_way    find, land, gate, price, commit, build the marts, publish
    calc_price   genai-prices' calc_price in a loop, on the first 100,000 rows, scaled to all of them
    pandas       read_json(lines=True) and a sum by day and model (up to 1 million rows)
    dlt          the file merged into a DuckDB table by request_id (up to 1 million rows)

The peers come from the dependency group `benchmarks`, in an environment of their own.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb
from genai_prices import Usage, calc_price

from benchmarks.litellm_rows import Calls, write_calls
from benchmarks.measure import Measured, finish_part, machine, run_part, run_peer, warm
from benchmarks.table import mebibytes, print_table, seconds, times
from benchmarks.whole_way import go
from sophia_metrics.serving import Serving
from sophia_metrics.settings import SourceSettings
from sophia_metrics.sources.registry import find_format

MODULE = "benchmarks.ingest"
NOW = datetime(2026, 11, 1)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
FIRST_DAY, DAYS = date(2026, 10, 1), 30
LOOP_ROWS = 100_000
PEER_ROWS = 1_000_000
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}
LABELS = {
    "read_json": "read_json alone",
    "whole_way": "the whole way",
    "calc_price": "calc_price loop, scaled",
    "pandas": "pandas, a daily sum",
    "dlt": "dlt, merged into DuckDB",
}
FIGURES = "SELECT CAST(sum(request_count) AS BIGINT) AS n, sum(cost_usd) AS usd FROM mart_cost_daily"


def read_json(path: Path) -> None:
    """Load the file with nothing else done."""
    types = ", ".join(f"'{key}': '{kind}'" for key, kind in find_format("litellm").file_types.items())
    reader = f"read_json('{path}', format = 'newline_delimited', columns = {{{types}}})"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        started = perf_counter()
        connection.execute(f"CREATE TABLE kept AS SELECT * FROM {reader}")
        took = perf_counter() - started
        rows = connection.execute("SELECT count(*) FROM kept").fetchone()
    finish_part("read_json", took, {"rows": rows[0] if rows else None})


def whole_way(path: Path, home: Path) -> None:
    """Run every step of the pipeline, to the published version."""
    way = go(home, SourceSettings(name="litellm", format="litellm", paths=(str(path),)), NOW)
    figures = Serving(home).query(FIGURES)
    size = sum(file.stat().st_size for file in (home / "core").rglob("*.parquet"))
    facts = {"rows": figures["n"].item(), "spend_usd": str(figures["usd"].item()), "core_bytes": size}
    finish_part("whole_way", way.seconds, way.facts | facts)


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
    scale = rows / len(calls)
    facts = {"rows": rows, "looped_rows": len(calls), "list_usd": str(total)}
    finish_part("calc_price", (perf_counter() - started) * scale, facts)


def run_parts(path: Path, rows: int, folder: Path) -> Iterator[Measured]:
    """Run each part in turn."""
    common = ("--file", str(path), "--rows", str(rows))
    yield run_part(MODULE, "read_json", *common)
    yield run_part(MODULE, "whole_way", *common, "--home", str(folder / "state"))
    yield run_part(MODULE, "calc_price", *common)
    if rows <= PEER_ROWS:
        yield run_peer("benchmarks.peers", "pandas", "--file", str(path))
        yield run_peer("benchmarks.peers", "dlt", "--file", str(path), "--folder", str(folder / "dlt"))


def show(parts: dict[str, Measured], rows: int, file_bytes: int) -> dict[str, Any]:
    """Print the table, and return the same facts."""
    bare, whole = parts["read_json"], parts["whole_way"]
    print_table(
        f"{rows:,} LiteLLM rows ({file_bytes / 1e6:,.0f} MB), {machine()}",
        ("part", "rows", "seconds", "peak memory", "beside read_json", "beside the whole way"),
        (
            (
                LABELS[name],
                f"{part.facts['rows']:,}",
                seconds(part.seconds),
                mebibytes(part.peak_bytes),
                times(part.seconds / bare.seconds),
                times(part.seconds / whole.seconds),
            )
            for name, part in parts.items()
        ),
    )
    for step, took in whole.facts["steps"].items():
        print(f"  {step:<22}{seconds(took):>10}")
    print(f"  core: {whole.facts['core_bytes'] / rows:.1f} bytes a row; spend {whole.facts['spend_usd']} USD")
    return {
        "machine": machine(),
        "rows": rows,
        "file_bytes": file_bytes,
        "seconds": {name: part.seconds for name, part in parts.items()},
        "peak_bytes": {name: part.peak_bytes for name, part in parts.items()},
        "beside_read_json": {name: part.seconds / bare.seconds for name, part in parts.items()},
        "beside_whole_way": {name: part.seconds / whole.seconds for name, part in parts.items()},
        "versions": {name: part.facts["version"] for name, part in parts.items() if "version" in part.facts},
        "steps": whole.facts["steps"],
        "core_bytes_per_row": whole.facts["core_bytes"] / rows,
        "spend_usd": whole.facts["spend_usd"],
    }


def check_rows(parts: dict[str, Measured], rows: int) -> None:
    """Refuse to compare parts that did not see the same rows."""
    for part in parts.values():
        if part.facts["rows"] != rows:
            raise SystemExit(f"{part.part} has {part.facts['rows']:,} rows of {rows:,}: {part.facts}")


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
        write_calls(path, Calls(arguments.rows, FIRST_DAY, DAYS))
        warm(path)
        parts = {part.part: part for part in run_parts(path, arguments.rows, Path(folder))}
        facts = show(parts, arguments.rows, path.stat().st_size)
    check_rows(parts, arguments.rows)
    if arguments.json:
        print(json.dumps(facts))
    return None


if __name__ == "__main__":
    main()
