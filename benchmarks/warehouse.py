"""What the warehouse promises, in figures: `uv run python -m benchmarks.warehouse`.

Histories of 1, 20 and 100 million calls (100,000 a day). On each, every measurement a process of its own:

    first publish   the first version, with every mart that is computed at publish
    publish         the next version, after 100 new calls (the median of three); beside it the bare copy of a version
    backup          a backup of the state, opened and compared; beside it the bare copy of the state file
    restore         the state file is deleted, and the newest backup takes its place
    first run       a run after all this, whose audit sees the keys of the whole history for the first time
    recovery        a run after one that was killed between landing and commit; beside it a run with nothing to do
    sum             an aggregate over the newest 10 million calls: through the served version, and the bare files

Then a crowd on the shortest history: two writers, a third that is killed again and again, and two readers at once, for
some time; beside it the same on one bare DuckDB file. See benchmarks/crowd.py.
"""

import argparse
import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.cloned_days import DAY_ROWS, NEWEST_ON, NOW, make_history
from benchmarks.crowd import READERS, WRITERS, Latency, crowd
from benchmarks.growth import ask_bare, ask_served
from benchmarks.litellm_rows import Calls, write_calls
from benchmarks.measure import finish_part, machine, run_part
from benchmarks.table import print_table, seconds, times
from benchmarks.whole_way import go
from sophia_metrics.connect import connect_collector, connect_source, connect_upkeep, connect_warehouse
from sophia_metrics.settings import Settings, SourceSettings

MODULE = "benchmarks.warehouse"
MILLIONS = (1, 20, 100)
NEW_ROWS = 100
REPEATS = 3
ASKED_DAYS = 100


def make(home: Path, days: int) -> None:
    """Make the history, and say how many bytes an event takes."""
    started = perf_counter()
    make_history(home, days)
    stored = sum(path.stat().st_size for path in (home / "core" / "usage_events").rglob("*.parquet"))
    facts = {"event_bytes": stored / (days * DAY_ROWS)}
    finish_part("make", perf_counter() - started, facts)


def first_publish(home: Path) -> None:
    """Publish the first version."""
    warehouse = connect_warehouse(Settings(home=home), NOW)
    _finish("first publish", lambda: warehouse.publish(NOW))


def publish(home: Path, turn: int) -> None:
    """Publish after a few new calls; then copy the same version with nothing between us and the disk."""
    _collect(home, turn, publish=False)
    warehouse = connect_warehouse(Settings(home=home), NOW)
    warehouse.build()
    started = perf_counter()
    warehouse.publish(NOW + timedelta(minutes=turn))
    elapsed = perf_counter() - started
    _finish_with_bare("publish", elapsed, (home / "serving" / "current.duckdb").resolve())


def back_up(home: Path) -> None:
    """Back the state up; then copy its file."""
    upkeep = connect_upkeep(Settings(home=home))
    started = perf_counter()
    upkeep.back_up(NOW)
    _finish_with_bare("backup", perf_counter() - started, home / "warehouse.duckdb")


def restore(home: Path) -> None:
    """Lose the state file, and take the newest backup in its place."""
    (home / "warehouse.duckdb").unlink()
    upkeep = connect_upkeep(Settings(home=home))
    _finish("restore", lambda: upkeep.restore(NOW))


def die(home: Path, turn: int) -> None:
    """Land some calls, and die before they are committed."""
    settings, source = Settings(home=home), _new_file(home, turn)
    collector, files = connect_collector(settings, connect_warehouse(settings, NOW)), connect_source(source)
    for batch in collector.find(files, NOW).batches:
        collector.land(files, batch, NOW)
    os.kill(os.getpid(), signal.SIGKILL)


def recover(home: Path, turn: int) -> None:
    """Run after a run that died; the file is there no more, so that all rows come from landing."""
    started = perf_counter()
    way = go(home, _source(home, turn), NOW)
    finish_part("recover", perf_counter() - started, way.facts)


def _collect(home: Path, turn: int, *, publish: bool) -> None:
    go(home, _new_file(home, turn), NOW, publish=publish)


def _path(home: Path, turn: int) -> Path:
    return home.parent / f"new-{home.name}-{turn}.jsonl"


def _source(home: Path, turn: int) -> SourceSettings:
    pattern = _path(home, turn).with_suffix(".json*")  # a pattern may find nothing, a path may not
    return SourceSettings(name="gateway", format="litellm", paths=(str(pattern),))


def _new_file(home: Path, turn: int) -> SourceSettings:
    write_calls(_path(home, turn), Calls(NEW_ROWS, NEWEST_ON, 1, first=10**9 + turn * NEW_ROWS))
    return _source(home, turn)


def _finish(part: str, act: Callable[[], object]) -> None:
    started = perf_counter()
    act()
    finish_part(part, perf_counter() - started, {})


