"""The dashboard as a component: it reads the published version, at most once a minute and version."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock

from sophia_metrics.costs.budgets import HeldBudget, published_budgets
from sophia_metrics.dashboard.overview import Overview
from sophia_metrics.dashboard.reading import load_overview
from sophia_metrics.errors import SophiaError
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from sophia_metrics.serving import Serving

__all__ = ["Dashboard"]

COMPONENT = "dashboard"
SECOND_MS = 1000.0


class Dashboard(ServiceLifecycle):
    """What the page and its API show. It never writes, and never waits for who does."""

    def __init__(self, serving: Serving, time_zone: str, clock: Callable[[], datetime]) -> None:
        self._serving = serving
        self._time_zone = time_zone
        self._clock = clock
        self._lock = Lock()
        self._read: tuple[tuple[int | None, datetime], Overview] | None = None
        self._read_count = 0
        self._read_ms: float | None = None

    def overview(self) -> Overview:
        """Return the version that is published now, as of this minute.

        Raises:
            ConfigurationError: nothing is published yet.
            ServiceUnavailableError: the version, or a file that it lists, cannot be read.
        """
        now = self._clock()
        with self._lock:
            wanted = (self._serving.version, now.replace(second=0, microsecond=0))
            if self._read is None or self._read[0] != wanted:
                start = time.perf_counter()
                overview = load_overview(self._serving, now, self._time_zone)
                self._read_ms = (time.perf_counter() - start) * SECOND_MS
                self._read_count += 1
                self._read = (wanted, overview)
            return self._read[1]

    def budgets(self) -> tuple[HeldBudget, ...]:
        """Return the budgets of the published version that hold now, then those that are planned.

        Raises:
            ConfigurationError: nothing is published yet.
            ServiceUnavailableError: the version cannot be read.
        """
        return published_budgets(self._serving, self._clock())

    async def health_check(self) -> Health:
        """Read the published version."""
        start = time.perf_counter()
        if self._serving.version is None:
            return Health(COMPONENT, HealthStatus.UNKNOWN, "nothing is published yet: run `sophia-metrics run`")
        try:
            overview = self.overview()
        except SophiaError as error:
            return Health(COMPONENT, HealthStatus.DOWN, str(error))
        elapsed_ms = (time.perf_counter() - start) * SECOND_MS
        facts = {"version": overview.version, "stale_count": len(overview.stale)}
        return Health(COMPONENT, HealthStatus.HEALTHY, f"shows version {overview.version}", elapsed_ms, facts)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Return how often a version was read, and how long the last time took."""
        return {"read_count": self._read_count, "read_ms": self._read_ms, "version": self._serving.version}
