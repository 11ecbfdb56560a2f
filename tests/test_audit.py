"""The audit: an event that stands on several days becomes one, and only what no audit has seen is read."""

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sophia_metrics.pricing.knowledge import Learned
from sophia_metrics.warehouse.duckdb import audit, key_runs, keys
from sophia_metrics.warehouse.duckdb.changes import COMPACT_AT
from sophia_metrics.warehouse.duckdb.key_runs import KeyRun, KeyRunStore
from sophia_metrics.warehouse.protocol import Audit, Changed
from sophia_metrics.windows import Window
from tests.effort import examples
from tests.lab import Lab, event

FIRST_DAY = date(2026, 10, 1)
STANDING = ["CAST(usage_on AS VARCHAR)", "output_tokens"]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def on(day: int) -> date:
    """The day that is so many days after 1 October."""
    return FIRST_DAY + timedelta(days=day)


def call(ident: str, day: int, tokens: int = 100, **fields: Any) -> dict[str, Any]:
    return event(ident, f"{on(day)}T10:00:00Z", output_tokens=tokens, **fields)


def ingest(lab: Lab, name: str, *calls: dict[str, Any]) -> None:
    lab.ingest(lab.write(f"{name}.jsonl", calls))


def run_audit(lab: Lab) -> int:
    return lab.collector.audit(lab.now)


def audit_while(lab: Lab, meanwhile: Callable[[], object]) -> Changed:
    """Audit; something else happens after the events were looked for, and before they are made one."""
    collector = lab.collector

    def look_up(connection: duckdb.DuckDBPyConnection) -> Learned:
        meanwhile()
        return collector._look_up(connection, collector._terms(), lab.now)

    return lab.warehouse.commit(Audit(look_up))


def lose_files(lab: Lab, *days: int) -> None:
    """Remove the event files of some days: whoever reads them fails."""
    for day in days:
        shutil.rmtree(lab.home / "core" / "usage_events" / f"usage_on={on(day)}")


