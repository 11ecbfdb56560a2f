"""What a step touches: files that are written, listed and opened, whatever the length of the history."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_metrics.warehouse.duckdb.changes import COMPACT_AT, absorbed
from sophia_metrics.warehouse.protocol import Query
from tests.lab import NOW, Lab, event


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def files(lab: Lab, condition: str = "true") -> set[str]:
    return set(lab.warehouse.read(Query(f"SELECT path FROM manifest WHERE {condition}"))["path"])


def append(sizes: list[int], fresh: int) -> tuple[list[int], int]:
    """The files of a day after one more append, by rows, and how many rows were written."""
    taken = absorbed(sizes, fresh)
    written = fresh + sum(sizes[place] for place in taken)
    return [size for place, size in enumerate(sizes) if place not in taken] + [written], written


@given(st.lists(st.integers(1, 5_000_000), max_size=60))
def test_a_day_never_has_as_many_files_as_are_written_anew(appends):
    sizes: list[int] = []
    for fresh in appends:
        sizes, _ = append(sizes, fresh)
        assert len(sizes) < COMPACT_AT
    assert sum(sizes) == sum(appends)


def test_a_row_is_written_anew_about_as_often_as_its_day_doubles():
    sizes: list[int] = []
    total = 0
    for _ in range(1000):
        sizes, written = append(sizes, 10)
        total += written
    assert total < 10 * 10_000  # a thousand appends: the day has doubled ten times


def test_many_small_appends_leave_a_large_file_alone():
    sizes = [5_000_000]
    for _ in range(1000):
        sizes, _ = append(sizes, 10)
    assert 5_000_000 in sizes


def test_small_appends_to_a_day_stay_few_files(lab):
    for number in range(20):
        lab.ingest(lab.write(f"{number}.jsonl", [event(f"a{number}")]))
    assert len(files(lab, "table_name = 'core_usage_events'")) < COMPACT_AT
    assert lab.one("SELECT count(DISTINCT event_id) FROM core_usage_events") == 20


def test_a_changed_row_costs_the_file_that_holds_it_and_no_other_of_its_day(lab):
    lab.ingest(lab.write("one.jsonl", [event("a"), event("b")]))
    held = files(lab, "table_name = 'core_usage_events'")
    lab.ingest(lab.write("two.jsonl", [event("c")]))
    other = files(lab, "table_name = 'core_usage_events'") - held
    lab.ingest(lab.write("three.jsonl", [event("a", output_tokens=500)]))
    now = files(lab, "table_name = 'core_usage_events'")
    assert (held & now, other & now) == (set(), other)
    assert lab.core(["output_tokens"]) == [(100,), (100,), (500,)]


def test_late_rows_leave_the_files_of_every_other_day_alone(lab):
    days = [f"2026-11-{day}" for day in range(10, 16)]
    lab.ingest(lab.write("one.jsonl", [event(day, f"{day}T10:00:00Z") for day in days]))
    lab.publish()
    before = files(lab)
    lab.ingest(lab.write("late.jsonl", [event("late", "2026-11-12T11:00:00Z")]))
    lab.publish()
    changed = before ^ files(lab)
    assert {path.split("_on=")[1][:10] for path in changed} == {"2026-11-12"}


def test_days_that_are_written_together_each_have_a_file_of_their_own_rows(lab):
    first = date(2026, 8, 1)
    days = [first + timedelta(days=number) for number in range(60)]
    lab.ingest(lab.write("calls.jsonl", [event(f"{day}-{n}", f"{day}T0{n}:00:00Z") for day in days for n in (2, 1)]))
    lab.publish()
    listed = lab.warehouse.read(
        Query(
            "SELECT table_name, day_on, row_count FROM manifest WHERE table_name LIKE '%usage%' OR table_name LIKE '%daily'"
        )
    ).rows()
    events = {(day, count) for name, day, count in listed if name == "core_usage_events"}
    assert events == {(day, 2) for day in days}
    assert {day for name, day, _ in listed if name == "mart_cost_daily"} == set(days)


def test_a_query_that_filters_on_the_day_opens_the_files_of_that_day_only(lab):
    lab.ingest(lab.write("calls.jsonl", [event(str(day), f"2026-11-{day}T10:00:00Z") for day in range(10, 16)]))
    lab.publish()
    for path in files(lab, "table_name = 'core_usage_events' AND day_on <> DATE '2026-11-12'"):
        (lab.home / path).write_bytes(b"no Parquet file")
    one_day = "SELECT count(*) AS n FROM core_usage_events WHERE usage_on = DATE '2026-11-12'"
    assert lab.serving.query(one_day).item() == 1


def test_a_publish_opens_only_the_files_of_the_newest_days(lab):
    lab.ingest(lab.write("one.jsonl", [event(str(day), f"2026-11-{day}T10:00:00Z") for day in (10, 11, 12)]))
    lab.warehouse.build()
    for path in files(lab, "table_name = 'core_usage_events' AND day_on = DATE '2026-11-10'"):
        (lab.home / path).write_bytes(b"no Parquet file")
    assert lab.publish().version == 1


STATE = (
    "core_ingest_ledger",
    "core_watermarks",
    "core_price_cards",
    "core_price_card_units",
    "core_quarantine_verdicts",
)


def test_each_version_shows_the_state_as_it_was_published(lab):
    for number in range(3):
        lab.ingest(
            lab.write(
                f"{number}.jsonl", [event("a", output_tokens=number + 1), event(f"b{number}", model=f"m{number}")]
            )
        )
        lab.publish()
        for table in STATE:
            shown = lab.serving.query(f"SELECT * FROM {table}").rows()
            assert sorted(shown, key=repr) == sorted(
                lab.warehouse.read(Query(f"SELECT * FROM {table}")).rows(), key=repr
            )


def test_a_ledger_row_that_changed_is_shown_once_and_as_it_is_now(lab):
    lab.ingest(lab.write("one.jsonl", [event(str(n), output_tokens=-1) for n in range(20)]))
    lab.publish()
    (landing,) = lab.collector.pending(lab.source(lab.home.parent / "one.jsonl"))
    lenient = replace(lab.collector, limits=replace(lab.collector.limits, max_quarantined_ratio=1.0))
    lenient.commit(lab.source(), landing, NOW)
    lab.publish()
    assert lab.serving.query("SELECT status FROM core_ingest_ledger").rows() == [("committed",)]


def test_a_version_that_is_damaged_is_no_base_for_the_next(lab):
    lab.ingest(lab.write("one.jsonl", [event("a")]))
    lab.publish()
    (lab.home / "serving" / "v000001.duckdb").write_bytes(b"not a database")
    lab.ingest(lab.write("two.jsonl", [event("b")]))
    assert lab.publish().version == 2
    assert lab.serving.query("SELECT count(*) AS n FROM core_usage_events").item() == 2


def test_versions_of_many_publishes_do_not_grow(lab):
    sizes = []
    for number in range(8):
        lab.ingest(lab.write(f"{number}.jsonl", [event("a", output_tokens=number + 1)]))
        version = lab.publish().version
        sizes.append((lab.home / "serving" / f"v{version:06d}.duckdb").stat().st_size)
    assert sizes[-1] < 2 * sizes[0]


def test_a_bad_row_that_is_found_again_on_another_day_stands_in_quarantine_once(lab):
    path = lab.write("calls.jsonl", [event("a"), event("b", output_tokens=-5)])
    lab.ingest(path)
    lab.write("calls.jsonl", [event("a"), event("b", output_tokens=-5), event("c")])
    later = replace(lab, now=NOW + timedelta(days=2))
    later.ingest(path)
    assert lab.one("SELECT count(*) FROM core_quarantine") == 1


def test_bad_rows_of_many_runs_stay_few_files(lab):
    for number in range(10):
        lab.ingest(lab.write(f"{number}.jsonl", [event("a"), event("b", output_tokens=-5)]))
    assert lab.one("SELECT count(*) FROM core_quarantine") == 10
    assert len(files(lab, "table_name = 'core_quarantine'")) < COMPACT_AT
