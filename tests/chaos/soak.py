"""The soak: worlds side by side, each of which lives through faults until enough processes were killed."""

import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter

from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.genai import list_cards
from tests.chaos.faults import Faults
from tests.chaos.run import Place
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.tally import Tally
from tests.chaos.webhook import Webhook
from tests.chaos.world import World

KILLS_A_WORLD = 40
"""A world ends after so many kills: what a run costs depends on what there is."""
KILLS_A_HEALING = 8
"""After about so many kills a run is let through."""


@dataclass(frozen=True, slots=True)
class Soak:
    """How many kills, what decides everything, where the worlds live, and how many at once. `only`: these, or all."""

    kills: int
    seed: int
    folder: Path
    at_once: int = 1
    only: Collection[int] = ()

    def run(self) -> Tally:
        """Live, and count; who interrupts it gets the worlds that have ended."""
        list_cards(PriceKey("openai", None, "gpt-4o"))  # read the price list once, before the forks
        Faults.loaded().count_commits()
        tally, started = Tally(), perf_counter()
        with ProcessPoolExecutor(self.at_once, mp_context=get_context("fork")) as pool:
            shares = [
                (number, kills) for number, kills in enumerate(self._shares()) if number in (self.only or {number})
            ]
            worlds = [pool.submit(self.live, *share) for share in shares]
            try:
                for world in as_completed(worlds):
                    lived = world.result()
                    tally.add(lived)
                    _say(tally, lived, perf_counter() - started)
            except KeyboardInterrupt:
                print("interrupted: the table counts the worlds that have ended", file=sys.stderr)
            finally:
                pool.shutdown(cancel_futures=True)
        return tally

    def live(self, number: int, kills: int) -> Tally:
        """Live in one world, and count. Its seed is its own: it is the same whatever is beside it."""
        folder = self.folder / f"world-{number}"
        folder.mkdir(parents=True)
        webhook = Webhook(folder)
        try:
            random = Random(f"{self.seed}-{number}")  # noqa: S311 - a test that can be repeated, no secret
            world = World(Place(folder, f"{webhook.url}/world-{number}"), Faults.loaded(), webhook, random, Tally())
            _live(world, kills)
        finally:
            webhook.close()
        return world.tally

    def _shares(self) -> Iterator[int]:
        for begun in range(0, self.kills, KILLS_A_WORLD):
            yield min(KILLS_A_WORLD, self.kills - begun)


def _live(world: World, kills: int) -> None:
    world.begin()
    tally = world.tally
    try:
        while tally.kill_count < kills:
            healed_at = tally.kill_count + KILLS_A_HEALING
            while tally.kill_count < min(healed_at, kills):
                scenario = world.random.choices(list(SCENARIOS), list(SCENARIOS.values()))[0]
                scenario(world)
            world.heal()
        world.end()
    except (AssertionError, OSError) as error:
        tally.unhealed.append(f"{world.place.folder.name} ended early: {error}")
        if tally.kill_count == 0:
            raise  # nothing works here: the next world would end the same way
    finally:
        world.stop_readers()


def _say(tally: Tally, lived: Tally, seconds: float) -> None:
    """Say how far it is, and what the world that has just ended found."""
    bad = sum(map(len, tally.broken.values()))
    lines = [f"{tally.kill_count:>6,} kills, {bad} promises broken, {seconds:,.0f} s", *lived.complaints()]
    print("\n".join(lines), file=sys.stderr, flush=True)
