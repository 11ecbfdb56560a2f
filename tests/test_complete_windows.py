"""Sources whose windows are complete: core has of each window what its newest reading says, and nothing else."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.format import Completeness
from sophia_metrics.sources.spool_source import PulledWindow, SpoolSource, newest_by_window
from sophia_metrics.windows import Window
from tests.effort import examples
from tests.lab import Lab
from tests.pulled import FORMAT, HOUR, Bucket, PulledLab

DAY = timedelta(days=1)
T0 = datetime(2026, 11, 18)
READ = datetime(2026, 11, 20, 9)
A, B, C = (Bucket("a", T0 + HOUR, 100), Bucket("b", T0 + 2 * HOUR, 200, 3), Bucket("c", T0 + 3 * HOUR, 300))


@pytest.fixture
def pulled(tmp_path: Path) -> PulledLab:
    return PulledLab(Lab(tmp_path / "here" / "state"))


def test_a_name_tells_the_window_and_how_it_was_read():
    window = PulledWindow(T0, T0 + DAY, datetime(2026, 11, 20, 9, 30, 1, 42), "0f" * 16, is_open=True)
    assert window.file_name == f"20261118T0000.20261119T0000.20261120T093001000042.{'0f' * 16}.open.parquet"
    assert PulledWindow.parse(f"/spool/vendor/{window.file_name}") == window


def test_the_names_of_one_hour_that_the_ledger_has_are_still_read():
    name = f"2026-11-18T23.20261120T093001000042.{'0f' * 16}.whole.parquet"
    read_at = datetime(2026, 11, 20, 9, 30, 1, 42)
    assert PulledWindow.parse(name) == PulledWindow(
        datetime(2026, 11, 18, 23), datetime(2026, 11, 19), read_at, "0f" * 16, is_open=False
    )


@pytest.mark.parametrize(
    "name", ["calls.parquet", f"20261119T0000.20261118T0000.20261120T093001000042.{'0f' * 16}.open.parquet"]
)
def test_other_names_are_no_windows(name):
    assert PulledWindow.parse(name) is None


def test_of_each_window_the_newest_reading_is_known():
    windows = [
        PulledWindow(T0, T0 + width, READ + after, digest * 32, is_open=False)
        for width, after, digest in ((HOUR, HOUR, "1"), (HOUR, 2 * HOUR, "2"), (HOUR, 0 * HOUR, "3"), (DAY, HOUR, "4"))
    ]
    newest = newest_by_window(each.file_name for each in windows)
    assert newest == {(T0, T0 + HOUR): windows[1], (T0, T0 + DAY): windows[3]}


def test_a_batch_has_no_more_than_250_windows_however_small_they_are(pulled):
    pulled.spool.mkdir(parents=True, exist_ok=True)
    for number in range(501):
        start_at = T0 + number * HOUR
        window = PulledWindow(start_at, start_at + HOUR, READ, "0" * 32, is_open=False)
        (pulled.spool / window.file_name).write_bytes(b"a file")

    source = SpoolSource(pulled.source.terms, pulled.source.format, pulled.source.paths)
    batches = pulled.lab.collector.find(source, pulled.lab.now).batches

    assert [len(batch.parts) for batch in batches] == [250, 250, 1]


def test_what_the_source_no_longer_has_goes_with_its_units(pulled):
    pulled.commit(T0, T0 + DAY, READ, [A, B, C])
    assert pulled.lab.one("SELECT sum(quantity) FROM core_usage_units") == 3

    receipt = pulled.commit(T0, T0 + DAY, READ + HOUR, [replace(A, tokens=150), C])

    assert pulled.rows() == [(T0 + HOUR, 150), (T0 + 3 * HOUR, 300)]
    assert pulled.lab.one("SELECT count(*) FROM core_usage_units") == 0
    assert receipt.removed_count == 1
    assert receipt.summary == (
        "vendor: committed, 2 rows, 2 accepted, 0 quarantined, 0 duplicate, 0 ignored, 1 removed"
    )
    assert receipt.days == (date(2026, 11, 18),)


def test_an_empty_window_empties_its_days_and_is_noted(pulled):
    pulled.commit(T0, T0 + 2 * DAY, READ, [A, replace(B, start_at=T0 + 30 * HOUR)])
    pulled.lab.publish()

    receipt = pulled.commit(T0, T0 + 2 * DAY, READ + HOUR)
    pulled.lab.publish()

    assert pulled.rows() == []
    assert (receipt.removed_count, receipt.days) == (2, (date(2026, 11, 18), date(2026, 11, 19)))
    assert pulled.lab.one("SELECT count(*) FROM mart_cost_daily WHERE request_count > 0") == 0
    assert pulled.lab.rows(
        "SELECT window_start_at, window_end_at, row_count, status FROM core_ingest_ledger ORDER BY row_count"
    ) == [(T0, T0 + 2 * DAY, 0, "committed"), (T0, T0 + 2 * DAY, 2, "committed")]


def test_other_times_and_other_sources_stay(pulled):
    other = PulledLab(pulled.lab, "other")
    other.commit(T0, T0 + DAY, READ, [A, B])
    pulled.commit(T0, T0 + DAY, READ, [A, B, C])

    pulled.commit(T0 + 2 * HOUR, T0 + 3 * HOUR, READ + HOUR)

    assert pulled.rows() == [(T0 + HOUR, 100), (T0 + 3 * HOUR, 300)]
    assert other.rows() == [(T0 + HOUR, 100), (T0 + 2 * HOUR, 200)]


def test_an_older_reading_that_is_committed_later_changes_nothing(pulled):
    lab = pulled.lab
    pulled.place(T0, T0 + DAY, READ, [A, B])
    collector = lab.collector
    (batch,) = collector.find(pulled.source, lab.now).batches
    (late,) = collector.land(pulled.source, batch, lab.now).landings
    next(pulled.spool.iterdir()).unlink()
    pulled.commit(T0, T0 + DAY, READ + HOUR, [replace(B, tokens=222), C])

    receipt = collector.commit(pulled.source, late, lab.now)

    assert pulled.rows() == [(T0 + 2 * HOUR, 222), (T0 + 3 * HOUR, 300)]
    (count,) = receipt.files
    assert (count.row_count, count.accepted_count, count.duplicate_count) == (2, 0, 2)
    assert (receipt.removed_count, receipt.days) == (0, ())


def test_of_an_older_reading_only_what_newer_ones_have_not_covered_counts(pulled):
    lab = pulled.lab
    pulled.place(T0, T0 + DAY, READ, [A, B, C])
    collector = lab.collector
    (batch,) = collector.find(pulled.source, lab.now).batches
    (late,) = collector.land(pulled.source, batch, lab.now).landings
    next(pulled.spool.iterdir()).unlink()
    pulled.commit(T0 + 2 * HOUR, T0 + 3 * HOUR, READ + HOUR)

    receipt = collector.commit(pulled.source, late, lab.now)

    assert pulled.rows() == [(T0 + HOUR, 100), (T0 + 3 * HOUR, 300)]
    assert (receipt.files[0].accepted_count, receipt.files[0].duplicate_count) == (2, 1)


def test_two_readings_that_are_landed_together_give_what_the_newer_says(pulled):
    pulled.place(T0, T0 + DAY, READ, [A, B])
    receipt = pulled.commit(T0, T0 + DAY, READ + HOUR, [C])
    assert pulled.rows() == [(T0 + 3 * HOUR, 300)]
    assert [(each.accepted_count, each.duplicate_count) for each in receipt.files] == [(0, 2), (1, 0)]


def test_a_row_that_is_broken_now_is_no_proof_that_the_known_one_is_gone(pulled):
    pulled.commit(T0, T0 + DAY, READ, [A, B])
    receipt = pulled.commit(T0, T0 + DAY, READ + HOUR, [replace(A, tokens=-5)])
    assert pulled.rows() == [(T0 + HOUR, 100)]
    assert (receipt.files[0].quarantined_count, receipt.removed_count) == (1, 1)


def test_a_row_that_is_no_usage_any_more_goes(pulled):
    pulled.commit(T0, T0 + DAY, READ, [A, B])
    receipt = pulled.commit(T0, T0 + DAY, READ + HOUR, [replace(A, tokens=0), B])
    assert pulled.rows() == [(T0 + 2 * HOUR, 200)]
    assert (receipt.files[0].ignored_count, receipt.removed_count) == (1, 1)


def test_a_corrected_start_within_the_window_holds_even_where_it_is_later(pulled):
    pulled.commit(T0, T0 + 2 * DAY, READ, [B])
    pulled.commit(T0, T0 + 2 * DAY, READ + HOUR, [replace(B, start_at=T0 + 40 * HOUR)])
    assert pulled.rows() == [(T0 + 40 * HOUR, 200)]
    assert pulled.lab.rows("SELECT usage_on, quantity FROM core_usage_units") == [(date(2026, 11, 19), 3)]


def test_a_commit_that_runs_twice_changes_nothing(pulled):
    lab = pulled.lab
    pulled.commit(T0, T0 + DAY, READ, [A, B])
    pulled.place(T0, T0 + DAY, READ + HOUR, [A])
    collector = lab.collector
    (batch,) = collector.find(pulled.source, lab.now).batches
    (landing,) = collector.land(pulled.source, batch, lab.now).landings
    first = collector.commit(pulled.source, landing, lab.now)
    ledger = lab.rows("SELECT * EXCLUDE (finished_at) FROM core_ingest_ledger ORDER BY attempt_id")

    again = collector.commit(pulled.source, landing, lab.now)

    assert (first.removed_count, again.removed_count, again.days) == (1, 0, ())
    assert pulled.rows() == [(T0 + HOUR, 100)]
    assert lab.rows("SELECT * EXCLUDE (finished_at) FROM core_ingest_ledger ORDER BY attempt_id") == ledger


def test_where_absent_rows_mean_nothing_none_goes_and_no_window_is_noted(pulled):
    partial = replace(FORMAT, completeness=Completeness.PARTIAL)
    lab = pulled.lab
    for read_at, buckets in ((READ, [A, B]), (READ + HOUR, [A])):
        pulled.place(T0, T0 + DAY, read_at, buckets)
        lab.collect_new(lab.source(pulled.spool, name="vendor", file_format=partial))
    assert pulled.rows() == [(T0 + HOUR, 100), (T0 + 2 * HOUR, 200)]
    assert lab.one("SELECT count(window_start_at) FROM core_ingest_ledger") == 0


@pytest.mark.parametrize("last", [[C], []], ids=["rows", "none"])
def test_days_that_are_made_anew_are_what_the_newest_reading_says(pulled, last):
    pulled.commit(T0, T0 + DAY, READ, [A, B])
    pulled.commit(T0, T0 + DAY, READ + HOUR, last)
    before = pulled.lab.core()
    pulled.lab.collector.rebuild([pulled.source], Window(T0, T0 + DAY), pulled.lab.now)
    assert pulled.lab.core() == before
    assert pulled.rows() == [(each.start_at, each.tokens) for each in last]


def test_a_row_that_is_only_broken_now_is_made_anew_from_the_reading_before(pulled):
    pulled.commit(T0, T0 + DAY, READ, [A, B])
    pulled.commit(T0, T0 + DAY, READ + HOUR, [replace(A, tokens=-5)])
    pulled.lab.collector.rebuild([pulled.source], Window(T0, T0 + DAY), pulled.lab.now)
    assert pulled.rows() == [(T0 + HOUR, 100)]


hours = st.dictionaries(st.integers(0, 11), st.integers(1, 9), max_size=3)
readings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), hours), min_size=1, max_size=6)


@settings(max_examples=examples(10), deadline=None)
@given(readings)
def test_any_sequence_of_readings_leaves_what_the_newest_one_of_each_window_says(sequence):
    """Windows are the half days of two days; several may be read at the same time, and each in any order of times."""
    with TemporaryDirectory() as folder:
        pulled = PulledLab(Lab(Path(folder) / "here" / "state"))
        newest: dict[int, tuple[int, list[tuple[datetime, int]]]] = {}
        told: set[tuple[int, int]] = set()
        for place, age, said in sequence:
            if (place, age) in told:
                continue
            told.add((place, age))
            start_at = T0 + 12 * place * HOUR
            buckets = [Bucket(f"{place}-{hour}", start_at + hour * HOUR, tokens) for hour, tokens in said.items()]
            receipt = pulled.commit(start_at, start_at + 12 * HOUR, READ + age * HOUR / 2, buckets)
            (count,) = receipt.files
            assert count.row_count == count.accepted_count + count.duplicate_count == len(buckets)
            if place not in newest or newest[place][0] < age:
                newest[place] = age, [(each.start_at, each.tokens) for each in buckets]
        expected = sorted(row for _, rows in newest.values() for row in rows)
        assert pulled.rows() == expected
        before = pulled.lab.core()
        pulled.lab.collector.rebuild([pulled.source], Window(T0, T0 + 2 * DAY), pulled.lab.now)
        assert pulled.lab.core() == before
