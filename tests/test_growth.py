"""A log that grows is read from where it was read to; one that changed in any other way is read whole."""

import gzip
import json
import os
from datetime import UTC, timedelta

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.block import RefusedError
from sophia_metrics.sources.blocks import BlockReader
from sophia_metrics.sources.events import FORMAT
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.part import FilePart
from sophia_metrics.sources.prefix import prefix_sha256
from sophia_metrics.warehouse.protocol import Query
from tests.effort import examples
from tests.lab import NOW, Lab, event

QUARANTINE = "SELECT rule, line_number, byte_start, byte_end FROM core_quarantine ORDER BY line_number"


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "state")


def lines(*calls):
    return "".join(json.dumps(call) + "\n" for call in calls).encode()


def write(path, content, *, age_hours=0.0):
    """Write a file as it stood so many hours before the lab's now."""
    path.write_bytes(content)
    written = (NOW - timedelta(hours=age_hours)).replace(tzinfo=UTC).timestamp()
    os.utime(path, (written, written))
    return path


def read_counts(lab, path):
    """Collect what is new; return how many rows each commit read."""
    return [file.row_count for receipt in lab.ingest(path) for file in receipt.files]


def spans(lab):
    sql = "SELECT byte_start, byte_end, line_start FROM core_ingest_ledger ORDER BY byte_end"
    return [(row["byte_start"], row["byte_end"], row["line_start"]) for row in query(lab, sql)]


def query(lab, sql):
    return lab.warehouse.read(Query(sql)).to_dicts()


def ids(lab):
    return sorted(row["request_id"] for row in query(lab, "SELECT request_id FROM core_usage_events"))


def call(name, **fields):
    return event(name, request_id=name, **fields)


def test_only_what_was_appended_is_read(lab):
    first, second = lines(call("a"), call("b")), lines(call("c"))
    path = write(lab.home.parent / "log.jsonl", first)
    assert read_counts(lab, path) == [2]

    write(path, first + second)

    assert read_counts(lab, path) == [1]
    assert spans(lab) == [(0, len(first), 1), (len(first), len(first + second), 3)]
    assert ids(lab) == ["a", "b", "c"]


def test_a_bad_row_of_what_was_appended_is_located_in_the_whole_file(lab):
    first, bad = lines(call("a"), call("b")), b'{"id": oops}\n'
    path = write(lab.home.parent / "log.jsonl", first)
    lab.ingest(path)

    write(path, first + bad + lines(call("c")))
    lab.ingest(path)

    assert query(lab, QUARANTINE) == [
        {"rule": "malformed_json", "line_number": 3, "byte_start": len(first), "byte_end": len(first + bad) - 1}
    ]


def test_a_half_written_last_line_waits_and_arrives_when_it_is_whole(lab):
    whole = lines(call("a"), call("b"))
    path = write(lab.home.parent / "log.jsonl", whole[:-20])
    assert read_counts(lab, path) == [1]
    assert read_counts(lab, path) == []

    write(path, whole)

    assert read_counts(lab, path) == [1]
    assert ids(lab) == ["a", "b"]
    assert query(lab, QUARANTINE) == []


def test_a_whole_last_line_without_its_end_is_taken_once(lab):
    whole = lines(call("a"), call("b"), call("c"))
    end_of_b = len(lines(call("a"), call("b"))) - 1
    path = write(lab.home.parent / "log.jsonl", whole[:end_of_b])
    assert read_counts(lab, path) == [2]

    write(path, whole)

    assert read_counts(lab, path) == [1]
    assert ids(lab) == ["a", "b", "c"]


def test_a_line_that_stays_half_written_is_a_bad_row_once_the_file_has_settled(lab):
    whole = lines(call("a"), call("b"))
    path = write(lab.home.parent / "log.jsonl", whole[:-20], age_hours=2)

    lab.ingest(path)

    start = len(lines(call("a")))
    assert query(lab, QUARANTINE) == [
        {"rule": "malformed_json", "line_number": 2, "byte_start": start, "byte_end": len(whole) - 20}
    ]


