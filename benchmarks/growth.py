"""What a run costs on a short and on a long history: `uv run python -m benchmarks.growth`.

Two histories with the same number of calls a day, one file of 1 million calls (30 days) and twenty (600 days), went
the whole way, but for the audit. Onto a copy of each, in turn and in this order, each run a process of its own:

    first audit  the audit over the keys of all days, which has seen none of them
    redelivery   the newest file of 1 million calls once more, under another name
    new          10,000 calls of the newest day (the median of some runs)
    late         10,000 calls over 25 days (the median of some runs)
    log          a log file of 250,000 calls, for the first time
    grown        the same log, 10,000 lines longer

Then an aggregate over the newest 10 million calls: through the served version, and by DuckDB alone over the same files.
The histories are kept in the folder given by --folder, and used again if they are there.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb

from benchmarks.history import END, FILE_DAYS, History, build, clone
from benchmarks.litellm_rows import Calls, write_calls
from benchmarks.measure import Measured, finish_part, machine, run_part
from benchmarks.table import print_table, seconds, times
from benchmarks.whole_way import go
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, SourceSettings
from tasks.usage import audit_days, price_again

MODULE = "benchmarks.growth"
NOW = datetime(END.year, END.month, END.day)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
CHANGED_ROWS = 10_000
NEW, LATE, LOG, LOG_MORE = (step * 10**9 for step in (1, 2, 3, 4))  # numbers of calls that no history has
LATE_SINCE, LATE_DAYS = END - timedelta(days=28), 25
LABELS = {
    "new": "10,000 new rows on the newest day",
    "late": "10,000 late rows over 25 days",
    "redelivery": "a known file once more",
    "log": "a log, for the first time",
    "grown": "the log, grown by 10,000 lines",
}
ASKED_FILES = 10
TO_CORE = ("find", "land", "gate, price, commit")
AGGREGATE = """
SELECT provider, model, team, count(*) AS n, sum(input_tokens) AS tokens, sum(cost_usd) AS usd
FROM {events}
WHERE usage_on >= CAST($since AS DATE)
GROUP BY provider, model, team
ORDER BY provider, model, team
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """What arrives at every history.

    Attributes:
        history: what was there before; the newest file of all histories is the same.
        folder: for the files; it is emptied by whoever made it.
        repeats: how often new and late rows arrive, other ones each time.
    """

    history: History
    folder: Path
    repeats: int

    def arrive(self) -> Iterator[tuple[str, Path, int]]:
        """Write one file after the other; yield its name in the table, its path, how many new calls it holds."""
        yield "redelivery", self._write("redelivered", self.history.file(0)), 0
        for turn in range(self.repeats):
            calls = Calls(CHANGED_ROWS, END - timedelta(days=1), 1, first=NEW + turn * CHANGED_ROWS)
            yield "new", self._write(f"new-{turn}", calls), CHANGED_ROWS
        for turn in range(self.repeats):
            calls = Calls(CHANGED_ROWS, LATE_SINCE, LATE_DAYS, first=LATE + turn * CHANGED_ROWS)
            yield "late", self._write(f"late-{turn}", calls), CHANGED_ROWS
        rows = self.history.file_rows // 4
        log = self._write("log", Calls(rows, END - timedelta(days=FILE_DAYS), FILE_DAYS, first=LOG))
        yield "log", log, rows
        more = self._write("more", Calls(CHANGED_ROWS, END - timedelta(days=1), 1, first=LOG_MORE))
        with log.open("ab") as file:
            file.write(more.read_bytes())
        yield "grown", log, CHANGED_ROWS

    def _write(self, name: str, calls: Calls) -> Path:
        path = self.folder / f"{name}.jsonl"
        write_calls(path, calls)
        return path


def run(home: Path, path: Path, *, publish: bool) -> None:
    """Collect one file; `publish`: and go the whole way."""
    way = go(home, SourceSettings(name="gateway", format="litellm", paths=(str(path),)), NOW, publish=publish)
    finish_part("run" if publish else "collect", way.seconds, way.facts)


