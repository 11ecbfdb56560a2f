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
from sophia_metrics.warehouse.duckdb import state
from tests.chaos.faults import CountedConnection, counting
from tests.lab import Lab, event

FIRST = [event("a"), event("b", "2026-11-17T10:00:00Z")]
ROTATED = [event("d", "2026-11-10T10:00:00Z", output_tokens=1)]
"""Read with the first, and gone since: no merge sees it beside its version of the 19th, so the audit has to."""
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
        self.labels: list[str] = []

    def before(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.tick(str(args[-1]))
            return act(*args, **kwargs)

        return counted

    def commit(self, is_after: int) -> None:
        self.tick("after COMMIT" if is_after else "before COMMIT")

    def tick(self, label: str) -> None:
        self.labels.append(label)
        if len(self.labels) == self.due:
            os.kill(os.getpid(), signal.SIGKILL)


def install(countdown: Countdown) -> None:
    os.fsync = countdown.before(os.fsync)
    Path.replace = countdown.before(Path.replace)  # type: ignore[method-assign]
    connect = duckdb.connect
    duckdb.connect = lambda *args, **kwargs: CountedConnection(connect(*args, **kwargs), countdown.commit)  # type: ignore[assignment]
    state.attached = counting(state.attached, countdown.commit)


def run(home: Path) -> None:
    """Commit what was left over, then what is new; audit, build and publish."""
    lab = Lab(home)
    source = lab.source(home.parent / "*.jsonl")
    lab.collect(source)
    lab.collector.audit(lab.now)
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
    rotated = base.write("rotated.jsonl", ROTATED)
    in_child(lambda: run(base.home))
    rotated.unlink()
    base.write("two.jsonl", SECOND)
    labels = json.loads(kill(folder, base, 0)["labels"])
    outcomes = [kill(folder, base, due) for due in sorted({*range(1, len(labels) + 1, step), *named(labels).values()})]
    print(json.dumps({"acts": len(labels), "named": named(labels), "outcomes": outcomes}))


def named(labels: list[str]) -> dict[str, int]:
    """Return the numbers of the acts that everybody asks about."""
    landed = max(number for number, label in enumerate(labels, 1) if "/landing/" in label)
    written, moved = (
        max(number for number, label in enumerate(labels, 1) if "/core/" in label and ("/audit-" in label) is by_audit)
        for by_audit in (False, True)
    )
    switch, audit = (labels.index("before COMMIT", number) + 1 for number in (written, moved))
    return {
        "between landing and commit": landed + 2,
        "in the commit, before it is durable": switch,
        "in the commit, just after it": switch + 1,
        "between commit and audit": switch + 2,
        "in the audit, before it is durable": audit,
        "in the audit, just after it": audit + 1,
        "between audit and publish": audit + 2,
    }


def kill(folder: Path, base: Lab, due: int) -> dict[str, Any]:
    """Copy the base, run it and kill it before act number `due` (0: never), run it again, and say what there is."""
    place = folder / f"kill-{due}"
    shutil.copytree(base.home.parent, place, symlinks=True)
    home, counted, result = place / "state", place / "labels", place / "facts.json"

    def crash() -> None:
        countdown = Countdown(due)
        install(countdown)
        run(home)
        counted.write_text(json.dumps(countdown.labels))

    ended_by = in_child(crash)
    in_child(lambda: run(home))
    in_child(lambda: result.write_text(json.dumps(facts(home))) and None)
    outcome = {"due": due, "killed": ended_by == signal.SIGKILL, **json.loads(result.read_text())}
    outcome["labels"] = counted.read_text() if counted.exists() else ""
    shutil.rmtree(place)
    return outcome


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