def test_a_line_that_was_given_up_arrives_when_it_is_completed_after_all(lab):
    whole = lines(call("a"), call("b"), call("c"))
    path = write(lab.home.parent / "log.jsonl", whole[: len(lines(call("a"))) + 20], age_hours=2)
    lab.ingest(path)

    write(path, whole)

    assert read_counts(lab, path) == [2]
    assert ids(lab) == ["a", "b", "c"]


def test_a_waiting_line_is_read_when_the_file_has_settled_without_a_change(lab):
    path = write(lab.home.parent / "log.jsonl", lines(call("a")) + b'{"id": "b"')
    lab.ingest(path)
    later = Lab(lab.home, now=NOW + timedelta(hours=2))

    assert read_counts(later, path) == [1]
    assert read_counts(later, path) == []
    assert [row["rule"] for row in query(later, QUARANTINE)] == ["malformed_json"]


@pytest.mark.parametrize(
    "content",
    [
        lines(call("x"), call("b"), call("c")),  # a changed first line
        lines(call("x")),  # cut off, and written anew
        lines(*(call(name) for name in "uvwxyz")),  # rotated: another log under the same name
    ],
    ids=["changed", "truncated", "rotated"],
)
def test_a_file_that_did_not_only_grow_is_read_whole(lab, content):
    path = write(lab.home.parent / "log.jsonl", lines(call("a"), call("b")))
    lab.ingest(path)

    write(path, content)

    assert read_counts(lab, path) == [content.count(b"\n")]


def test_a_rotated_log_under_its_new_name_gives_only_duplicates(lab):
    path = write(lab.home.parent / "log.jsonl", lines(call("a"), call("b")))
    lab.ingest(path)
    moved = path.rename(path.with_name("log.1.jsonl"))

    (receipt,) = lab.ingest(moved)

    assert (receipt.files[0].duplicate_count, receipt.files[0].accepted_count) == (2, 0)


def test_a_file_that_is_only_dated_anew_is_not_read(lab):
    path = write(lab.home.parent / "log.jsonl", lines(call("a")))
    lab.ingest(path)

    write(path, path.read_bytes(), age_hours=-0.5)

    source = lab.source(path)
    assert lab.collector.find(source, NOW).batches == ()
    position = query(lab, "SELECT modified_ns FROM file_positions")
    assert position == [{"modified_ns": path.stat().st_mtime_ns}]


def test_equal_rows_without_an_id_are_told_apart_across_appends(lab):
    same = {key: value for key, value in event("x").items() if key != "id"}
    path = write(lab.home.parent / "log.jsonl", lines(same, same))
    lab.ingest(path)

    write(path, lines(same, same, same))
    lab.ingest(path)

    whole = Lab(lab.home.parent / "other")
    whole.ingest(path)
    assert lab.one("SELECT count(*) FROM core_usage_events") == 3
    assert lab.core() == whole.core()


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.sampled_from(["a", "b", "no id", "bad", "blank", "negative"]), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 2000), max_size=6),
)
def test_any_growth_gives_the_core_and_the_quarantine_of_the_whole_file(tmp_path_factory, rows, cuts):
    kinds = {
        "a": lines(call("a")),
        "b": lines(call("b")),
        "no id": lines({key: value for key, value in event("x").items() if key != "id"}),
        "bad": b'{"id": "half"\n',
        "blank": b"  \n",
        "negative": lines(call("n", output_tokens=-1)),
    }
    # A good line comes first: a file in which no key is known is refused.
    content = kinds["a"] + b"".join(kinds[row] for row in rows)
    folder = tmp_path_factory.mktemp("growth")
    path = folder / "log.jsonl"
    grown, whole = Lab(folder / "grown"), Lab(folder / "whole")
    for cut in [*sorted({min(cut, len(content)) for cut in cuts}), len(content)]:
        write(path, content[:cut])
        grown.ingest(path)
    whole.ingest(path)
    kept = "SELECT quarantine_id, rule, line_number, byte_start, byte_end FROM core_quarantine ORDER BY ALL"
    assert grown.core() == whole.core()
    assert query(grown, kept) == query(whole, kept)


