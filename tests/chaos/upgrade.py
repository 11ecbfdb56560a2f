"""An upgrade that is killed in the middle: the newest migrations are taken back, and applied again by the next run."""

from contextlib import closing

import duckdb

from tests.chaos.children import Child
from tests.chaos.faults import Action, Fault, Kind
from tests.chaos.world import World

TAKEN_BACK = {
    "m007_key_runs": ("DROP TABLE key_runs", "ALTER TABLE manifest DROP COLUMN is_audited"),
    "m005_quality": ("DROP TABLE core_quality_verdicts", "DROP TABLE judged_days"),
    "m003_services": ("DROP TABLE core_services",),
}
"""By migration, what undoes it; none of them holds a decision that could not be made again."""


def kill_an_upgrade(world: World) -> None:
    """Make the state an older one, and kill the run that upgrades it at one of its acts; another may do it again."""
    world.finish(world.start("upgrade"))  # what was killed before may have left a damaged state, or an older one
    make_older(world)
    if not world.is_upgrade_known:
        world.finish(world.start("upgrade"))
        world.is_upgrade_known = True
        make_older(world)
    kind = world.random.choice((Kind.ANY, Kind.ANY, Kind.COMMIT))
    action = world.random.choice((Action.KILL_BEFORE, Action.KILL_AFTER, Action.TORN))
    nth = world.random.randint(1, max(1, world.acts["upgrade"][kind]))
    fault = Fault(kind, nth, action, share=world.random.randint(1, 15))
    if world.finish(world.start("upgrade", fault)).is_killed:
        world.tally.kills["in an upgrade"] += 1


def make_older(world: World) -> None:
    """Take the newest migrations back, as if an older program had written the state."""

    def body() -> None:
        with closing(duckdb.connect(world.place.home / "warehouse.duckdb")) as connection:
            for migration, statements in TAKEN_BACK.items():
                for statement in statements:
                    connection.execute(statement)
                connection.execute("DELETE FROM schema_migrations WHERE migration = $1", [migration])

    ending = Child.start(body, world.place.folder / "older.txt").wait()
    assert ending.is_well, ending.said
