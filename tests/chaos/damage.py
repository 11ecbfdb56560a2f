"""Files of the state folder that are lost, cut off or overwritten by somebody else, and what heals them."""

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from random import Random

import duckdb

from sophia_metrics.schema import core
from tests.chaos.children import Child
from tests.chaos.world import World

GARBAGE = b"this is no page of a database" * 64


def damage_a_file(world: World) -> None:
    """Damage one file of a state that is up to date, with no reader about; two runs have to heal it.

    A state file that is cut off may be noticed in the middle of the first of them, which then says so and ends; under
    Prefect the step is tried again, and heals it.
    """
    world.heal()
    world.stop_readers()
    name = world.random.choice(list(DAMAGES))

    def body() -> None:
        DAMAGES[name](world.place.home, world.random)

    ending = Child.start(body, world.place.folder / "damage.txt").wait()
    assert ending.is_well, ending.said
    world.place.notes.add(note="damaged", what=name)
    world.sources.append(2)
    world.finish(world.start("pipeline"), may_fail=name == "state file cut off")
    world.heal()
    world.start_readers()
    world.tally.others[f"damaged: {name}"] += 1


def _lose_state(home: Path, _: Random) -> None:
    (home / "warehouse.duckdb").unlink()


def _overwrite_state(home: Path, random: Random) -> None:
    path = home / "warehouse.duckdb"
    _overwrite(path, random.randrange(12_288, path.stat().st_size - len(GARBAGE)))


def _cut_state(home: Path, random: Random) -> None:
    path = home / "warehouse.duckdb"
    os.truncate(path, random.randrange(path.stat().st_size))


def _lose_day(home: Path, random: Random) -> None:
    random.choice(_day_files(home)).unlink()


def _cut_day(home: Path, random: Random) -> None:
    path = random.choice(_day_files(home))
    os.truncate(path, path.stat().st_size // 2)


def _lose_listing(home: Path, random: Random) -> None:
    path = random.choice(_day_files(home)).relative_to(home)
    with closing(duckdb.connect(home / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM manifest WHERE path = $1", [str(path)])


def _lose_version(home: Path, _: Random) -> None:
    (home / "serving" / "current.duckdb").resolve().unlink()


def _cut_version(home: Path, _: Random) -> None:
    path = (home / "serving" / "current.duckdb").resolve()
    os.truncate(path, path.stat().st_size // 2)


def _overwrite(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(GARBAGE)


def _day_files(home: Path) -> list[Path]:
    """Return the day files that the manifest lists and that can be made again, in a lasting order.

    Nothing but their own files holds observations: the rows of one that is destroyed are lost, and that is said.
    """
    observed = [table.name for table in core.OBSERVED]
    with closing(duckdb.connect(home / "warehouse.duckdb")) as connection:
        paths = connection.execute(
            "SELECT path FROM manifest WHERE NOT list_contains($1, table_name) ORDER BY table_name, day_on, row_count",
            [observed],
        ).fetchall()
    return [home / path for (path,) in paths]


DAMAGES: Mapping[str, Callable[[Path, Random], None]] = {
    "state file lost": _lose_state,
    "state file overwritten": _overwrite_state,
    "state file cut off": _cut_state,
    "day file lost": _lose_day,
    "day file cut off": _cut_day,
    "row of the manifest lost": _lose_listing,
    "version lost": _lose_version,
    "version cut off": _cut_version,
}
"""What somebody else does to the state folder; each is healed by the next runs."""
