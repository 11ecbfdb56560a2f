"""What can happen to a world: each scenario disturbs one or two runs, and leaves the healing to a later one."""

import os
import signal
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from tests.chaos.damage import damage_a_file
from tests.chaos.faults import Action, Fault, Kind
from tests.chaos.upgrade import kill_an_upgrade
from tests.chaos.world import Started, World

KILLS = (Action.KILL_BEFORE, Action.KILL_AFTER, Action.TORN)
PLACES = ("", "warehouse.duckdb", "/landing/", "/core/", "/marts/", "/serving/", "/key_runs/", "warehouse.lock")
EARLIEST = datetime(2026, 11, 19, 12)
"""The clock never goes back beyond the starts of the calls: those would be quarantined, and rightly."""
REACHED = 0.8
"""No two runs make the same number of acts: one of the last is often not reached."""
LONGEST_SECONDS = 2.5
"""About as long as a run takes: later there is nothing left to kill."""


def kill_at_an_act(world: World) -> None:
    """Kill a run before, in or after one of its acts."""
    world.sources.append(world.random.randint(1, 6))
    flow = draw_flow(world)
    fault = draw_kill(world, flow)
    _finish(world, f"at {fault.kind.name.lower()}", world.start(flow, fault))


def kill_two_at_once(world: World) -> None:
    """Kill two pipelines that work on the same window."""
    world.sources.append(world.random.randint(1, 6))
    flows = world.random.choices(("pipeline", "collect"), (1, 2), k=2)
    faults = [draw_kill(world, flow) for flow in flows]
    runs = [world.start(flow, fault) for flow, fault in zip(flows, faults, strict=True)]
    world.sources.append(world.random.randint(1, 3))
    for fault, run in zip(faults, runs, strict=True):
        _finish(world, f"at {fault.kind.name.lower()}, two at once", run)


def kill_at_any_time(world: World) -> None:
    """Kill two runs whenever it pleases."""
    world.sources.append(world.random.randint(1, 6))
    runs = [world.start(draw_flow(world)) for _ in range(2)]
    for run in runs:
        run.child.kill_after(world.random.uniform(0, LONGEST_SECONDS))
        _finish(world, "at a random time", run)


def kill_around_a_post(world: World) -> None:
    """Kill a run before, in or after a message to the webhook."""
    world.sources.append(4)
    fault = Fault(Kind.POST, world.random.randint(1, 2), world.random.choice(KILLS))
    _finish(world, "at post", world.start("pipeline", fault))


def tear_the_state(world: World) -> None:
    """Kill a run in the middle of a write to the state file: DuckDB writes its first block again where it stands."""
    world.sources.append(world.random.randint(1, 6))
    fault = Fault(Kind.WRITE, world.random.randint(1, 24), Action.TORN, "warehouse.duckdb", world.random.randint(1, 15))
    _finish(world, "in a write to the state file", world.start("collect", fault))


def two_at_once(world: World) -> None:
    """Let two pipelines work on the same window, and through."""
    world.sources.append(world.random.randint(1, 6))
    runs = [world.start("pipeline"), world.start("pipeline")]
    for run in runs:
        world.finish(run)
    world.tally.others["two pipelines at once"] += 1


def fill_the_disk(world: World) -> None:
    """Let the disk be full from some write on, for one run."""
    world.sources.append(world.random.randint(1, 6))
    flow = draw_flow(world)
    nth = world.random.randint(1, max(1, world.acts[flow][Kind.WRITE]))
    _finish(world, "", world.start(flow, Fault(Kind.WRITE, nth, Action.FULL)))
    world.tally.others["disk full"] += 1


def fail_the_disk(world: World) -> None:
    """Let one write, fsync or rename fail."""
    world.sources.append(world.random.randint(1, 6))
    flow, kind = draw_flow(world), world.random.choice((Kind.WRITE, Kind.FSYNC, Kind.RENAME))
    nth = world.random.randint(1, max(1, world.acts[flow][kind]))
    _finish(world, "", world.start(flow, Fault(kind, nth, Action.EIO_ONCE)))
    world.tally.others[f"input/output error at {kind.name.lower()}"] += 1


def turn_the_clock_back(world: World) -> None:
    """Let the clock go back before the next run."""
    world.now = max(world.now - timedelta(hours=world.random.uniform(0.1, 24)), EARLIEST)
    kill_at_an_act(world)
    world.tally.others["clock back"] += 1


def hang_under_the_lock(world: World) -> None:
    """Let a run hang while it holds the lock, and another wait; then the first goes on, or is killed."""
    world.sources.append(world.random.randint(1, 6))
    nth = world.random.randint(1, max(1, world.acts["pipeline"][Kind.COMMIT] - 2))
    hanging = world.start("pipeline", Fault(Kind.COMMIT, nth, Action.STOP))
    if not hanging.child.wait_for_stop():
        world.finish(hanging)
        return
    waiting = world.start("collect")
    if not waiting.child.is_running_after(1.0):
        world.tally.unhealed.append("a run did not wait for the lock")
    is_killed = world.random.random() < 0.5
    os.kill(hanging.child.pid, signal.SIGKILL if is_killed else signal.SIGCONT)
    _finish(world, "while it hung under the lock", hanging)
    world.finish(waiting)
    world.tally.others["hung under the lock"] += 1


def draw_flow(world: World) -> str:
    """Choose a flow."""
    return world.random.choices(("pipeline", "collect", "build", "observe", "tell"), (3, 4, 3, 1, 2))[0]


def draw_kill(world: World, flow: str) -> Fault:
    """Choose an act of a flow, and whether it is done, not done or half done when the process dies."""
    made = world.acts[flow]
    kind = world.random.choice([kind for kind in Kind if made[kind] and kind is not Kind.POST])
    action = world.random.choice(KILLS)
    share = world.random.randint(1, 15)
    if kind is Kind.WRITE and world.random.random() < 0.5:  # most writes are those of versions: let others have a turn
        return Fault(kind, world.random.randint(1, 8), action, world.random.choice(PLACES), share)
    return Fault(kind, world.random.randint(1, max(1, int(made[kind] * REACHED))), action, share=share)


def _finish(world: World, scenario: str, run: Started) -> None:
    ending = world.finish(run, may_fail=not scenario)
    if ending.is_killed:
        world.tally.kills[scenario] += 1
    elif scenario:
        world.tally.others["not reached"] += 1


SCENARIOS: Mapping[Callable[[World], None], int] = {
    kill_at_an_act: 10,
    kill_two_at_once: 9,
    kill_at_any_time: 3,
    kill_around_a_post: 2,
    tear_the_state: 2,
    two_at_once: 1,
    fill_the_disk: 1,
    fail_the_disk: 1,
    turn_the_clock_back: 1,
    hang_under_the_lock: 1,
    kill_an_upgrade: 1,
    damage_a_file: 1,
}
"""Each with how often it comes."""
