"""Kills a forgetting at chosen durable acts, and runs it again: `python -m tests.forget_driver FOLDER STEP`.

Durable acts are those of `tests.crash_driver`, and the removal of a file.
"""

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.genai import list_cards
from sophia_metrics.warehouse.protocol import Query
from tests.crash_driver import Countdown, in_child, install
from tests.forgotten import ADA, calls, files_with, forgetter, stored
from tests.lab import NOW, Lab

MONEY = "SELECT event_id, cost_usd, input_tokens FROM core_usage_events ORDER BY ALL"


def begin(lab: Lab) -> None:
    """Publish two days in which Ada is."""
    lab.ingest(lab.write("app.jsonl", calls()))
    lab.publish()


def outcome_of(lab: Lab) -> dict[str, Any]:
    """Forget once more, and say what is left and what is lost."""
    forgetter(lab).forget(ADA, NOW)
    return {
        "left": files_with(lab.home, *stored(ADA, "ada's", "ada's key")),
        "money": str(lab.warehouse.read(Query(MONEY)).rows()),
        "published": lab.serving.query("SELECT * FROM core_usage_events").height,
    }


def kill(folder: Path, base: Lab, due: int) -> dict[str, Any]:
    """Copy the base, forget and be killed before act number `due` (0: never), forget again, and say what there is."""
    place = folder / f"kill-{due}"
    shutil.copytree(base.home.parent, place, symlinks=True)
    lab, acts, result = Lab(place / "state"), place / "acts", place / "result.json"

    def crash() -> None:
        countdown = Countdown(due)
        install(countdown)
        Path.unlink = countdown.before(Path.unlink)  # type: ignore[method-assign]
        forgetter(lab).forget(ADA, NOW)
        acts.write_text(str(len(countdown.labels)))

    ended_by = in_child(crash)
    in_child(lambda: result.write_text(json.dumps(outcome_of(lab))) and None)
    outcome = {"due": due, "killed": ended_by == signal.SIGKILL, **json.loads(result.read_text())}
    outcome["acts"] = int(acts.read_text()) if acts.exists() else 0
    shutil.rmtree(place)
    return outcome


def main(folder: Path, step: int) -> None:
    """Forget without a kill, to count the acts; then be killed at every `step`-th of them."""
    list_cards(PriceKey("openai", None, "gpt-4o"))  # read the price list once, before the forks
    base = Lab(folder / "base" / "state")
    in_child(lambda: begin(base))
    whole = kill(folder, base, 0)
    print(json.dumps([whole, *(kill(folder, base, due) for due in range(1, whole["acts"] + 1, step))]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