def settle(home: Path) -> None:
    """Price, build and publish what is left to do, so that the next run has to do only what it brought."""
    started = perf_counter()
    settings = Settings(home=home)
    price_again(settings, NOW)
    warehouse = connect_warehouse(settings, NOW)
    warehouse.build()
    warehouse.publish(NOW)
    finish_part("settle", perf_counter() - started, {})


def audit(home: Path) -> None:
    """Look for events on several days."""
    started = perf_counter()
    audit_days(Settings(home=home), NOW)
    elapsed = perf_counter() - started
    key_bytes = sum(path.stat().st_size for path in (home / "key_runs").iterdir())
    finish_part("audit", elapsed, {"key_bytes": key_bytes})


def ask_served(home: Path, since: date) -> None:
    """Ask the published version."""
    started = perf_counter()
    rows = Serving(home).query(AGGREGATE.format(events="core_usage_events"), {"since": since}).rows()
    finish_part("served", perf_counter() - started, {"rows": [list(map(str, row)) for row in rows]})


def ask_bare(home: Path, since: date) -> None:
    """Ask the day files, with nothing between them and the engine."""
    days = (home / "core" / "usage_events").glob("usage_on=*")
    wanted = (day for day in days if date.fromisoformat(day.name.removeprefix("usage_on=")) >= since)
    files = [str(path) for day in sorted(wanted) for path in sorted(day.glob("*.parquet"))]
    started = perf_counter()
    with duckdb.connect() as connection:
        query = AGGREGATE.format(events="read_parquet($files, hive_partitioning = false)")
        rows = connection.execute(query, {"files": files, "since": since}).fetchall()
    finish_part("bare", perf_counter() - started, {"rows": [list(map(str, row)) for row in rows]})


def measure_changes(homes: Sequence[Path], changes: Changes) -> Iterator[dict[str, list[Measured]]]:
    """Audit a copy of each history, and let the changes arrive at them in turn: a busy machine slows all alike."""
    copies = [changes.folder / home.name for home in homes]
    runs: list[dict[str, list[Measured]]] = [{} for _ in copies]
    for home, copy, measured in zip(homes, copies, runs, strict=True):
        clone(home, copy)
        measured["first audit"] = [run_part(MODULE, "audit", "--home", str(copy))]
        run_part(MODULE, "settle", "--home", str(copy))
    for name, path, rows in changes.arrive():
        for copy, measured in zip(copies, runs, strict=True):
            part = run_part(MODULE, "run", "--home", str(copy), "--file", str(path))
            if part.facts["counts"]["accepted"] != rows:
                raise SystemExit(f"{name} brought {rows:,} new rows, and core took others: {part.facts}")
            measured.setdefault(name, []).append(part)
    yield from runs


def measure_aggregate(home: Path, since: date, repeats: int) -> dict[str, float]:
    """Ask the same question in turn: of the published version, and of the bare files."""
    taken: dict[str, list[float]] = {"served": [], "bare": []}
    answers: set[str] = set()
    for name in list(taken) * repeats:
        part = run_part(MODULE, name, "--home", str(home), "--since", str(since))
        taken[name].append(part.seconds)
        answers.add(json.dumps(part.facts))
    if len(answers) > 1:
        raise SystemExit("the served version and the bare files give different sums")
    return {name: median(each) for name, each in taken.items()}


def summarise(home: Path, history: History, runs: dict[str, list[Measured]]) -> dict[str, Any]:
    """Return the figures of one history."""
    size = sum(path.stat().st_size for path in (home / "core").rglob("*.parquet"))
    facts = {"rows": history.rows, "days": history.days, "core_bytes_per_row": size / history.rows}
    (first,) = runs["first audit"]
    facts["first audit"] = {"seconds": first.seconds, "peak_bytes": first.peak_bytes, **first.facts}
    return facts | {name: _summary(runs[name]) for name in LABELS}


def _summary(runs: Sequence[Measured]) -> dict[str, Any]:
    steps = runs[0].facts["steps"]
    return {
        "read_rows": runs[0].facts["counts"]["read"],
        "seconds": median(each.seconds for each in runs),
        "to_core_seconds": median(sum(each.facts["steps"].get(step, 0.0) for step in TO_CORE) for each in runs),
        "steps": {step: median(each.facts["steps"].get(step, 0.0) for each in runs) for step in steps},
        "peak_bytes": max(each.peak_bytes for each in runs),
    }


