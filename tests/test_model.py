"""The warehouse against a model of a few lines: whatever happens in whatever order, core is what the files say.

The model is a list of lines for each file, and arithmetic over them. Files arrive, grow and come again under other names,
in any order and with any delay; calls are restated and move over the borders of days, months, leap days and clock changes;
rows are broken, slices are held, days expire, runs are interrupted between any two durable acts, and clocks go back.

`TEST_EFFORT=150 uv run pytest -n 0 tests/test_model.py` is the long form.
"""

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sophia_metrics.costs.budgets import Budget, set_budget
from sophia_metrics.scopes import Scope
from sophia_metrics.usage.gate import GateLimits
from sophia_metrics.warehouse.protocol import Retention
from sophia_metrics.windows import Window
from tests.effort import examples
from tests.interruption import Interrupted, interrupted_at
from tests.lab import Lab

at = datetime.fromisoformat
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
STARTS = (
    at("2026-11-18 12:00"),
    at("2026-11-01 05:30"),  # in New York clocks go back within the hour, and a month has just begun
    at("2026-10-25 00:59:59.999999"),  # in Berlin clocks go back with the next microsecond
    at("2026-03-29 01:00"),  # in Berlin they have just gone forward
    at("2028-02-29 23:59:59"),
    at("2026-12-31 18:20"),  # in Kathmandu the new year is five minutes old
)
MOMENT = timedelta(microseconds=1)
DOUBTING = GateLimits()
TRUSTING = GateLimits(max_quarantined_ratio=1.0)


@dataclass(frozen=True)
class Version:
    """One line of a file: a version of a call, or a broken row."""

    ident: str
    started_at: datetime
    updated: int
    tokens: int
    cost: Decimal
    is_broken: bool = False

    def line(self) -> str:
        facts = {
            "id": self.ident,
            "started_at": f"{self.started_at.isoformat()}Z",
            "source_updated_at": f"{(at('2026-01-01') + timedelta(minutes=self.updated)).isoformat()}Z",
            "provider": "openai",
            "model": "gpt-4o",
            "input_tokens": -1 if self.is_broken else 0,
            "output_tokens": self.tokens,
            "cost": str(self.cost),
            "currency": "USD",
        }
        return json.dumps(facts) + "\n"


@dataclass
class Line:
    """A version as it was delivered.

    Attributes:
        version: what it says.
        is_refused: it came for a day whose rows had expired already.
        is_dropped: its call was dropped when its day expired.
    """

    version: Version
    is_refused: bool = False
    is_dropped: bool = False

    @property
    def is_counted(self) -> bool:
        return not (self.version.is_broken or self.is_refused or self.is_dropped)


def borders(now: datetime) -> list[datetime]:
    """Return instants around which days, months and clocks change before now, in every zone."""
    days = [now.date() - timedelta(days=back) for back in (0, 1, 2, 3, 7, 30, 31, 32, 62)]
    days += [each.replace(day=1) for each in days]
    starts = [datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(zone)) for each in days for zone in ZONES]
    exact = sorted({start.astimezone(UTC).replace(tzinfo=None) for start in starts})
    near = [each + shift for each in exact for shift in (-MOMENT, timedelta(0), timedelta(minutes=14, seconds=59))]
    return [each for each in near if each <= now]