def _finish_with_bare(part: str, elapsed: float, file: Path) -> None:
    """Finish with what a copy of the same file takes, fsync included."""
    started = perf_counter()
    copy = file.with_suffix(".copy")
    shutil.copyfile(file, copy)
    descriptor = os.open(copy, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    bare = perf_counter() - started
    copy.unlink()
    finish_part(part, elapsed, {"bare": bare, "bytes": file.stat().st_size})


def measure_history(folder: Path, millions: int) -> dict[str, Any]:
    """Return what one history takes, in seconds by name."""
    home, days = folder / f"history-{millions}m", millions * 1_000_000 // DAY_ROWS
    at = ("--home", str(home))
    made = run_part(MODULE, "make", *at, "--days", str(days))
    facts: dict[str, Any] = {"rows": days * DAY_ROWS, "make": made.seconds, **made.facts}
    facts["first publish"] = run_part(MODULE, "first-publish", *at).seconds
    published = [run_part(MODULE, "publish", *at, "--turn", str(turn)) for turn in range(REPEATS)]
    facts["publish"] = median(each.seconds for each in published)
    facts["bare copy of a version"] = median(each.facts["bare"] for each in published)
    facts["version bytes"] = published[-1].facts["bytes"]
    backed_up = run_part(MODULE, "back-up", *at)
    facts |= {"backup": backed_up.seconds, "bare copy of the state": backed_up.facts["bare"]}
    facts["state bytes"] = backed_up.facts["bytes"]
    facts["restore"] = run_part(MODULE, "restore", *at).seconds
    facts["first run, every key audited"] = run_part(MODULE, "recover", *at, "--turn", "0").seconds
    facts["idle run"] = run_part(MODULE, "recover", *at, "--turn", "0").seconds
    _run_to_its_death(home, at)
    facts["recovery"] = run_part(MODULE, "recover", *at, "--turn", str(REPEATS)).seconds
    if days >= ASKED_DAYS:
        since = ("--since", str(NEWEST_ON - timedelta(days=ASKED_DAYS - 1)))
        served, bare = (
            min((run_part(MODULE, part, *at, *since) for _ in range(REPEATS)), key=lambda each: each.seconds)
            for part in ("served", "bare")
        )
        facts |= {"sum over 10 million, served": served.seconds, "sum over 10 million, bare": bare.seconds}
    return facts


def _run_to_its_death(home: Path, at: tuple[str, ...]) -> None:
    try:
        run_part(MODULE, "die", *at, "--turn", str(REPEATS))
    except SystemExit:
        _path(home, REPEATS).unlink()


def show(histories: list[dict[str, Any]], felt: dict[str, dict[str, Latency | int]]) -> None:
    """Print both tables."""
    rows = [f"{facts['rows'] // 1_000_000} million" for facts in histories]
    names = [name for name in histories[-1] if name not in {"rows", "event_bytes", "version bytes", "state bytes"}]
    table = [[name, *(seconds(facts[name]) if name in facts else "" for facts in histories)] for name in names]
    table += [
        ["publish : bare copy", *(times(facts["publish"] / facts["bare copy of a version"]) for facts in histories)],
        ["backup : bare copy", *(times(facts["backup"] / facts["bare copy of the state"]) for facts in histories)],
        ["bytes an event", *(f"{facts['event_bytes']:.1f}" for facts in histories)],
    ]
    print_table(f"The warehouse by rows ({machine()})", ["", *rows], table)
    lines = []
    for name, meaning in (("reads", "a read"), ("runs", "a writer's round"), ("waits", "a short transaction")):
        for engine, each in felt.items():
            latency = each[name]
            if isinstance(latency, Latency):
                figures = (latency.p50, latency.p99, latency.greatest)
                lines.append(
                    [f"{meaning}, {engine}", str(latency.times), *map(seconds, figures), str(latency.error_count)]
                )
    title = f"{WRITERS} writers, {READERS} readers, {felt['warehouse']['kills']} kills of a third writer"
    print_table(title, ["", "times", "p50", "p99", "max", "errors"], lines)


def measure(folder: Path, millions: list[int], crowd_seconds: float) -> dict[str, Any]:
    """Measure everything, and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    histories = [measure_history(folder, each) for each in millions]
    home = folder / f"history-{millions[0]}m"
    felt = {name: crowd(home, crowd_seconds, is_bare=name == "bare") for name in ("warehouse", "bare")}
    show(histories, felt)
    return {"machine": machine(), "histories": histories, "crowd": felt}


def main() -> None:
    """Run one part, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="for the histories; default: a temporary one")
    parser.add_argument("--millions", type=int, nargs="+", default=list(MILLIONS), help="lengths of the histories")
    parser.add_argument("--crowd-seconds", type=float, default=30, help="for how long the crowd is at work")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parts: dict[str, Callable[[Any], None]] = {
        "make": lambda given: make(given.home, given.days),
        "first-publish": lambda given: first_publish(given.home),
        "publish": lambda given: publish(given.home, given.turn),
        "back-up": lambda given: back_up(given.home),
        "restore": lambda given: restore(given.home),
        "die": lambda given: die(given.home, given.turn),
        "recover": lambda given: recover(given.home, given.turn),
        "served": lambda given: ask_served(given.home, given.since),
        "bare": lambda given: ask_bare(given.home, given.since),
    }
    parser.add_argument("--part", choices=parts, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--days", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--turn", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--since", type=type(NEWEST_ON).fromisoformat, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        parts[arguments.part](arguments)
        return
    with TemporaryDirectory(prefix="sophia-benchmark-") as temporary:
        facts = measure((arguments.folder or Path(temporary)).resolve(), arguments.millions, arguments.crowd_seconds)
    if arguments.json:
        print(json.dumps(facts, default=lambda latency: {name: getattr(latency, name) for name in latency.__slots__}))


if __name__ == "__main__":
    main()
