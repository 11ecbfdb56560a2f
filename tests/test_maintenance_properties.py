"""Whatever is committed, published, compacted, expired and swept in which order: no file that is needed is gone."""

import os
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.maintenance.upkeep import Freed
from sophia_metrics.quality.judging import judge_marts
from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
from sophia_metrics.warehouse.duckdb.versions import listed_paths, version_files
from sophia_metrics.warehouse.protocol import Compaction, Query, Retention
from tests.effort import examples
from tests.lab import Lab, event

START = datetime(2040, 1, 1, 12)
"""Far from the clock of this machine, so that files which it has dated are told from those that the test has."""

DAYS = [date(2026, 11, day) for day in (10, 11, 18)]
EPOCH = datetime(1970, 1, 1)

commits = st.tuples(st.just("commit"), st.sampled_from(DAYS), st.integers(0, 3), st.integers(1, 9))
passes = st.tuples(st.just("pass"), st.sampled_from([timedelta(minutes=20), timedelta(hours=3), timedelta(days=2)]))
others = st.sampled_from([("publish",), ("sweep",), ("compact",), ("expire",)])


class World:
    """A state folder whose files age with a clock of our own, and what its figures must be."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "state"
        self.now = START
        self.count = 0
        self.tokens: dict[date, dict[str, int]] = {day: {} for day in DAYS}
        self.is_expired = False
        self.is_published = False

    @property
    def lab(self) -> Lab:
        return Lab(self.home, now=self.now)

    def commit(self, day: date, number: int, tokens: int) -> None:
        self.count += 1
        ident = f"{day}-{number}"
        calls = [
            event(
                ident,
                f"{day}T10:00:00Z",
                output_tokens=tokens,
                source_updated_at=f"{START + timedelta(seconds=self.count)}Z",
            )
        ]
        self.lab.ingest(self.lab.write(f"{self.count}.jsonl", calls))
        if not (self.is_expired and day < DAYS[-1]):
            self.tokens[day][ident] = tokens

    def publish(self) -> None:
        self.lab.publish()
        self.is_published = True

    def sweep(self) -> None:
        swept = DuckDBUpkeep(self.home, keep_versions=2).sweep(self.now)
        assert swept.orphans == swept.problems == ()

    def compact(self) -> None:
        self.lab.warehouse.commit(Compaction(self.now))

    def expire(self) -> None:
        self.lab.collector.audit(self.now)
        self.lab.warehouse.build()
        judge_marts(self.lab.warehouse, self.now)
        expired = self.lab.warehouse.commit(Retention(DAYS[-1], None, None, self.now))
        assert expired.stopped_because is None
        self.is_expired = True

    def passes(self, time: timedelta) -> None:
        """Let time pass: what was written, or left the list, since the last time is dated by the clock of the test."""
        instant = (self.now - EPOCH).total_seconds()
        for path in self.home.rglob("*.parquet"):
            if path.stat().st_mtime < (START - EPOCH).total_seconds() - 365 * 86400:
                os.utime(path, (instant, instant))
        self.now += time

    def check(self) -> None:
        """Every file that is listed is there, and the figures are those that were committed."""
        paths = {path for (path,) in self.lab.warehouse.read(Query("SELECT path FROM manifest")).rows()}
        for version in version_files(self.home / "serving").values():
            paths |= listed_paths(version)
        assert [path for path in sorted(paths) if not (self.home / path).exists()] == []
        if not self.is_published:
            return
        self.publish()
        spend = "SELECT usage_on, sum(output_tokens)::BIGINT FROM mart_cost_daily GROUP BY usage_on ORDER BY usage_on"
        wanted = [(day, sum(known.values())) for day, known in self.tokens.items() if known]
        assert self.lab.serving.query(spend).rows() == wanted
        kept = self.tokens[DAYS[-1]] if self.is_expired else {k: v for day in DAYS for k, v in self.tokens[day].items()}
        assert self.lab.one("SELECT coalesce(sum(output_tokens), 0)::BIGINT FROM core_usage_events") == sum(
            kept.values()
        )


@settings(max_examples=examples(4), deadline=None, derandomize=True)
@given(st.lists(st.one_of(commits, commits, passes, others), min_size=4, max_size=10))
def test_no_listed_file_is_ever_removed_and_the_figures_stay(steps):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for name, *arguments in steps:
            getattr(world, "passes" if name == "pass" else name)(*arguments)
        world.check()
        world.passes(timedelta(days=2))
        world.sweep()
        world.sweep()
        world.check()


def test_what_is_needed_no_more_is_gone_after_two_sweeps():
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for tokens in range(1, 6):
            world.commit(DAYS[0], 0, tokens)
            world.publish()
        world.passes(timedelta(days=2))
        world.sweep()
        world.sweep()
        assert DuckDBUpkeep(world.home, keep_versions=2).sweep(world.now).freed == Freed(0, 0)
        kept = set((world.home / "core" / "usage_events" / f"usage_on={DAYS[0]}").iterdir())
        assert len(kept) == 2  # that of the current version, and that of the one before it
