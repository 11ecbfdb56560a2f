"""Keeping the runs of our deployments in order: what was killed is ended, so that its slot is free for the next one."""

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException

from flows.schedules.dead_runs import DeadRun, LooseSlots, Underway, end_dead_runs, free_slots, look_at_runs
from sophia_metrics.errors import SophiaError
from sophia_metrics.settings import Settings
from tasks.clock import utc_now
from tasks.runs import evidence_of_runs, forget_runs

__all__ = ["RunKeeper", "keep_runs", "see_runs"]

log = logging.getLogger("sophia_metrics.runs")

EVERY_SECONDS = 180.0


def keep_runs(settings: Settings, now: datetime) -> tuple[tuple[DeadRun, ...], tuple[LooseSlots, ...]]:
    """End the runs whose process is gone, and free slots that no run holds; return both. `now` is naive UTC.

    A run that is at work, or of which nothing is known here, is left alone.
    """
    evidence = evidence_of_runs(settings, now)
    with get_client(sync_client=True) as client:
        ended = end_dead_runs(client, look_at_runs(client, evidence, now).dead)
        freed = free_slots(client)
    forget_runs(settings, (each.run_id for each in ended))
    return ended, freed


def see_runs(settings: Settings, now: datetime) -> Underway:
    """Look at the runs of our deployments on the Prefect API; nothing is changed there. `now` is naive UTC."""
    evidence = evidence_of_runs(settings, now)
    with get_client(sync_client=True) as client:
        return look_at_runs(client, evidence, now)


class RunKeeper:
    """Keeps runs in order from `start` to `stop`: at once, and every three minutes, on a thread of its own."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        """Prepare; `say` is told what was done."""
        self._settings = settings
        self._say = say
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="sophia-run-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for a look that is under way."""
        self._stopped.set()

    def _run(self) -> None:
        while True:
            self._keep()
            if self._stopped.wait(EVERY_SECONDS):
                return

    def _keep(self) -> None:
        try:
            ended, freed = keep_runs(self._settings, utc_now())
        except (SophiaError, PrefectException, httpx.HTTPError) as error:
            log.warning("the runs could not be looked after, which is tried again: %s", error)
            return
        for each in ended:
            self._say(f"ended       run {each.name} of {each.deployment}, {each.state} in Prefect: {each.reason}")
        for each in freed:
            self._say(f"freed       {each.taken_count - each.running_count} slot of {each.deployment} that no run held")
