"""The façade that steps call: which services are due, ask them, keep what they said."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.answer import Outcome
from sophia_metrics.health.asking import ask_all
from sophia_metrics.health.results import History, ProbeResult, judge_round
from sophia_metrics.health.status import Earlier, ServiceStatus, fresh_for
from sophia_metrics.health.watch import Maintenance, Watch
from sophia_metrics.schema import core, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.services import run_sync
from sophia_metrics.warehouse.protocol import Observations, Query, Record, Warehouse

__all__ = ["Prober"]

LOOK_BACK = timedelta(days=7)
"""How far back a service that was down is remembered while nobody asks it."""
EARLY = 0.1
"""A service is due a tenth of its interval early: schedules do not tick to the second."""

EARLIER = """
SELECT service, probed_at, outcome, status
FROM core_probe_results
WHERE probed_on >= $first_on AND probed_at < $probed_at
    AND outcome <> 'skipped' AND is_vantage_ok AND status <> 'maintenance'
QUALIFY ROW_NUMBER() OVER (PARTITION BY service ORDER BY probed_at DESC) <= $count
ORDER BY service, probed_at DESC
"""
WATCHED = f"SELECT {', '.join(state.SERVICES.names)} FROM core_services"


@dataclass(frozen=True, slots=True)
class Prober:
    """All services that are watched, and the warehouse that keeps what they say.

    Attributes:
        warehouse: keeps results and states.
        watches: every service that is configured, and our own components.
        concurrency: how many are asked at the same time.
        vantage: the service that shows whether the network works from here. None: there is none.
        maintenance: windows in which services may fail.
    """

    warehouse: Warehouse
    watches: tuple[Watch, ...]
    concurrency: int = 32
    vantage: str | None = None
    maintenance: tuple[Maintenance, ...] = ()

    def named(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names, or all there are where none is given.

        Raises:
            ConfigurationError: there is no such service.
        """
        known = [watch.service for watch in self.watches]
        if unknown := next((name for name in names if name not in known), None):
            raise ConfigurationError(
                f"there is no service {unknown!r}: name one of {', '.join(known)}, or add it to sophia.toml"
            )
        return tuple(names or known)

    def due(self, now: datetime) -> tuple[str, ...]:
        """Return the services that were not asked within their interval; `now` is naive UTC.

        With any of them the vantage service is due too.
        """
        last_at = {row["service"]: row["probed_at"] for row in self._states()}
        due = [watch.service for watch in self.watches if _is_due(watch, last_at.get(watch.service), now)]
        return tuple(watch.service for watch in self.watches if watch.service in due or (due and self._sees(watch)))

    def ask(self, names: Sequence[str], now: datetime) -> tuple[ProbeResult, ...]:
        """Ask services by name, all at once, and judge their answers; nothing is kept.

        Args:
            names: the services. The vantage service is asked with them.
            now: the present (naive UTC), when the round begins.
        """
        watches = [watch for watch in self.watches if watch.service in names or (names and self._sees(watch))]
        answers = run_sync(ask_all(watches, self.concurrency))
        return judge_round(
            zip(watches, answers, strict=True),
            self._histories(watches, now),
            now,
            vantage=self.vantage,
            maintenance=self.maintenance,
        )

    def keep(self, results: Sequence[ProbeResult], now: datetime) -> int:
        """Commit results, and note what is watched now; keeping twice is keeping once.

        Return how many results were new.
        """
        new_count = 0
        if results:
            wanted = polars_schema(core.PROBE_RESULTS)
            rows = [{"probed_on": each.probed_at.date(), **asdict(each)} for each in results]
            frame = pl.DataFrame([{name: row[name] for name in wanted} for row in rows], schema=wanted)
            new_count = self.warehouse.commit(Observations({core.PROBE_RESULTS.name: frame})).event_count
        if states := self._next_states(results, now):
            frame = pl.DataFrame(states, schema=polars_schema(state.SERVICES))
            self.warehouse.record(Record({state.SERVICES.name: frame}))
        return new_count

    def _sees(self, watch: Watch) -> bool:
        return watch.service == self.vantage

    def _states(self) -> list[dict[str, Any]]:
        """Return the rows of core_services of what was watched until now."""
        return [row for row in self.warehouse.read(Query(WATCHED)).to_dicts() if row["removed_at"] is None]

    def _histories(self, watches: Sequence[Watch], now: datetime) -> dict[str, History]:
        count = max((max(each.thresholds.failures, each.thresholds.successes) for each in watches), default=1)
        parameters = {"first_on": (now - LOOK_BACK).date(), "probed_at": now, "count": count}
        earlier: defaultdict[str, list[Earlier]] = defaultdict(list)
        for service, probed_at, outcome, status in self.warehouse.read(Query(EARLIER, parameters)).iter_rows():
            earlier[service].append(Earlier(probed_at, Outcome(outcome), ServiceStatus(status)))
        states = {row["service"]: row for row in self._states()}
        return {
            watch.service: History(
                tuple(earlier[watch.service]),
                ServiceStatus(known["status"]),
                known["since_at"],
                known["probed_at"],
            )
            if (known := states.get(watch.service))
            else History(tuple(earlier[watch.service]))
            for watch in watches
        }

    def _next_states(self, results: Sequence[ProbeResult], now: datetime) -> list[dict[str, Any]]:
        """Return the rows of core_services that change: what was asked, and what is no longer watched."""
        known = {row["service"]: row for row in self._states()}
        watches = {watch.service: watch for watch in self.watches}
        gone = [{**row, "removed_at": now} for name, row in known.items() if name not in watches]
        return gone + [
            _state(watches[each.service], each, known.get(each.service, {}).get("added_at", now)) for each in results
        ]


def _is_due(watch: Watch, last_at: datetime | None, now: datetime) -> bool:
    return last_at is None or now - last_at >= timedelta(seconds=watch.interval_seconds * (1 - EARLY))


def _state(watch: Watch, result: ProbeResult, added_at: datetime) -> dict[str, Any]:
    return {
        "service": watch.service,
        "kind": watch.kind,
        "is_required": watch.is_required,
        "required_by": ", ".join(watch.required_by) or None,
        "objective_ratio": watch.objective_ratio,
        "interval_seconds": watch.interval_seconds,
        "status": result.status,
        "since_at": result.since_at,
        "probed_at": result.probed_at,
        "stale_at": result.probed_at + fresh_for(watch.interval_seconds),
        "latency_ms": result.latency_ms,
        "message": result.message,
        "added_at": added_at,
        "removed_at": None,
    }
