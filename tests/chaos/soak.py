"""The soak: worlds one after the other, each of which lives through faults, until enough processes were killed."""

import sys
from dataclasses import dataclass
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
    """How many kills, and what decides everything."""

    kills: int
    seed: int
    folder: Path
    is_quiet: bool = False

    def run(self) -> Tally:
        """Live, and count."""
        list_cards(PriceKey("openai", None, "gpt-4o"))  # read the price list once, before the forks
        faults = Faults.loaded()
        faults.count_commits()
        tally, webhook = Tally(), Webhook(self.folder)
        started = perf_counter()
        try:
            while tally.kill_count < self.kills:
                name = f"world-{tally.worlds}"
                place = Place(self.folder / name, f"{webhook.url}/{name}")
                random = Random(f"{self.seed}-{tally.worlds}")  # noqa: S311 - a test that can be repeated, no secret
                world = World(place, faults, webhook, random, tally)
                self._live(world, min(self.kills, tally.kill_count + KILLS_A_WORLD))
                self._say(tally, perf_counter() - started)
        finally:
            webhook.close()
        return tally

    def _live(self, world: World, until: int) -> None:
        world.begin()
        kills = world.tally.kill_count
        try:
            while world.tally.kill_count < until:
                healed_at = world.tally.kill_count + KILLS_A_HEALING
                while world.tally.kill_count < min(healed_at, until):
                    scenario = world.random.choices(list(SCENARIOS), list(SCENARIOS.values()))[0]
                    scenario(world)
                world.heal()
            world.end()
        except (AssertionError, OSError) as error:
            world.tally.unhealed.append(f"{world.place.folder.name} ended early: {error}")
            if world.tally.kill_count == kills:
                raise  # nothing works here: the next world would end the same way
        finally:
            world.stop_readers()

    def _say(self, tally: Tally, seconds: float) -> None:
        if not self.is_quiet:
            bad = sum(map(len, tally.broken.values()))
            print(f"{tally.kill_count:>6,} kills, {bad} promises broken, {seconds:,.0f} s", file=sys.stderr, flush=True)