def state_rows(lab: Lab, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(lab.home / "warehouse.duckdb") as state:
        return state.execute(sql).fetchall()


def test_a_version_that_comes_weeks_and_audits_later_is_made_one_with_the_first(lab):
    ingest(lab, "first", call("a", 0, 20, units={"web_searches": 1}), call("b", 0))
    assert run_audit(lab) == 0
    for day in (10, 20, 30):
        ingest(lab, f"day-{day}", call(f"other-{day}", day))
        assert run_audit(lab) == 0
    ingest(lab, "late", call("a", 40, 500, units={"web_searches": 3}))
    assert run_audit(lab) == 1
    assert lab.core(STANDING) == [
        ("2026-10-01", 100),
        ("2026-10-01", 500),
        ("2026-10-11", 100),
        ("2026-10-21", 100),
        ("2026-10-31", 100),
    ]
    # a: 1,000 in and 500 out = 0.0075, three searches = 0.03; the four others: 0.0035 each
    assert lab.one("SELECT sum(cost_usd) FROM core_usage_events") == Decimal("0.0515")
    assert lab.one("SELECT sum(quantity) FROM core_usage_units") == 3
    assert run_audit(lab) == 0


def test_an_older_version_that_comes_later_changes_only_the_start(lab):
    ingest(lab, "late", call("a", 40, 500))
    assert run_audit(lab) == 0
    ingest(lab, "first", call("a", 0, 20))
    assert run_audit(lab) == 1
    assert lab.core(STANDING) == [("2026-10-01", 500)]


def test_an_audit_of_nothing_new_reads_no_file(lab):
    ingest(lab, "calls", call("a", 0), call("b", 3))
    assert run_audit(lab) == 0
    lose_files(lab, 0, 3)
    assert run_audit(lab) == 0


def test_an_audit_reads_what_is_new_and_the_days_on_which_an_event_of_it_stood(lab):
    ingest(lab, "first", call("a", 0, 20), call("b", 10), call("c", 20))
    assert run_audit(lab) == 0
    lose_files(lab, 10, 20)
    ingest(lab, "late", call("a", 40, 500))
    assert run_audit(lab) == 1


def test_an_event_that_left_a_day_and_comes_back_to_it_is_made_one(lab):
    ingest(lab, "one", call("a", 2, 20))
    assert run_audit(lab) == 0
    ingest(lab, "two", call("a", 1, 30))  # the merge moves it to day 1
    assert run_audit(lab) == 0
    ingest(lab, "three", call("a", 0, 40))  # and to day 0
    assert run_audit(lab) == 0
    ingest(lab, "four", call("a", 2, 50))  # from day 2 the merge does not see day 0
    assert lab.one("SELECT count(*) FROM core_usage_events") == 2
    assert run_audit(lab) == 1
    assert lab.core(STANDING) == [("2026-10-01", 50)]


def test_days_that_were_written_anew_keep_what_is_known_of_them(lab):
    for number in range(COMPACT_AT):
        ingest(lab, f"{number}", call(f"a{number}", 0, 20))
        assert run_audit(lab) == 0
    assert state_rows(lab, "SELECT count(*) FROM manifest WHERE table_name = 'core_usage_events'") == [(1,)]
    ingest(lab, "more", call("a3", 0, 30))  # written anew once more
    ingest(lab, "late", call("a3", 40, 500))
    assert run_audit(lab) == 1
    assert lab.core(STANDING) == [("2026-10-01", 20)] * 7 + [("2026-10-01", 500)]


def test_a_rebuilt_day_on_which_an_event_stands_again_is_seen_again(lab):
    ingest(lab, "first", call("a", 0, 20))
    ingest(lab, "late", call("a", 40, 500))
    assert run_audit(lab) == 1
    lab.collector.rebuild([lab.source()], Window.of_days(on(40), on(40)), lab.now)
    assert lab.core(STANDING) == [("2026-10-01", 500), ("2026-11-10", 500)]
    assert run_audit(lab) == 1
    assert lab.core(STANDING) == [("2026-10-01", 500)]


def test_events_that_share_their_bits_are_told_apart_by_their_whole_ids(lab, monkeypatch):
    one_digit = keys.EVENT_BITS.replace("12", "1")  # every sixteenth pair of events has the same bits
    monkeypatch.setattr(keys, "KEY", keys.KEY.replace(keys.EVENT_BITS, one_digit))
    monkeypatch.setattr(audit, "EVENT_BITS", one_digit)
    for day in (0, 10, 20):
        ingest(lab, f"day-{day}", *(call(f"{day}-{n}", day, 20) for n in range(9)))
    assert run_audit(lab) == 0
    ingest(lab, "late", call("0-3", 45, 500), call("new", 45, 20))
    assert run_audit(lab) == 1
    assert lab.one("SELECT count(*) FROM core_usage_events") == 28
    assert lab.one("SELECT CAST(usage_on AS VARCHAR) FROM core_usage_events WHERE output_tokens = 500") == "2026-10-01"


def scatter(lab: Lab) -> None:
    """Four events on three days each, and one that stays where it is."""
    for number, day in enumerate((20, 0, 40)):
        ingest(lab, f"{day}", *(call(ident, day, 10 * number + 10) for ident in "abcd"), call(f"one-{day}", day, 5))


def test_small_batches_give_the_same_as_one_go(tmp_path, monkeypatch):
    whole, pieces = (Lab(tmp_path / name / "state") for name in ("whole", "pieces"))
    for lab in (whole, pieces):
        scatter(lab)
    assert run_audit(whole) == 4
    monkeypatch.setattr(audit, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(key_runs, "FULL_KEYS", 6)
    assert run_audit(pieces) >= 4  # an event counts in each batch that finds it on two days
    assert pieces.core() == whole.core()
    assert len(pieces.core()) == 7
    assert run_audit(pieces) == 0


def test_a_state_of_an_older_program_is_seen_as_a_whole(lab):
    ingest(lab, "first", call("a", 0, 20))
    ingest(lab, "late", call("a", 40, 500))
    for sql in (
        "ALTER TABLE manifest DROP COLUMN is_audited",
        "DROP TABLE key_runs",
        "DELETE FROM schema_migrations WHERE migration = 'm007_key_runs'",
    ):
        state_rows(lab, sql)
    assert run_audit(lab) == 1
    assert lab.core(STANDING) == [("2026-10-01", 500)]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_lost_run_of_keys_is_made_again(lab, damage):
    ingest(lab, "first", call("a", 0, 20), call("b", 5))
    assert run_audit(lab) == 0
    (run,) = (lab.home / "key_runs").glob("*.arrow")
    damage(run)
    ingest(lab, "late", call("a", 40, 500))
    assert run_audit(lab) == 1
    ((held,),) = state_rows(lab, "SELECT sum(key_count)::BIGINT FROM key_runs")
    assert held == 3  # a and b where they stand, a where it stood


def test_an_audit_that_fails_half_way_is_made_up_for_by_the_next(lab):
    ingest(lab, "first", call("a", 0, 20))
    ingest(lab, "late", call("a", 40, 500))

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit_while(lab, fail)
    assert lab.core(STANDING) == [("2026-10-01", 20), ("2026-11-10", 500)]
    assert run_audit(lab) == 1
    assert lab.core(STANDING) == [("2026-10-01", 500)]


def test_a_file_that_is_committed_beside_an_audit_is_seen_by_the_next(lab):
    ingest(lab, "first", call("a", 0, 20), call("b", 0, 20))
    ingest(lab, "late", call("a", 40, 500))
    changed = audit_while(lab, lambda: ingest(lab, "meanwhile", call("b", 20, 30), call("c", 40, 1)))
    assert changed.event_count >= 1
    run_audit(lab)
    assert lab.core(STANDING) == [("2026-10-01", 30), ("2026-10-01", 500), ("2026-11-10", 1)]


def test_a_file_that_is_committed_while_an_audit_reads_others_is_seen_by_it_or_the_next(lab, monkeypatch):
    ingest(lab, "first", call("a", 0, 20))
    turns = count()

    def read(connection: duckdb.DuckDBPyConnection) -> pl.Series:
        found = keys.read_keys(connection)
        if next(turns) == 0:  # between reading a batch and noting that it was seen
            ingest(lab, "late", call("a", 40, 500))
        return found

    monkeypatch.setattr(audit, "read_keys", read)
    assert run_audit(lab) + run_audit(lab) == 1
    assert lab.core(STANDING) == [("2026-10-01", 500)]


def test_a_batch_whose_run_of_keys_another_audit_swept_away_comes_again(lab):
    ingest(lab, "first", call("a", 0, 20))
    ingest(lab, "late", call("a", 40, 500))
    swept: list[Path] = []

    def sweep() -> None:
        if not swept:  # as an audit does that is killed before it is durable: its own run is not listed either
            swept.extend((lab.home / "key_runs").glob("*.arrow"))
            swept[0].unlink()

    assert audit_while(lab, sweep).event_count == 1
    assert len(swept) == 1
    for (path,) in state_rows(lab, "SELECT path FROM key_runs"):
        assert (lab.home / path).exists()
    assert lab.core(STANDING) == [("2026-10-01", 500)]


def test_two_audits_at_once_make_an_event_one_once(lab):
    ingest(lab, "first", call("a", 0, 20, units={"web_searches": 1}))
    ingest(lab, "late", call("a", 40, 500, units={"web_searches": 3}))
    inner: list[int] = []
    outer = audit_while(lab, lambda: inner.append(run_audit(lab)))
    assert (inner, outer.event_count) == ([1], 0)
    assert lab.core(STANDING) == [("2026-10-01", 500)]
    assert lab.one("SELECT sum(quantity) FROM core_usage_units") == 3


def test_writers_that_audit_at_once_leave_every_event_once(lab):
    files = {
        name: [call(f"{n % 5}", (7 * n + place) % 50, 10 * n + place) for n in range(10)]
        for place, name in enumerate("abcd")
    }

    def work(names: str) -> None:
        for name in names:
            ingest(lab, name, *files[name])
            run_audit(lab)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ("ab", "cd")))
    run_audit(lab)
    assert lab.core(STANDING) == expected(each for calls in files.values() for each in calls)


