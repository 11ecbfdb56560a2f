"""A disk that is full or fails at each kind of file once, then heals: `python -m tests.chaos.disk FOLDER`.

Start it with the injector loaded. Each run has to end with an error of ours that says what to do, or well where what
could not be written was not needed; the run after it has to heal.
"""

import json
import sys
from pathlib import Path
from random import Random

from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.genai import list_cards
from tests.chaos.faults import Action, Fault, Faults, Kind
from tests.chaos.run import Place
from tests.chaos.tally import Tally
from tests.chaos.webhook import Webhook
from tests.chaos.world import World

PLACES = ("warehouse.lock", "warehouse.duckdb", "/landing/", "/core/", "/key_runs/", "/marts/", "/serving/")
FAULTS = (
    *(Fault(Kind.WRITE, 1, Action.FULL, place) for place in PLACES),
    Fault(Kind.FSYNC, 1, Action.EIO_ONCE, "/landing/"),
    Fault(Kind.FSYNC, 1, Action.EIO_ONCE, "/core/"),
    Fault(Kind.RENAME, 1, Action.EIO_ONCE, "/landing/"),
    Fault(Kind.RENAME, 1, Action.EIO_ONCE, "/serving/"),
    Fault(Kind.WRITE, 40, Action.FULL, "/serving/"),  # in the checkpoint of a version
)


def main(folder: Path) -> None:
    """Print what each run said, and what was wrong afterwards."""
    list_cards(PriceKey("openai", None, "gpt-4o"))  # read the price list once, before the forks
    faults = Faults.loaded()
    faults.count_commits()
    tally, webhook = Tally(), Webhook(folder)
    world = World(Place(folder / "world", webhook.url), faults, webhook, Random(1), tally)  # noqa: S311 - no secret
    outcomes: list[dict[str, object]] = []
    try:
        world.sources.append(4)
        world.finish(world.start("pipeline"))
        for fault in FAULTS:
            world.sources.append(2)
            ending = world.finish(world.start("pipeline", fault), may_fail=True)
            outcomes.append(
                {"act": fault.kind.name, "within": fault.within, "code": ending.exit_code, "said": ending.said}
            )
        world.end()
    finally:
        webhook.close()
    print(json.dumps({"outcomes": outcomes, "broken": tally.broken, "healed": tally.healed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