def refuse(_part, error):
    raise error


@pytest.mark.parametrize("change", ["shorter", "overwritten"])
def test_a_file_that_is_written_anew_while_it_is_read_is_refused(tmp_path, change):
    path = write(tmp_path / "log.jsonl", lines(*(call(str(number)) for number in range(40_000))))
    part = FilePart(SourceFile.of(path), "one")
    blocks = BlockReader(duckdb.connect(), FORMAT, tmp_path, refuse, block_bytes=1 << 20).read([part])
    next(blocks)

    content = path.read_bytes()
    path.write_bytes(content[: 3 << 20] if change == "shorter" else content.replace(b"1000", b"2000"))

    with pytest.raises(RefusedError, match="was written anew while it was read"):
        list(blocks)


def test_a_file_that_grows_while_it_is_read_is_read_to_where_it_was_found(tmp_path):
    path = write(tmp_path / "log.jsonl", lines(*(call(str(number)) for number in range(40_000))))
    part = FilePart(SourceFile.of(path), "one")
    blocks = BlockReader(duckdb.connect(), FORMAT, tmp_path, refuse, block_bytes=1 << 20).read([part])
    pieces = [*next(blocks).pieces]
    with path.open("ab") as file:
        file.write(lines(call("more")))

    pieces += [piece for block in blocks for piece in block.pieces]

    assert pieces[-1].byte_end == part.file.size_bytes
    assert sum(piece.line_count for piece in pieces) == 40_000


def fingerprint(path, size):
    with path.open("rb") as file:
        return prefix_sha256(file.fileno(), size)


def test_the_fingerprint_of_a_long_prefix_sees_both_ends_and_nothing_beyond(tmp_path):
    path = tmp_path / "long.log"
    size = 200 << 20
    with path.open("wb") as file:
        file.truncate(size)
    before = fingerprint(path, size - 1)
    for place, changes in ((0, True), (size - 2, True), (size - 1, False)):
        with path.open("r+b") as file:
            file.seek(place)
            file.write(b"x")
        assert (fingerprint(path, size - 1) != before) is changes
        before = fingerprint(path, size - 1)


def without_id(team):
    return {key: value for key, value in event("x", team=team).items() if key != "id"}


def count(lab):
    return lab.one("SELECT count(*) FROM core_usage_events")


def test_equal_rows_of_a_rewritten_neighbour_do_not_stand_before_those_of_its_new_reading(lab):
    one, two = lab.home.parent / "a.jsonl", lab.home.parent / "b.jsonl"
    write(one, lines(without_id("x")))
    write(two, lines(without_id("y")))
    lab.collect(lab.source(one, two))

    write(one, lines(without_id("x"), without_id("x")))
    write(two, lines(without_id("z"), without_id("y")))
    lab.collect(lab.source(one, two))

    assert count(lab) == 4  # two of x; y, which core has already; z


def test_a_landed_file_that_is_lost_between_two_of_a_packed_file_is_landed_again(lab):
    path = lab.home.parent / "calls.jsonl.gz"
    path.write_bytes(gzip.compress(lines(*(call(str(number)) for number in range(20_000)))))
    source, collector = lab.source(path), lab.collector
    (batch,) = collector.find(source, NOW).batches
    first, *others = collector.land(source, batch, NOW).landings
    for each in others:
        each.path.unlink()  # as where the power fails between two renames
    collector.commit(source, first, NOW)

    lab.collect(source)

    assert others
    assert count(lab) == 20_000