def compare(short: dict[str, Any], long: dict[str, Any]) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the seconds onto the short and onto the long history, by run and by what is counted."""
    both = (short, long)
    return {
        name: {
            "the whole way": tuple(each[name]["seconds"] for each in both),
            "to core": tuple(each[name]["to_core_seconds"] for each in both),
            "audit": tuple(each[name]["steps"].get("audit", 0.0) for each in both),
            "publish": tuple(each[name]["steps"].get("publish", 0.0) for each in both),
        }
        for name in LABELS
    }


def show(short: dict[str, Any], long: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Print the table, and return the ratios of the long history to the short one."""
    compared = compare(short, long)
    lines = [
        (f"{LABELS[name]}: {what}", seconds(before), seconds(after), times(after / before))
        for name, pairs in compared.items()
        for what, (before, after) in pairs.items()
    ]
    headings = ("run", *(f"{each['rows']:,} rows, {each['days']} days" for each in (short, long)), "ratio")
    print_table(f"Runs onto a short and a long history, {machine()}", headings, lines)
    for each in (short, long):
        first, rows = each["first audit"], each["rows"]
        print(
            f"  {rows:>12,} rows: core {each['core_bytes_per_row']:.1f} bytes a row, "
            f"keys {first['key_bytes'] / rows:.1f}; first audit {first['seconds']:.1f} s, "
            f"{first['peak_bytes'] / 2**20:,.0f} MiB; a run with new rows {each['new']['peak_bytes'] / 2**20:,.0f} MiB"
        )
    return {name: {what: after / before for what, (before, after) in pairs.items()} for name, pairs in compared.items()}


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Build both histories, measure what runs onto them cost, and print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    histories = [History(files, arguments.file_rows) for files in (arguments.short_files, arguments.long_files)]
    homes = [build(history, folder, MODULE) for history in histories]
    asked_files = min(ASKED_FILES, arguments.long_files)
    since = END - timedelta(days=asked_files * FILE_DAYS)
    asked = measure_aggregate(homes[1], since, arguments.repeats)
    with TemporaryDirectory(prefix="growth-", dir=folder) as temporary:
        runs = measure_changes(homes, Changes(histories[0], Path(temporary), arguments.repeats))
        short, long = (summarise(*each) for each in zip(homes, histories, runs, strict=True))
    ratios = show(short, long)
    asked_rows, asked_ratio = asked_files * arguments.file_rows, asked["served"] / asked["bare"]
    print(
        f"  sums over {asked_rows:,} rows: served {asked['served']:.2f} s, "
        f"the bare files {asked['bare']:.2f} s, {times(asked_ratio)}"
    )
    aggregate = {"rows": asked_rows, "seconds": asked, "ratio": asked_ratio}
    return {"machine": machine(), "ratios": ratios, "aggregate": aggregate, "short": short, "long": long}


def main() -> None:
    """Run one part, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keeps the histories for the next run; default: a temporary one")
    parser.add_argument("--file-rows", type=int, default=1_000_000, help="calls in each file of thirty days")
    parser.add_argument("--short-files", type=int, default=1, help="files of the short history")
    parser.add_argument("--long-files", type=int, default=20, help="files of the long history")
    parser.add_argument("--repeats", type=int, default=3, help="runs with new rows, and runs with late rows")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument(
        "--part", choices=["collect", "run", "audit", "settle", "served", "bare"], help=argparse.SUPPRESS
    )
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--since", type=date.fromisoformat, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part in {"collect", "run"}:
        return run(arguments.home, arguments.file, publish=arguments.part == "run")
    if arguments.part in {"audit", "settle"}:
        return (audit if arguments.part == "audit" else settle)(arguments.home)
    if arguments.part in {"served", "bare"}:
        ask = ask_served if arguments.part == "served" else ask_bare
        return ask(arguments.home, arguments.since)
    with TemporaryDirectory(prefix="sophia-benchmark-") as temporary:
        facts = measure((arguments.folder or Path(temporary)).resolve(), arguments)
    if arguments.json:
        print(json.dumps(facts))
    return None


if __name__ == "__main__":
    main()
