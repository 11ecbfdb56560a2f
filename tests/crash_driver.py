"""Kills a whole run at chosen durable acts, and lets the next run heal: `python -m tests.crash_driver FOLDER STEP`.

A durable act is an fsync, a rename or a COMMIT. They are counted by wrapping the three calls, since only the
process itself knows when it is about to make one; the kill is a real SIGKILL. This process imports
everything once and forks for each run, and opens no DuckDB file itself.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.genai import list_cards
from tests.lab import Lab, event

FIRST = [event("a"), event("b", "2026-11-17T10:00:00Z")]
SECOND = [
    event("a", output_tokens=500),
    event("c"),
    event("d", "2026-11-19T10:00:00Z"),
    event("e", output_tokens=-1),
]


class Countdown:
    """Counts durable acts, and kills the process instead of making the one whose number is due."""

    def __init__(self, due: int) -> None:
        self.due = due
        self.count = 0

    def before(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.tick()
            return act(*args, **kwargs)

        return counted

    def tick(self) -> None:
        self.count += 1
        if self.count == self.due:
            os.kill(os.getpid(), signal.SIGKILL)


class CountedConnection:
    """A DuckDB connection whose COMMIT is a durable act."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, countdown: Countdown) -> None:
        self._connection = connection
        self._countdown = countdown

    def execute(self, sql: str, *args: Any) -> Any:
        if sql != "COMMIT":
            return self._connection.execute(sql, *args)
        self._countdown.tick()
        done = self._connection.execute(sql)
        self._countdown.tick()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def install(countdown: Countdown) -> None:
    os.fsync = countdown.before(os.fsync)
    Path.replace = countdown.before(Path.replace)  # type: ignore[method-assign]
    connect = duckdb.connect
    duckdb.connect = lambda *args, **kwargs: CountedConnection(connect(*args, **kwargs), countdown)  # type: ignore[assignment]


def run(home: Path) -> None:
    """Commit what was left over, then what is new; build and publish."""
    lab = Lab(home)
    source = lab.source(home.parent / "*.jsonl")
    collector = lab.collector
    for landing in collector.pending(source):
        collector.commit(source, landing, lab.now)
    for batch in collector.find(source).batches:
        collector.commit(source, collector.land(source, batch, lab.now), lab.now)
    lab.publish()


def in_child(body: Callable[[], None]) -> int:
    """Run the body in a forked process; return the signal that ended it, 0 for none."""
    pid = os.fork()
    if pid == 0:
        try:
            body()
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    if os.WEXITSTATUS(status):
        raise SystemExit("a run failed; see above")
    return 0


def facts(home: Path) -> dict[str, Any]:
    """What a reader sees, and what the state holds."""
    lab = Lab(home)
    read = lab.serving.query
    return {
        "events": read("SELECT * FROM core_usage_events").height,
        "distinct": read("SELECT DISTINCT event_id FROM core_usage_events").height,
        "tokens": read("SELECT CAST(sum(output_tokens) AS BIGINT) AS n FROM core_usage_events").item(),
        "spend": str(read("SELECT sum(cost_usd) AS n FROM core_usage_events").item()),
        "mart_spend": str(read("SELECT sum(cost_usd) AS n FROM mart_cost_daily").item()),
        "quarantined": read("SELECT * FROM core_quarantine").height,
        "ledger": str(
            read(
                "SELECT sum(row_count) AS a, sum(accepted_count) AS b, sum(quarantined_count) AS c, "
                "sum(duplicate_count) AS d FROM core_ingest_ledger WHERE status = 'committed'"
            ).row(0)
        ),
        "torn": read(
            "SELECT * FROM core_ingest_ledger "
            "WHERE row_count <> accepted_count + quarantined_count + duplicate_count + ignored_count"
        ).height,
    }


def main(folder: Path, step: int) -> None:
    list_cards(PriceKey("openai", None, "gpt-4o"))  # read the price list once, before the forks
    base = Lab(folder / "base" / "state")
    base.write("one.jsonl", FIRST)
    in_child(lambda: run(base.home))
    base.write("two.jsonl", SECOND)
    outcomes = []
    total = 0
    due = 0
    while due <= total:
        place = folder / f"kill-{due}"
        shutil.copytree(base.home.parent, place, symlinks=True)
        home = place / "state"
        counted = place / "count"

        def crash(due: int = due, home: Path = home, counted: Path = counted) -> None:
            countdown = Countdown(due)
            install(countdown)
            run(home)
            counted.write_text(str(countdown.count))

        ended_by = in_child(crash)
        if due == 0:
            total = int(counted.read_text())
        in_child(lambda home=home: run(home))
        result = place / "facts.json"
        in_child(lambda home=home, result=result: result.write_text(json.dumps(facts(home))) and None)
        outcomes.append({"due": due, "killed": ended_by == signal.SIGKILL, **json.loads(result.read_text())})
        shutil.rmtree(place)
        due = due + (step if due else 1)
    print(json.dumps({"acts": total, "outcomes": outcomes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
