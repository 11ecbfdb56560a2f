"""A world: one state folder with its sources, readers and notes, which lives through faults and is judged."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

from tests.chaos.children import TOLD, Child, Ending
from tests.chaos.faults import Fault, Faults, Kind
from tests.chaos.judge import State, judge_acknowledged, judge_healed, judge_messages, untold, write_state
from tests.chaos.oracle import Expected
from tests.chaos.reader import Readings, read_until
from tests.chaos.run import FLOWS, NotedRecoveries, Place, Run
from tests.chaos.sources import SourceFiles
from tests.chaos.tally import Tally
from tests.chaos.webhook import Webhook

BEGINNING = datetime(2026, 11, 20, 12)
STEP = timedelta(minutes=7)
READERS = 2


@dataclass(slots=True)
class World:
    """One state folder and everything around it.

    Attributes:
        place: its folders.
        faults: the injector.
        webhook: who is told.
        random: what decides.
        tally: where everything is counted.
        now: the clock that runs are given.
        acts: how many acts of each kind the last undisturbed run of a flow made.
    """

    place: Place
    faults: Faults
    webhook: Webhook
    random: Random
    tally: Tally
    now: datetime = BEGINNING
    acts: dict[str, dict[Kind, int]] = field(default_factory=dict[str, dict[Kind, int]])
    ended: set[int] = field(default_factory=set[int])
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    sources: SourceFiles = field(init=False)
    readers: list[tuple[Child, Path]] = field(default_factory=list[tuple[Child, Path]])
    closing: int | None = None
    recovery_count: int = 0
    is_upgrade_known: bool = False

    def __post_init__(self) -> None:
        self.sources = SourceFiles(self.place.folder / "sources", self.random)

    def begin(self) -> None:
        """Let every flow run once undisturbed, so that it is known what each does, and start the readers."""
        self.tally.worlds += 1
        for flow in FLOWS:
            self.sources.append(4)
            assert self.finish(self.start(flow)).is_well, f"{flow}: {self.tally.unhealed}"
        self.start_readers()

    def end(self) -> None:
        """Heal, judge for good, and stop the readers."""
        self.heal()
        self.stop_readers()
        messages = self.webhook.messages(self.place.webhook_url)
        self.tally.told.append(judge_messages(messages, self.place.notes, self.ended))
        self.tally.unhealed += untold(messages, Expected.of(self.sources.oracle.rows).spend_usd)

    def start(self, flow: str, fault: Fault | None = None) -> "Started":
        """Start a run of a flow in a process of its own."""
        self.now += STEP
        number = next(self.numbers)
        self.place.notes.add(note="started", run=number, flow=flow, at=self.now, fault=fault and repr(fault))
        run, counted = Run(self.place, number, self.now), self.place.folder / f"acts-{number}.txt"

        def body() -> None:
            logging.getLogger("sophia_metrics").addHandler(NotedRecoveries(self.place.notes))
            self.faults.watch(self.place.home, self.webhook.port)
            if fault is not None:
                self.faults.arm(fault)
            FLOWS[flow](run)
            counted.write_text(" ".join(map(str, self.faults.counts().values())), encoding="ascii")

        return Started(flow, number, Child.start(body, self.place.folder / f"error-{number}.txt"), counted)

    def finish(self, started: "Started", *, may_fail: bool = False) -> Ending:
        """Wait for a run, and note how it ended; one that fails without being made to is a finding."""
        ending = started.child.wait()
        if started.counted.exists():
            values = map(int, started.counted.read_text(encoding="ascii").split())
            self.acts[started.flow] = dict(zip(Kind, values, strict=True))
            started.counted.unlink()
        self.place.notes.add(note="ended", run=started.number, by=ending.signal_number, code=ending.exit_code)
        if not ending.is_well:
            self.ended.add(started.number)
        if not (ending.is_well or ending.is_killed) and (ending.exit_code != TOLD or not may_fail):
            self.tally.unhealed.append(f"a run of {started.flow} failed: {ending.said}")
        return ending

    def heal(self) -> None:
        """Judge what there is, let one run through, and judge it against everything that was written."""
        before = self._look()
        if before.recovery_count == self.recovery_count:
            self.tally.wrong.add(judge_acknowledged(before, self.sources.oracle, self.place.notes))
        else:  # the state is an older one: what was acknowledged since comes back from landing with the next run
            self.tally.others["state made again"] += before.recovery_count - self.recovery_count
            self.recovery_count = before.recovery_count
        self.sources.finish()
        if self.finish(self.start("pipeline")).is_well:
            self.tally.healed += 1
        self.tally.wrong.add(judge_healed(self._look(), self.sources.oracle, self.place.notes))

    def stop_readers(self) -> None:
        """Let the readers end, and add what they saw."""
        if self.closing is not None:
            os.close(self.closing)
            self.closing = None
        for child, report in self.readers:
            if not (ending := child.wait()).is_well:
                self.tally.readings.errors.append(f"a reader ended: {ending.said}")
            elif report.exists():
                self.tally.add_reader(Readings.load(report))
        self.readers.clear()

    def start_readers(self) -> None:
        """Let readers ask the current version until they are stopped."""
        reading, writing = os.pipe()
        self.closing = writing
        for number in range(READERS):
            report = self.place.folder / f"reader-{number}.json"

            def body(report: Path = report) -> None:
                os.close(writing)
                read_until(reading, self.place.home, report)

            self.readers.append((Child.start(body, report.with_suffix(".txt")), report))
        os.close(reading)

    def _look(self) -> State:
        target = self.place.folder / "state.json"
        look: Callable[[], None] = lambda: write_state(self.place, self.now, target)  # noqa: E731 - a body for a fork
        ending = Child.start(look, target.with_suffix(".txt")).wait()
        if not ending.is_well:
            raise AssertionError(f"the state cannot be read: {ending.said}")
        return State.load(target)


@dataclass(frozen=True, slots=True)
class Started:
    """A run under way: its flow, its number, its process, and where it leaves how many acts it made."""

    flow: str
    number: int
    child: Child
    counted: Path
