"""One run of a flow in a process of its own: the same calls as the tasks make, and notes of what was promised."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
from pydantic import SecretStr

from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.check import check_rules
from sophia_metrics.alerts.dispatch import dispatch
from sophia_metrics.alerts.episode import DeliveryStatus
from sophia_metrics.alerts.evaluation import Channel
from sophia_metrics.alerts.notifier import Answer, Notification
from sophia_metrics.alerts.policy import Policy
from sophia_metrics.alerts.published import read_observations
from sophia_metrics.costs.budgets import Budget, apply_budgets
from sophia_metrics.notifiers.webhook import WebhookNotifier
from sophia_metrics.quality.judging import judge_marts
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.schema import core, state
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import Serving
from sophia_metrics.turns import one_at_a_time
from sophia_metrics.usage.collect import Collector
from sophia_metrics.usage.landing import Landing
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.protocol import Observations, Record
from tests.chaos.notes import Notes
from tests.lab import Lab

CHANNEL = "ops"
LIMITS_USD = {"small": Decimal("0.05"), "large": Decimal("0.5")}
SHARES = tuple(Decimal(step) / 4 for step in range(1, 41))
BUDGETS = tuple(Budget(name, Scope.parse("all"), "month", limit, "UTC", SHARES) for name, limit in LIMITS_USD.items())
"""Their thresholds are so close that nearly every run crosses one: there is always something to tell."""


EACH_ALONE = Policy(is_inhibiting=False)
"""No alert keeps another from being told: the judge asks for every threshold."""


class NotedRecoveries(logging.Handler):
    """Notes that the state was made again, when the program says so."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        if "it was made again" in record.getMessage():
            self._notes.add(note="recovered")


class NotedWarehouse(DuckDBWarehouse):
    """Notes each delivery whose mark is on disk."""

    notes: Notes

    def record(self, record: Record) -> None:
        """Write rows, then say which deliveries they mark as sent."""
        super().record(record)
        rows = record.rows.get(state.ALERT_DELIVERIES.name)
        if rows is not None:
            for row in rows.filter(pl.col("status") == DeliveryStatus.SENT.value).iter_rows(named=True):
                delivery = f"{row['episode_id']}-{row['sequence_number']}-{row['kind']}"
                self.notes.add(note="marked", delivery=delivery)


class NotedNotifier(WebhookNotifier):
    """Notes each message before it is sent."""

    notes: Notes
    run: int

    async def send(self, notification: Notification) -> Answer:
        """Note, then send."""
        self.notes.add(note="sending", run=self.run, delivery=notification.delivery.delivery_id)
        return await super().send(notification)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a world lives: a state folder, source files and notes beside it, a webhook receiver."""

    folder: Path
    webhook_url: str

    @property
    def home(self) -> Path:
        """The state folder; faults strike below it."""
        return self.folder / "state"

    @property
    def notes(self) -> Notes:
        """What runs say of themselves."""
        return Notes(self.folder / "notes.jsonl")

    def warehouse(self, now: datetime) -> NotedWarehouse:
        """Open the warehouse as a step does: ready for use."""
        warehouse = NotedWarehouse(self.home, memory_limit="512MiB")
        warehouse.notes = self.notes
        warehouse.prepare(now)
        return warehouse

    def lab(self, now: datetime) -> Lab:
        """Return the pipeline at a moment."""
        return Lab(self.home, now=now)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one flow, at a moment (naive UTC)."""

    place: Place
    number: int
    now: datetime

    def pipeline(self) -> None:
        """Collect, observe, audit, price, build, judge, publish, tell: as flows/run_pipeline.py."""
        self._collect()
        self.observe()
        collector = self.place.lab(self.now).collector
        collector.audit(self.now)
        collector.price_again(self.now)
        self.build()
        self.tell()

    def collect(self) -> None:
        """As flows/collect_usage.py."""
        self._collect()
        self.place.lab(self.now).collector.price_again(self.now)

    def build(self) -> None:
        """As flows/build_dashboard.py."""
        warehouse = self.place.warehouse(self.now)
        apply_budgets(warehouse, BUDGETS, self.now)
        warehouse.build()
        judge_marts(warehouse, self.now)
        publish_judged(warehouse, self.now)

    def observe(self) -> None:
        """As flows/probe_services.py: keep one probe result."""
        probed_at = self.now + timedelta(microseconds=self.number)
        row = {
            "service": "gateway",
            "probed_at": probed_at,
            "kind": "http",
            "outcome": "ok",
            "status": "healthy",
            "latency_ms": 1.0,
            "attempt_count": 1,
            "is_vantage_ok": True,
            "interval_seconds": 60,
        }
        self.place.warehouse(self.now).commit(Observations({core.PROBE_RESULTS.name: pl.DataFrame([row])}))
        self.place.notes.add(note="observed", probed_at=probed_at.isoformat())

    def tell(self) -> None:
        """As flows/check_alerts.py."""
        home, warehouse = self.place.home, self.place.warehouse(self.now)
        severities = frozenset({"warning", "critical"})
        with one_at_a_time(home / "alerts.lock"):
            seen = read_observations(Serving(home))
            channels = (Channel(CHANNEL, severities),)
            changed = check_rules(warehouse, (BudgetRule(),), seen, channels, self.now, EACH_ALONE)
        notifier = NotedNotifier(CHANNEL, SecretStr(self.place.webhook_url), SecretStr("a key of the tests"))
        notifier.notes, notifier.run = self.place.notes, self.number
        with one_at_a_time(home / "deliveries.lock"):
            dispatched = dispatch(warehouse, {CHANNEL: notifier}, lambda: self.now)
        if not changed.is_empty or dispatched.is_changed:
            publish_judged(warehouse, self.now)

    def upgrade(self) -> None:
        """Bring the state up to date, as the first step of any flow does."""
        self.place.warehouse(self.now)

    def _collect(self) -> None:
        lab = self.place.lab(self.now)
        source, collector = lab.source(self.place.folder / "sources" / "*.jsonl"), lab.collector
        collector.mend([source], self.now)
        for landing in collector.pending(source):
            self._commit(lab, collector, landing)
        findings = collector.find(source, self.now)
        is_any = False
        for batch in findings.batches:
            for landing in collector.land(source, batch, self.now).landings:
                self._commit(lab, collector, landing)
                is_any = True
        if not is_any:
            collector.note_collected(source, self.now)

    def _commit(self, lab: Lab, collector: Collector, landing: Landing) -> None:
        """Commit a landed file; its rows are acknowledged from here on."""
        source = lab.source(self.place.folder / "sources" / "*.jsonl")
        receipt = collector.commit(source, landing, self.now)
        if receipt.held_because is None:
            for file in landing.files:
                self.place.notes.add(
                    note="acknowledged", path=file.path, byte_start=file.byte_start, byte_end=file.byte_end
                )


FLOWS: Mapping[str, Callable[[Run], None]] = {
    "pipeline": Run.pipeline,
    "collect": Run.collect,
    "build": Run.build,
    "observe": Run.observe,
    "tell": Run.tell,
    "upgrade": Run.upgrade,
}