def test_a_file_that_is_written_anew_after_it_was_found_to_have_grown_is_not_read_from_the_middle(lab):
    path = write(lab.home.parent / "log.jsonl", lines(call("a"), call("b")))
    lab.ingest(path)
    write(path, lines(call("a"), call("b"), call("c")))
    source, collector = lab.source(path), lab.collector
    (batch,) = collector.find(source, NOW).batches
    write(path, lines(call("x"), call("y"), call("c"), call("d")))

    landed = collector.land(source, batch, NOW)

    assert landed.landings == ()
    assert "was written anew while it was read" in landed.refused[0].reason
    lab.collect(source)
    assert ids(lab) == ["a", "b", "c", "d", "x", "y"]


def test_a_file_that_another_one_replaces_while_it_is_read_is_refused(tmp_path):
    path = write(tmp_path / "log.jsonl", lines(*(call(str(number)) for number in range(40_000))))
    blocks = BlockReader(duckdb.connect(), FORMAT, tmp_path, refuse, block_bytes=1 << 20).read(
        [FilePart(SourceFile.of(path), "one")]
    )
    next(blocks)

    write(tmp_path / "other", path.read_bytes().replace(b"gpt-4o", b"gpt-5o")).replace(path)

    with pytest.raises(RefusedError, match="was written anew while it was read"):
        list(blocks)


def test_a_part_that_the_gate_holds_does_not_pull_the_position_back(lab):
    bad = lines(*(call(str(number), output_tokens=-1) for number in range(30)))
    path = write(lab.home.parent / "log.jsonl", bad)
    source = lab.source(path)
    lab.collect(source)
    write(path, bad + lines(call("a"), call("b"), call("c")))
    lab.collect(source)
    lab.collect(source)

    assert lab.collector.find(source, NOW).batches == ()
    assert ids(lab) == ["a", "b", "c"]


def test_rows_without_an_id_behind_a_held_part_wait_until_it_is_decided(lab):
    bad = lines(*(call(str(number), output_tokens=-1) for number in range(30)))
    path = write(lab.home.parent / "log.jsonl", bad)
    source = lab.source(path)
    lab.collect(source)
    write(path, bad + lines(without_id("x"), without_id("x")))

    (_, behind) = lab.collect(source).receipts

    assert behind.held_because == f"an earlier part of {path} is held, and its rows have no id of their own"
    assert count(lab) == 0


def test_two_collectors_that_cut_a_file_differently_count_its_rows_once(lab):
    rows = [without_id(str(number % 7)) for number in range(30_000)]
    path = write(lab.home.parent / "log.jsonl", lines(*rows))
    source, slow = lab.source(path), lab.collector
    (batch,) = slow.find(source, NOW).batches
    first, *rest = slow.land(source, batch, NOW).landings
    slow.commit(source, first, NOW)

    other = Lab(lab.home, batch_bytes=3 << 20)
    other.collect_new(source)
    for each in rest:
        slow.commit(source, each, NOW)
    for _ in range(3):
        lab.collect(source)

    assert count(lab) == 30_000


def test_a_landed_file_that_was_given_up_is_given_up_once(lab):
    path = write(lab.home.parent / "log.jsonl", lines(call("a")))
    source, collector = lab.source(path), lab.collector
    (batch,) = collector.find(source, NOW).batches
    collector.land(source, batch, NOW)
    write(path, lines(call("other")))

    lab.collect(source)

    assert lab.collect(source).receipts == []
    assert ids(lab) == ["other"]


def test_a_file_that_grew_by_half_a_line_is_not_looked_at_again_until_it_changes(lab):
    path = write(lab.home.parent / "log.jsonl", lines(call("a")))
    lab.ingest(path)
    write(path, lines(call("a")) + b'{"id": "b"')
    lab.ingest(path)

    assert lab.collector.find(lab.source(path), NOW).batches == ()