def expected(calls: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
    """The newest version of each event (here: the one with the most tokens) on the first of its days."""
    versions: dict[str, list[dict[str, Any]]] = {}
    for each in calls:
        versions.setdefault(each["id"], []).append(each)
    return sorted(
        (min(each["started_at"] for each in known)[:10], max(each["output_tokens"] for each in known))
        for known in versions.values()
    )


STEPS = st.lists(
    st.lists(
        st.builds(
            call,
            ident=st.sampled_from("abcd"),
            day=st.sampled_from([0, 1, 2, 3, 10, 11, 30]),
            tokens=st.integers(1, 5),
        ),
        max_size=4,  # no call: an audit
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=examples(3), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, rows_at_once=st.sampled_from([1, 3, 100]), full_keys=st.sampled_from([1, 4, 100]))
def test_after_any_commits_and_audits_every_event_is_there_once(tmp_path_factory, steps, rows_at_once, full_keys):
    lab = Lab(tmp_path_factory.mktemp("audit") / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "ROWS_AT_ONCE", rows_at_once)
        patch.setattr(key_runs, "FULL_KEYS", full_keys)
        for number, calls in enumerate(steps):
            if calls:
                ingest(lab, f"{number}", *calls)
            else:
                run_audit(lab)
        run_audit(lab)
        assert run_audit(lab) == 0
    assert lab.core(STANDING) == expected(each for calls in steps for each in calls)


KEYS = st.builds(
    lambda event, day: event * keys.DAYS + day,
    event=st.sampled_from([0, 1, 2, 3, 1 << 47, (1 << 48) - 1]),
    day=st.sampled_from([0, 1, 20_000, keys.DAYS - 1]),
)


def column(numbers: Iterable[int]) -> pl.Series:
    return pl.Series("key", sorted(numbers), dtype=pl.UInt64)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=st.lists(st.sets(KEYS, min_size=1), max_size=4), asked=st.sets(KEYS))
def test_the_runs_give_every_key_of_the_events_that_are_asked_for(tmp_path_factory, parts, asked):
    store = KeyRunStore(tmp_path_factory.mktemp("runs"))
    runs = [run for part in parts if (run := store.write(column(part), ()).added)]
    found = store.keys_of_same_events(column(asked), runs)
    events = {key // keys.DAYS for key in asked}
    assert set(found) == {key for part in parts for key in part if key // keys.DAYS in events}


def test_many_runs_become_few_and_hold_the_same_keys(tmp_path):
    store = KeyRunStore(tmp_path)
    runs: tuple[KeyRun, ...] = ()
    for number in range(40):
        change = store.write(column([number * keys.DAYS, number * keys.DAYS + 1]), runs)
        assert change.added is not None
        store.sweep(runs, change.added)
        runs = (*(run for run in runs if run not in change.removed), change.added)
        assert len(runs) < COMPACT_AT
    assert all(store.is_whole(run) for run in runs)
    everything = column(number * keys.DAYS + day for number in range(40) for day in (0, 1))
    assert store.keys_of_same_events(column(range(0, 40 * keys.DAYS, keys.DAYS)), runs).sort().equals(everything)
    assert sum(run.key_count for run in runs) == 80
    # besides the runs of now only those of one change before are kept: an audit may be looking into them
    assert len(list((tmp_path / "key_runs").glob("*.arrow"))) <= len(runs) + COMPACT_AT


def test_a_run_that_no_list_names_is_removed_by_the_next_change(lab):
    ingest(lab, "one", call("a", 0))
    run_audit(lab)
    left = lab.home / "key_runs" / "left-by-a-killed-audit.arrow"
    left.write_bytes(b"")
    ingest(lab, "two", call("b", 0))
    run_audit(lab)
    assert not left.exists()
    assert len(list(left.parent.glob("*.arrow"))) == 2
