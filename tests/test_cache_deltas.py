"""Counts between snapshots: a reset never makes them negative, and a life's total is never what happened now."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_metrics.cache.deltas import Counters, Delta, delta

NOON = datetime(2026, 11, 18, 12)
MINUTE = timedelta(minutes=1)
BEFORE = Counters(
    taken_at=NOON,
    run_id="a",
    uptime_seconds=3600,
    started_at=NOON - timedelta(hours=1),
    hit_total=1000,
    miss_total=100,
    evicted_total=10,
    expired_total=20,
    command_total=5000,
    info_call_total=60,
)
AFTER = replace(
    BEFORE,
    taken_at=NOON + MINUTE,
    uptime_seconds=3660,
    hit_total=1030,
    miss_total=105,
    evicted_total=12,
    expired_total=20,
    command_total=5100,
    info_call_total=61,
)
RESTARTED = replace(AFTER, run_id="b", uptime_seconds=20, started_at=NOON + MINUTE - timedelta(seconds=20))


def test_the_first_snapshot_says_nothing():
    assert delta(None, AFTER) == Delta(None, None, None, None, is_reset=False, is_lower_bound=False)


def test_counts_are_differences():
    assert delta(BEFORE, AFTER) == Delta(30, 5, 2, 0)


def test_what_our_own_reading_added_is_taken_off():
    assert delta(BEFORE, replace(AFTER, own_hit_count=4, own_miss_count=2)) == Delta(26, 3, 2, 0)


@pytest.mark.parametrize(
    "after",
    [
        replace(RESTARTED, hit_total=7, miss_total=3, evicted_total=1, expired_total=2),
        replace(AFTER, uptime_seconds=20, hit_total=7, miss_total=3, evicted_total=1, expired_total=2),
        replace(AFTER, started_at=NOON, hit_total=7, miss_total=3, evicted_total=1, expired_total=2),
    ],
    ids=["run_id", "uptime fell", "start moved"],
)
def test_after_a_restart_the_counts_are_those_since_then_and_lower_bounds(after):
    assert delta(BEFORE, after) == Delta(7, 3, 1, 2, is_reset=True, is_lower_bound=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hit_total", 999),
        ("miss_total", 99),
        ("evicted_total", 9),
        ("expired_total", 19),
        ("command_total", 4999),
        ("command_total", 5000),
        ("info_call_total", 60),
    ],
)
def test_any_counter_that_fell_is_a_reset_of_all(name, value):
    after = replace(AFTER, **{name: value})

    assert delta(BEFORE, after) == Delta(
        after.hit_total, after.miss_total, after.evicted_total, after.expired_total, is_reset=True, is_lower_bound=True
    )


def test_uptime_in_whole_seconds_does_not_look_like_a_restart():
    after = replace(AFTER, uptime_seconds=3658, started_at=BEFORE.started_at + timedelta(seconds=2))

    assert delta(BEFORE, after) == Delta(30, 5, 2, 0)


def test_another_server_at_the_same_address_says_nothing_the_first_time():
    other = replace(AFTER, run_id="b", uptime_seconds=86_400, hit_total=9_000_000)

    assert delta(BEFORE, other) == Delta(is_reset=True)


def test_a_counter_that_is_not_told_gives_no_count():
    assert delta(replace(BEFORE, evicted_total=None), AFTER) == Delta(30, 5, None, 0)
    assert delta(BEFORE, replace(AFTER, hit_total=None, run_id=None, uptime_seconds=None)) == Delta(None, 5, 2, 0)


@dataclass
class Server:
    """A server that counts, and knows what was true since the last snapshot: the oracle."""

    run: int = 0
    started_at: datetime = NOON
    now: datetime = NOON
    hits: int = 0
    misses: int = 0
    commands: int = 0
    infos: int = 0
    true_hits: int = 0
    true_misses: int = 0
    is_reset: bool = False

    def read(self, hits: int, misses: int) -> None:
        self.now += timedelta(seconds=10)
        self.hits, self.misses = self.hits + hits, self.misses + misses
        self.true_hits, self.true_misses = self.true_hits + hits, self.true_misses + misses
        self.commands += hits + misses

    def reset(self, *, is_restart: bool) -> None:
        self.now += timedelta(seconds=10)
        self.hits = self.misses = self.commands = self.infos = self.true_hits = self.true_misses = 0
        self.is_reset = True
        if is_restart:
            self.run, self.started_at = self.run + 1, self.now

    def snapshot(self) -> tuple[Counters, Delta]:
        self.now += timedelta(seconds=10)
        counters = Counters(
            taken_at=self.now,
            run_id=str(self.run),
            uptime_seconds=(self.now - self.started_at) // timedelta(seconds=1),
            started_at=self.started_at,
            hit_total=self.hits,
            miss_total=self.misses,
            evicted_total=0,
            expired_total=0,
            command_total=self.commands,
            info_call_total=self.infos,
        )
        self.commands, self.infos = self.commands + 1, self.infos + 1
        truth = Delta(self.true_hits, self.true_misses, 0, 0, is_reset=self.is_reset, is_lower_bound=self.is_reset)
        self.true_hits, self.true_misses, self.is_reset = 0, 0, False
        return counters, truth


TRAFFIC = st.tuples(st.integers(0, 500), st.integers(0, 500))
EVENTS = st.lists(st.one_of(TRAFFIC, st.sampled_from(["snapshot", "snapshot", "restart", "resetstat"])), max_size=40)


@given(EVENTS)
def test_whatever_a_server_goes_through_the_counts_are_those_since_the_last_snapshot_or_reset(events):
    server = Server()
    previous, _ = server.snapshot()
    for event in [*events, "snapshot"]:
        if isinstance(event, tuple):
            server.read(*event)
        elif event == "snapshot":
            current, truth = server.snapshot()
            assert delta(previous, current) == truth
            previous = current
        else:
            server.reset(is_restart=event == "restart")
