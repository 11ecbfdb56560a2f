"""How versions of one event become one row of core, whatever order their files arrive in."""

from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.lab import Lab, event


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def test_a_file_that_was_read_is_not_read_again(lab):
    path = lab.write("calls.jsonl", [event("a"), event("b")])
    lab.ingest(path)
    assert lab.ingest(path) == []
    assert lab.one("SELECT count(*) FROM core_usage_events") == 2


def test_the_same_rows_in_another_file_are_duplicates(lab):
    lab.ingest(lab.write("one.jsonl", [event("a"), event("b")]))
    before = lab.core()
    (receipt,) = lab.ingest(lab.write("two.jsonl", [event("b"), event("a")]))
    (counts,) = receipt.files
    assert (counts.row_count, counts.accepted_count, counts.duplicate_count) == (2, 0, 2)
    assert receipt.days == ()
    assert lab.core() == before


def test_rows_that_repeat_within_a_file_count_once(lab):
    (receipt,) = lab.ingest(lab.write("calls.jsonl", [event("a"), event("a"), event("a")]))
    assert (receipt.files[0].accepted_count, receipt.files[0].duplicate_count) == (1, 2)
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1


def test_the_version_that_the_source_changed_last_wins_even_when_it_arrives_first(lab):
    newer = event("a", output_tokens=50, source_updated_at="2026-11-18T12:00:00Z")
    older = event("a", output_tokens=900, source_updated_at="2026-11-18T11:00:00Z")
    lab.ingest(lab.write("newer.jsonl", [newer]), lab.write("older.jsonl", [older]))
    assert lab.one("SELECT output_tokens FROM core_usage_events") == 50


def test_without_a_change_time_the_version_with_more_tokens_wins(lab):
    sizes = [9, 9, 159]
    lab.ingest(*[lab.write(f"{n}.jsonl", [event("a", output_tokens=size)]) for n, size in enumerate(sizes)])
    assert lab.one("SELECT output_tokens FROM core_usage_events") == 159


def test_a_newer_version_replaces_cost_too(lab):
    lab.ingest(lab.write("one.jsonl", [event("a")]))
    assert lab.one("SELECT cost_usd FROM core_usage_events") == Decimal("0.0035")
    lab.ingest(lab.write("two.jsonl", [event("a", output_tokens=200)]))
    assert lab.one("SELECT cost_usd FROM core_usage_events") == Decimal("0.0045")
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1


def test_an_event_keeps_the_smallest_start_and_moves_to_its_day(lab):
    late = event("a", "2026-11-18T00:00:10Z", output_tokens=500)
    early = event("a", "2026-11-17T23:59:50Z", output_tokens=20)
    lab.ingest(lab.write("late.jsonl", [late]), lab.write("early.jsonl", [early]))
    rows = lab.core(["CAST(usage_on AS VARCHAR)", "CAST(started_at AS VARCHAR)", "output_tokens"])
    assert rows == [("2026-11-17", "2026-11-17 23:59:50", 500)]


def test_an_event_whose_start_moved_further_is_made_one_by_the_audit(lab):
    late = event("a", "2026-11-13T10:00:00Z", output_tokens=500, units={"web_searches": 2})
    early = event("a", "2026-11-10T10:00:00Z", output_tokens=20, units={"web_searches": 1})
    lab.ingest(lab.write("late.jsonl", [late, event("b", "2026-11-13T11:00:00Z")]), lab.write("early.jsonl", [early]))
    assert lab.one("SELECT count(*) FROM core_usage_events") == 3
    assert lab.collector.audit(lab.now) == 1
    assert lab.core(["CAST(usage_on AS VARCHAR)", "output_tokens"]) == [("2026-11-10", 500), ("2026-11-13", 100)]
    assert lab.one("SELECT sum(quantity) FROM core_usage_units") == 2
    assert lab.collector.audit(lab.now) == 0


def test_other_rows_of_a_rewritten_day_stay(lab):
    lab.ingest(lab.write("one.jsonl", [event("a"), event("b"), event("c")]))
    lab.ingest(lab.write("two.jsonl", [event("b", output_tokens=500), event("d")]))
    assert lab.core(["output_tokens"]) == [(100,), (100,), (100,), (500,)]


def test_billing_units_follow_the_version_that_wins(lab):
    lab.ingest(lab.write("one.jsonl", [event("a", units={"web_searches": 1})]))
    lab.ingest(lab.write("two.jsonl", [event("a", output_tokens=500, units={"web_searches": 3})]))
    assert lab.one("SELECT quantity FROM core_usage_units") == 3


def test_a_day_of_many_pieces_is_written_as_one_file(lab):
    for number in range(8):
        lab.ingest(lab.write(f"{number}.jsonl", [event(f"a{number}")]))
    assert lab.one("SELECT count(*) FROM manifest WHERE table_name = 'core_usage_events'") == 1
    assert lab.one("SELECT count(*) FROM core_usage_events") == 8


def test_every_order_of_three_files_gives_the_same_core(tmp_path):
    files = {
        "one": [event("a", output_tokens=5), event("b", "2026-11-17T23:59:59Z"), event("c")],
        "two": [event("a", "2026-11-17T23:00:00Z", output_tokens=7), event("c", source_updated_at="2026-11-19T00:00:00Z")],
        "three": [event("b", "2026-11-18T00:00:01Z", output_tokens=101), event("c", status="error"), event("d")],
    }  # fmt: skip
    cores = []
    for number, order in enumerate(permutations(files)):
        lab = Lab(tmp_path / str(number) / "state")
        lab.ingest(*[lab.write(f"{name}.jsonl", files[name]) for name in order])
        cores.append(lab.core())
    assert len(cores[0]) == 4
    assert all(each == cores[0] for each in cores)


VERSIONS = st.builds(
    event,
    ident=st.sampled_from("abc"),
    started_at=st.sampled_from(
        [
            "2026-11-17T23:59:59Z",
            "2026-11-18T00:00:00Z",
            "2026-11-18T13:00:00.123456Z",
            "2026-11-18T23:59:59.999999Z",
        ]
    ),
    output_tokens=st.sampled_from([1, 2, 300]),
    status=st.sampled_from(["ok", "error"]),
    source_updated_at=st.sampled_from([None, "2026-11-18T12:00:00Z", "2026-11-19T12:00:00Z"]),
)


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    versions=st.lists(VERSIONS, min_size=2, max_size=9),
    cuts=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    seed=st.randoms(),
)
def test_any_cut_and_order_of_the_same_versions_gives_the_same_core(tmp_path_factory, versions, cuts, seed):
    first, second = sorted(cuts)
    shuffled = list(versions)
    seed.shuffle(shuffled)
    whole, pieces = (Lab(tmp_path_factory.mktemp("merge") / "state") for _ in range(2))
    whole.ingest(whole.write("all.jsonl", versions))
    parts = [shuffled[:first], shuffled[first:second], shuffled[second:]]
    pieces.ingest(*[pieces.write(f"{n}.jsonl", part) for n, part in enumerate(parts) if part])
    assert pieces.core() == whole.core()
