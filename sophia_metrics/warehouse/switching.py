"""The switch: rows first, then one short transaction that makes them the day.

Nobody waits while rows are written. The transaction checks that the days that were read are still made of the same
pieces; where another writer was faster, everything is computed again onto what is there now. Without that check two
writers lose rows. Where that happens again and again, the last try happens under the lock, if the engine can write
rows there.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar
from uuid import uuid4

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.warehouse.facts import Facts
from sophia_metrics.warehouse.horizons import refuse_expired
from sophia_metrics.warehouse.manifest import Switch, add_files, remove_files
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["State", "switch_optimistically"]

Answer = TypeVar("Answer")
Found = TypeVar("Found")


class State(Protocol):
    """The state tables of a warehouse.

    Attributes:
        optimistic_tries: how often rows are written before the lock is taken.
        is_writable_under_lock: rows can be written while the lock is held, too.
    """

    optimistic_tries: int
    is_writable_under_lock: bool

    def transaction(self) -> AbstractContextManager[StateConnection]:
        """Hold the one lock, and a transaction: committed at the end, rolled back on any exception."""
        ...


def switch_optimistically(
    state: State,
    facts: Facts,
    *,
    find: Callable[[StateConnection], Found],
    write: Callable[[Found, str], Switch],
    finish: Callable[[StateConnection, Switch], Answer],
    settled: Callable[[StateConnection], Answer | None] = lambda _: None,
    is_mending: bool = False,
) -> Answer:
    """Compute a switch from the pieces that there are, and make it where they are still the same.

    Args:
        state: the state tables.
        facts: where the rows lie.
        find: the pieces that the computation depends on, in order, and whatever else it does.
        write: writes what nobody sees yet, from those found; the text makes its names unlike any other's,
            because a piece that was listed once is never written again.
        finish: whatever else becomes visible in the same transaction; its value is the answer.
        settled: the answer where somebody else has done the same work; None: nobody has.
        is_mending: the days may be damaged: they are made whole.

    Raises:
        ServiceUnavailableError: what was written is gone meanwhile, a retention has dropped its days, or a day waits
            to be made again from landing.
    """
    for _ in range(state.optimistic_tries):
        with state.transaction() as locked:
            found = find(locked)
        switch = write(found, uuid4().hex)
        with state.transaction() as locked:
            if (answer := settled(locked)) is not None:
                return answer
            if find(locked) == found:
                return _switch(locked, facts, switch, finish, is_mending=is_mending)
    if not state.is_writable_under_lock:
        raise ServiceUnavailableError(
            f"other runs changed the same days {state.optimistic_tries} times meanwhile: nothing was changed, "
            "run it again"
        )
    with state.transaction() as locked:
        if (answer := settled(locked)) is not None:
            return answer
        return _switch(locked, facts, write(find(locked), uuid4().hex), finish, is_mending=is_mending)


def _switch(
    locked: StateConnection,
    facts: Facts,
    switch: Switch,
    finish: Callable[[StateConnection, Switch], Answer],
    *,
    is_mending: bool,
) -> Answer:
    refuse_expired(locked, switch.added)
    enacted = facts.enact(locked, switch, is_mending=is_mending)
    remove_files(locked, enacted.removed)
    add_files(locked, enacted.added)
    return finish(locked, enacted)
