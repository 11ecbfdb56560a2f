"""What the Prefect API has of our deployments: runs whose process is gone, and the slots that they hold.

Prefect is imported only where an API answers.
"""

import atexit
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sophia_metrics.cli.figures import instant, plural
from sophia_metrics.cli.leak_reports import close_stderr
from sophia_metrics.cli.prefect_api import PrefectApi
from sophia_metrics.settings import Settings

if TYPE_CHECKING:
    from flows.schedules.dead_runs import DeadRun, LooseSlots, Underway

__all__ = ["RunsUnderway", "look_at_prefect"]


@dataclass(frozen=True, slots=True)
class RunsUnderway:
    """What holds slots of our deployments.

    Attributes:
        problems: dead runs, and slots that no run holds, each in a sentence: new runs wait or are cancelled.
        notes: deployments that run nothing, and runs of which nothing is known here, each in a sentence.
        alive_count: runs that are at work.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    alive_count: int

    @property
    def is_well(self) -> bool:
        """Nothing holds a slot that does not work."""
        return not self.problems


def look_at_prefect(
    settings: Settings, api: PrefectApi, now: datetime, *, is_repairing: bool
) -> tuple[RunsUnderway | None, tuple[str, ...] | None]:
    """Look at the runs, and repair first where that is asked for; return what there is, and what was repaired.

    Raises:
        ServiceUnavailableError: the state is held by another program.
    """
    if api.url is None or not api.is_reachable or not settings.home.exists():
        return None, () if is_repairing else None
    atexit.register(close_stderr)
    os.environ["PREFECT_API_URL"] = api.url
    from flows.schedules.keeping import keep_runs, see_runs  # noqa: PLC0415 - Prefect reads its settings when imported

    repaired = None
    if is_repairing:
        ended, freed = keep_runs(settings, now)
        repaired = (*(f"ended {_dead(each)}" for each in ended), *(f"freed {_loose(each)}" for each in freed))
    seen = see_runs(settings, now)
    return RunsUnderway(tuple(_problems(seen)), tuple(_notes(seen)), seen.alive_count), repaired


def _problems(seen: "Underway") -> Iterator[str]:
    yield from map(_dead, seen.dead)
    yield from map(_loose, seen.loose)


def _notes(seen: "Underway") -> Iterator[str]:
    if seen.unknown_count:
        yield (
            f"nothing is known here of {plural(seen.unknown_count, 'run')} that Prefect takes for running: "
            "they are left alone; cancel in the Prefect UI what is dead"
        )
    for each in seen.paused:
        why = "its schedule is paused" if each.is_paused else "no worker asks for its runs"
        yield f"deployment {each.deployment} runs nothing: {why}"


def _dead(run: "DeadRun") -> str:
    return f"run {run.name} of {run.deployment}, {run.state} in Prefect since {instant(run.since_at)}: {run.reason}"


def _loose(slots: "LooseSlots") -> str:
    return (
        f"{plural(slots.taken_count - slots.running_count, 'slot')} of {slots.deployment} "
        f"({slots.taken_count} taken, {plural(slots.running_count, 'run')} at work)"
    )
