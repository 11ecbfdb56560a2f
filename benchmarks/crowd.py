"""Writers and readers at once, each a process of its own: through the warehouse, and on one bare DuckDB file.

A writer commits a hundred calls, builds and publishes, over and over; one of them is killed every other second and
begins again. A reader sums the newest day, over and over, each time from a connection of its own, as a page does. The
bare engine has the same rows in one file: its writers try again until they may open it, and its readers count each
refusal as an error, as they would have to.
"""

import argparse
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import quantiles
from time import monotonic, perf_counter, sleep
from uuid import uuid4

import duckdb
import polars as pl

from benchmarks.cloned_days import NEWEST_ON, NOW
from benchmarks.litellm_rows import Calls, write_calls
from benchmarks.measure import finish_part, run_part
from benchmarks.whole_way import go
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.warehouse.protocol import Record

__all__ = ["Latency", "crowd"]

MODULE = "benchmarks.crowd"
ROWS = 100
WRITERS, READERS = 2, 2
KILL_SECONDS = 2.0
SUM = "SELECT count(*), sum(cost_usd) FROM core_usage_events WHERE usage_on = $day"
PAGE = "SELECT sum(cost_usd) FROM mart_cost_daily"


@dataclass(frozen=True, slots=True)
class Latency:
    """How long something took, over and over.

    Attributes:
        times: how often it was done.
        p50: seconds; half of them took less.
        p99: seconds.
        greatest: seconds.
        error_count: how often it failed.
    """

    times: int
    p50: float
    p99: float
    greatest: float
    error_count: int

    @classmethod
    def of(cls, seconds: Sequence[float], error_count: int = 0) -> "Latency":
        """Return the figures of some samples."""
        if len(seconds) < 2:  # there is no quantile
            only = seconds[0] if seconds else float("nan")
            return cls(len(seconds), only, only, only, error_count)
        cuts = quantiles(seconds, n=100, method="inclusive")
        return cls(len(seconds), cuts[49], cuts[98], max(seconds), error_count)


def _until(seconds: float) -> Iterator[int]:
    end = monotonic() + seconds
    for turn in count():
        if monotonic() > end:
            return
        yield turn


def _timed(samples: list[float], act: Callable[..., object], *arguments: object) -> None:
    started = perf_counter()
    act(*arguments)
    samples.append(perf_counter() - started)


def write_warehouse(home: Path, seconds: float) -> None:
    """Commit, build and publish; and, in between, one short transaction, which waits for whoever is at work."""
    name, runs, waits = uuid4().hex, list[float](), list[float]()
    first = random.SystemRandom().randrange(10**9, 10**12)
    settings = Settings(home=home)
    row = {"run_id": name, "flow": "crowd", "started_at": NOW, "run_status": "running"}
    frame = pl.DataFrame([row], schema=polars_schema(state.PIPELINE_RUNS))
    for turn in _until(seconds):
        path = home.parent / f"crowd-{name}-{turn}.jsonl"
        write_calls(path, Calls(ROWS, NEWEST_ON, 1, first=first + turn * ROWS))
        source = SourceSettings(name="gateway", format="litellm", paths=(str(path),))
        _timed(runs, go, home, source, NOW + timedelta(hours=1))
        warehouse = connect_warehouse(settings, NOW)
        _timed(waits, warehouse.record, Record({state.PIPELINE_RUNS.name: frame}))
    finish_part("write", sum(runs), {"runs": runs, "waits": waits})


def read_warehouse(home: Path, seconds: float) -> None:
    """Ask the current version."""
    samples, errors = list[float](), list[str]()
    serving = Serving(home)
    for turn in _until(seconds):
        try:
            _timed(samples, serving.query, *((SUM, {"day": NEWEST_ON}) if turn % 2 else (PAGE,)))
        except Exception as error:  # noqa: BLE001 - whatever it is, a reader saw it
            errors.append(str(error))
    finish_part("read", sum(samples), {"samples": samples, "errors": errors})


def write_bare(path: Path, seconds: float) -> None:
    """Insert into the file, opening it whenever nobody else has it."""
    runs = list[float]()

    def insert() -> None:
        while True:
            try:
                connection = duckdb.connect(path)
            except duckdb.IOException:
                sleep(0.002)
                continue
            connection.execute(f"INSERT INTO events SELECT * FROM events LIMIT {ROWS}")
            connection.close()
            return

    for _ in _until(seconds):
        _timed(runs, insert)
    finish_part("write bare", sum(runs), {"runs": runs, "waits": runs})


def read_bare(path: Path, seconds: float) -> None:
    """Ask the file."""
    samples, errors = list[float](), list[str]()

    def ask() -> None:
        with duckdb.connect(path, read_only=True) as connection:
            connection.execute("SELECT count(*), sum(cost_usd) FROM events").fetchall()

    for _ in _until(seconds):
        try:
            _timed(samples, ask)
        except duckdb.IOException as error:
            errors.append(str(error))
            sleep(0.002)
    finish_part("read bare", sum(samples), {"samples": samples, "errors": errors})


def make_bare(home: Path, path: Path) -> None:
    """Put the newest day into one DuckDB file."""
    path.unlink(missing_ok=True)
    with Serving(home).connection() as served:
        day = served.sql("SELECT * FROM core_usage_events WHERE usage_on = $1", params=[NEWEST_ON]).to_arrow_table()
    with duckdb.connect(path) as connection:
        connection.register("day", day)
        connection.execute("CREATE TABLE events AS SELECT * FROM day")


def _kill_again_and_again(home: Path, seconds: float) -> int:
    """Start a writer and kill it, as often as fits into the time; return how often."""
    kills = 0
    for kills in _until(seconds):
        arguments = ["--part", "write", "--home", str(home), "--seconds", "600"]
        with subprocess.Popen([sys.executable, "-m", MODULE, *arguments], stdout=subprocess.DEVNULL) as victim:
            sleep(KILL_SECONDS + kills % 7 / 7)
            victim.kill()
    return kills


def crowd(home: Path, seconds: float, *, is_bare: bool) -> dict[str, Latency | int]:
    """Let writers and readers work at once for so many seconds; return what they felt."""
    target, suffix = (home.parent / "bare.duckdb", "-bare") if is_bare else (home, "")
    if is_bare:
        make_bare(home, target)
    arguments = ("--home", str(target), "--seconds", str(seconds))
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(run_part, MODULE, f"write{suffix}", *arguments) for _ in range(WRITERS)]
        readers = [pool.submit(run_part, MODULE, f"read{suffix}", *arguments) for _ in range(READERS)]
        kills = 0 if is_bare else _kill_again_and_again(home, seconds)
        wrote = [each.result().facts for each in writers]
        read = [each.result().facts for each in readers]
    errors = sum(len(each["errors"]) for each in read)
    return {
        "reads": Latency.of([each for facts in read for each in facts["samples"]], errors),
        "runs": Latency.of([each for facts in wrote for each in facts["runs"]]),
        "waits": Latency.of([each for facts in wrote for each in facts["waits"]]),
        "kills": kills,
    }


PARTS = {"write": write_warehouse, "read": read_warehouse, "write-bare": write_bare, "read-bare": read_bare}


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    PARTS[arguments.part](arguments.home, arguments.seconds)


if __name__ == "__main__":
    main()