class Warehouse(RuleBasedStateMachine):
    """What may happen to a warehouse."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sophia-model-"))
        self.files: dict[str, list[Line]] = {}
        self.held: set[str] = set()
        self.doubtful: set[str] = set()
        self.written = 0
        self.is_collected = True
        self.kept_from_on: date | None = None
        self.rolled_up: list[Version] = []
        self.published: list[Version] | None = None

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(now=st.sampled_from(STARTS))
    def begin(self, now: datetime) -> None:
        self.lab = Lab(self.folder / "state", now=now)
        self.latest = now
        self.source = self.lab.source(self.folder / "*.jsonl")
        for zone in ZONES:
            name = zone.lower().replace("/", "-")
            set_budget(self.lab.warehouse, Budget(name, Scope("all", "all"), "day", Decimal(1), zone), now)

    # What arrives.

    @rule(idents=st.lists(st.integers(0, 9), min_size=1, max_size=4), data=st.data())
    def calls_arrive_in_a_new_file(self, idents: list[int], data: st.DataObject) -> None:
        self.deliver(self.new_name(), [self.drawn(ident, data) for ident in idents])

    @precondition(lambda self: any(name not in self.held for name in self.files))
    @rule(ident=st.integers(0, 9), data=st.data())
    def a_file_grows(self, ident: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(set(self.files) - self.held)))
        self.deliver(name, [self.drawn(ident, data)])

    @precondition(lambda self: self.newest())
    @rule(data=st.data(), seconds=st.sampled_from([0, 1, -1, 3600, -86_400, -3 * 86_400]))
    def a_call_is_restated(self, data: st.DataObject, seconds: int) -> None:
        before = data.draw(st.sampled_from(sorted(self.newest().values(), key=lambda each: each.ident)))
        drawn = self.drawn(int(before.ident), data)
        moved = min(before.started_at + timedelta(seconds=seconds), self.lab.now)
        self.deliver(self.new_name(), [replace(drawn, started_at=moved, updated=before.updated + 1)])

    @precondition(lambda self: self.files.keys() - self.doubtful)
    @rule(data=st.data(), is_reversed=st.booleans())
    def a_file_comes_again_under_another_name(self, data: st.DataObject, is_reversed: bool) -> None:
        lines = self.files[data.draw(st.sampled_from(sorted(self.files.keys() - self.doubtful)))]
        versions = [each.version for each in lines]
        self.deliver(self.new_name(), versions[::-1] if is_reversed else versions)

    @rule(ident=st.integers(0, 9), data=st.data())
    def a_broken_row_arrives(self, ident: int, data: st.DataObject) -> None:
        self.deliver(self.new_name(), [replace(self.drawn(ident, data), is_broken=True), self.drawn(ident, data)])

    # What runs.

    @rule()
    def a_run_collects(self) -> None:
        self.collect()

    @rule()
    def a_run_collects_what_nobody_believes(self) -> None:
        self.collect()
        name = self.new_name()
        broken = [Version(f"{name}-{n}", self.lab.now, 1, 1, Decimal(1), is_broken=n > 0) for n in range(20)]
        self.held.add(name)
        self.doubtful.add(name)
        self.deliver(name, broken)
        self.collect()

    @precondition(lambda self: self.held)
    @rule()
    def what_was_held_is_believed_after_all(self) -> None:
        self.held.clear()
        self.collect(TRUSTING)

    @rule(act=st.integers(1, 60), is_publishing=st.booleans())
    def a_run_is_interrupted(self, act: int, is_publishing: bool) -> None:
        try:
            with interrupted_at(act):
                self.collect()
                if is_publishing:
                    self.publish()
        except Interrupted:
            self.is_collected = False

    @rule()
    def a_run_publishes(self) -> None:
        self.collect()
        self.publish()

    @rule(hours=st.sampled_from([-0.5, -0.01, 0.01, 1, 24, 24 * 40]))
    def time_passes_and_clocks_may_go_back(self, hours: float) -> None:
        self.latest = max(self.latest, self.lab.now)  # rows of more than an hour after now would be refused
        now = max(self.lab.now + timedelta(hours=hours), self.latest - timedelta(minutes=45))
        self.lab = replace(self.lab, now=now)

    @precondition(lambda self: not self.held)
    @rule(days=st.sampled_from([0, 1, 5, 31]))
    def old_days_expire(self, days: int) -> None:
        self.collect()
        self.publish()
        wanted = self.lab.now.date() - timedelta(days=days)
        self.kept_from_on = max(wanted, self.kept_from_on or wanted)
        dropped = {ident: each for ident, each in self.newest().items() if each.started_at.date() < self.kept_from_on}
        self.rolled_up += dropped.values()
        for line in (line for lines in self.files.values() for line in lines):
            line.is_dropped = line.is_dropped or (line.is_counted and line.version.ident in dropped)
        expired = self.lab.warehouse.commit(Retention(wanted, None, None, self.lab.now))
        assert expired.usage_from_on == self.kept_from_on

    @precondition(lambda self: self.kept_from_on is None)
    @rule(day=st.integers(0, 3))
    def days_are_made_anew_from_landing(self, day: int) -> None:
        self.collect()
        first = self.lab.now.date() - timedelta(days=day)
        window = Window(at(first.isoformat()), at(first.isoformat()) + timedelta(days=day + 1))
        self.lab.collector.rebuild([self.source], window, self.lab.now)
        self.lab.collector.audit(self.lab.now)

    # What must hold.

    @precondition(lambda self: self.is_collected)
    @invariant()
    def core_is_what_the_files_say(self) -> None:
        core = self.lab.rows("SELECT output_tokens, started_at, cost_usd FROM core_usage_events ORDER BY ALL")
        assert core == sorted((each.tokens, each.started_at, each.cost) for each in self.newest().values())

    @precondition(lambda self: self.is_collected)
    @invariant()
    def every_line_is_accounted_for_once(self) -> None:
        counts = "sum(row_count), sum(quarantined_count)"
        ledger = self.lab.rows(f"SELECT {counts} FROM core_ingest_ledger WHERE status = 'committed'")
        lines = [each for lines in self.believed() for each in lines]
        rejected = sum(each.version.is_broken or each.is_refused for each in lines)
        assert ledger == ([(len(lines), rejected)] if lines else [(None, None)])
        found = self.lab.rows("SELECT count(*), count(DISTINCT quarantine_id) FROM core_quarantine")
        assert found == [(rejected, rejected)] or (self.kept_from_on and found[0][0] == found[0][1] <= rejected)

    @precondition(lambda self: self.published is not None)
    @invariant()
    def readers_see_what_was_published_last(self) -> None:
        sums = defaultdict[date, Decimal](Decimal)
        for each in self.published or []:
            sums[each.started_at.date()] += each.cost
        read = self.lab.serving.query("SELECT usage_on, sum(cost_usd) AS cost_usd FROM mart_cost_daily GROUP BY ALL")
        assert dict(read.rows()) == dict(sums)

    # The model.

    def new_name(self) -> str:
        return f"{len(self.files):03d}.jsonl"

    def drawn(self, ident: int, data: st.DataObject) -> Version:
        self.written += 1
        return Version(
            str(ident),
            data.draw(st.sampled_from(borders(self.lab.now))),
            data.draw(st.integers(0, 2)),
            self.written,
            data.draw(st.sampled_from([Decimal("0.01"), Decimal("0.000000000001"), Decimal(3)])),
        )

    def deliver(self, name: str, versions: Iterable[Version]) -> None:
        more = list(versions)
        first = self.kept_from_on
        lines = [Line(each, first is not None and each.started_at.date() < first) for each in more]
        self.files.setdefault(name, []).extend(lines)
        with (self.folder / name).open("a") as file:
            file.writelines(each.line() for each in more)
        self.is_collected = False

    def believed(self) -> list[list[Line]]:
        return [lines for name, lines in self.files.items() if name not in self.held]

    def newest(self) -> dict[str, Version]:
        """Return each call as its newest version has it, at the smallest of its starts."""
        newest: dict[str, Version] = {}
        starts: dict[str, datetime] = {}
        for each in (line.version for lines in self.believed() for line in lines if line.is_counted):
            starts[each.ident] = min(each.started_at, starts.get(each.ident, each.started_at))
            known = newest.get(each.ident, each)
            newest[each.ident] = max(known, each, key=lambda version: (version.updated, version.tokens))
        return {ident: replace(each, started_at=starts[ident]) for ident, each in newest.items()}

    # The warehouse.

    def collect(self, limits: GateLimits = DOUBTING) -> None:
        replace(self.lab, limits=limits).collect(self.source)
        self.lab.collector.audit(self.lab.now)
        self.is_collected = True

    def publish(self) -> None:
        self.lab.publish()
        self.published = [*self.newest().values(), *self.rolled_up]
        self.check_budget_days()

    def check_budget_days(self) -> None:
        """Compare what a day cost in each zone, as published for its budget, with Python's own calendar."""
        spent: defaultdict[tuple[str, date], Decimal] = defaultdict(Decimal)
        for each in self.published or []:
            for zone in ZONES:
                spent[zone, each.started_at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()] += each.cost
        rows = self.lab.serving.query("SELECT time_zone, day_on, cost_usd FROM mart_budget_days").rows()
        for zone, day, cost in rows:
            assert (cost or 0) == spent.get((zone, day), 0), (zone, day)


TestWarehouse = Warehouse.TestCase
TestWarehouse.settings = settings(
    max_examples=examples(3),
    stateful_step_count=14,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes, and a run is short anyhow
    suppress_health_check=list(HealthCheck),
)
