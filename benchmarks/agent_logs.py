"""Claude Code's session logs beside ccusage: `uv run python -m benchmarks.agent_logs`.

Parts, each a process of its own over the same 20,000 files (2 GB), which are made for it:

    ccusage        the newest from npm: `ccusage claude daily --offline --json`
    first          our first run: find, land, gate, price, commit, build the marts, publish
    second         our second run, with nothing new
    ccusage_grown  ccusage, after 1 % of the files have grown
    grown          our run after that

All of them must come to the tokens that the log was made of, by day and by class. Where the two differ on other logs
is what `python -m benchmarks.agent_cases` shows. --folder keeps the log and ccusage for the next run.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks import ccusage, claude_logs
from benchmarks.claude_logs import CLASSES, Log, Totals
from benchmarks.measure import Measured, finish_part, machine, run_part, warm
from benchmarks.table import mebibytes, print_table, seconds, times
from benchmarks.whole_way import go
from sophia_metrics.serving import Serving
from sophia_metrics.settings import SourceSettings

MODULE = "benchmarks.agent_logs"
NOW = claude_logs.END
LABELS = {
    "ccusage": "ccusage",
    "first": "our first run",
    "second": "our second run, nothing new",
    "ccusage_grown": "ccusage, 1 % of the files grown",
    "grown": "our run, 1 % of the files grown",
}
BESIDE = {name: "ccusage_grown" if name.endswith("grown") else "ccusage" for name in LABELS}
TOKENS = """
SELECT
    CAST(usage_on AS VARCHAR) AS usage_on,
    CAST(sum(input_tokens) AS BIGINT) AS "input",
    CAST(sum(output_tokens) AS BIGINT) AS output,
    CAST(sum(cache_read_tokens) AS BIGINT) AS cache_read,
    CAST(sum(cache_write_5m_tokens + cache_write_1h_tokens) AS BIGINT) AS cache_write
FROM core_usage_events
GROUP BY usage_on
ORDER BY usage_on
"""


def run_ccusage(command: Path, root: Path) -> None:
    """Let ccusage read the log."""
    started = perf_counter()
    daily = ccusage.read_daily(command, root)
    finish_part("ccusage", perf_counter() - started, {"daily": daily})


def run_ours(home: Path, root: Path, hours: int) -> None:
    """Go the whole way, so many hours after the first run."""
    source = SourceSettings(name="claude", format="claude", paths=(str(root / "projects"),))
    way = go(home, source, NOW + timedelta(hours=hours))
    finish_part("ours", way.seconds, way.facts | {"daily": read_ours(home)})


def read_ours(home: Path) -> Totals:
    """Return the tokens of the published version by UTC day and class."""
    rows = Serving(home).query(TOKENS).rows(named=True)
    return {row["usage_on"]: {name: row[name] for name in CLASSES} for row in rows}


def run_parts(log: Log, command: Path, home: Path) -> Iterator[tuple[str, Measured]]:
    """Run each part in turn; the log grows before the last two."""
    theirs = ("--command", str(command), "--root", str(log.root))
    ours = ("--home", str(home), "--root", str(log.root))
    yield "ccusage", run_part(MODULE, "ccusage", *theirs)
    yield "first", run_part(MODULE, "ours", *ours)
    yield "second", run_part(MODULE, "ours", *ours, "--hours", "1")
    claude_logs.grow(log)
    yield "ccusage_grown", run_part(MODULE, "ccusage", *theirs)
    yield "grown", run_part(MODULE, "ours", *ours, "--hours", "2")


def differences(daily: Totals, truth: Totals) -> list[str]:
    """Say on which days and in which classes the tokens are not those that the log was made of."""
    none = dict.fromkeys(CLASSES, 0)
    return [
        f"{day} {name}: {found:,} instead of {right:,}"
        for day in sorted(daily.keys() | truth.keys())
        for name in CLASSES
        if (found := daily.get(day, none)[name]) != (right := truth.get(day, none)[name])
    ]


def show(parts: dict[str, Measured], wrong: dict[str, list[str]], title: str) -> dict[str, Any]:
    """Print the table, and return the same facts."""
    ratios = {name: part.seconds / parts[BESIDE[name]].seconds for name, part in parts.items()}
    print_table(
        f"{title}, {machine()}",
        ("part", "seconds", "peak memory", "beside ccusage", "tokens by day and class"),
        (
            (
                LABELS[name],
                seconds(part.seconds),
                mebibytes(part.peak_bytes),
                times(ratios[name]),
                f"{len(wrong[name])} differ" if wrong[name] else "right",
            )
            for name, part in parts.items()
        ),
    )
    for name in ("first", "second", "grown"):
        steps = ", ".join(f"{step} {took:.2f} s" for step, took in parts[name].facts["steps"].items())
        counts = ", ".join(f"{count:,} {what}" for what, count in parts[name].facts["counts"].items())
        print(f"  {LABELS[name]}: {steps}; {counts}")
    return {
        "machine": machine(),
        "seconds": {name: part.seconds for name, part in parts.items()},
        "peak_bytes": {name: part.peak_bytes for name, part in parts.items()},
        "beside_ccusage": ratios,
        "steps": {name: parts[name].facts["steps"] for name in ("first", "second", "grown")},
        "differences": wrong,
    }


def compare(folder: Path, files: int, file_bytes: int) -> dict[str, Any]:
    """Make the log, run each part, and print the table; a wrong total ends the program."""
    log = Log(folder / f"claude-{files}-files-of-{file_bytes}", files, file_bytes)
    command, version = ccusage.install(folder)
    truth, size = claude_logs.make(log)
    grown_truth = claude_logs.grown(log, truth)
    warm(*(log.root / "projects").rglob("*.jsonl"))
    with TemporaryDirectory(prefix="agent-logs-", dir=folder) as state:
        parts = dict(run_parts(log, command, Path(state)))
    claude_logs.restore(log)
    truths = {name: grown_truth if name.endswith("grown") else truth for name in parts}
    wrong = {name: differences(part.facts["daily"], truths[name]) for name, part in parts.items()}
    title = f"{files:,} Claude Code files ({size / 1e9:.2f} GB), ccusage {version}"
    facts = show(parts, wrong, title)
    for name, lines in wrong.items():
        print("\n".join(f"  {LABELS[name]}: {line}" for line in lines[:10]), end="\n" if lines else "")
    return facts | {"files": files, "bytes": size, "ccusage_version": version}


def main() -> None:
    """Run one part, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keeps the log and ccusage for the next run; default: a temporary")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--file-bytes", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--part", choices=["ccusage", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--command", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--hours", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "ccusage":
        return run_ccusage(arguments.command, arguments.root)
    if arguments.part == "ours":
        return run_ours(arguments.home, arguments.root, arguments.hours)
    with TemporaryDirectory(prefix="sophia-benchmark-") as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        facts = compare(folder, arguments.files, arguments.file_bytes)
    if arguments.json:
        print(json.dumps(facts))
    if any(facts["differences"].values()):
        raise SystemExit(1)
    return None


if __name__ == "__main__":
    main()
