"""Retention of landing: what is committed for long enough goes, and nothing that anybody may still need."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sophia_metrics.errors import ProcessingError
from sophia_metrics.maintenance.policy import landings_before, retention_at
from sophia_metrics.maintenance.settings import RetentionSettings
from sophia_metrics.usage.gate import GateLimits
from sophia_metrics.usage.landing_retention import expire_landings
from sophia_metrics.windows import Window
from tests.lab import NOW, Lab, event

LATER = NOW + timedelta(days=100)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def landed(lab):
    return {path.stem for path in (lab.home / "landing").rglob("*.parquet")}


def expire(lab, before=NOW + timedelta(seconds=1), *, source=None, **options):
    source = source or lab.source()
    return expire_landings(lab.warehouse, lab.home, {"app": source}, before, memory_limit="1GiB", **options)


def append(path, calls, lab):
    more = lab.write("more.tmp", calls).read_text()
    with path.open("a") as file:
        file.write(more)


def without_id(started_at="2026-11-18T10:00:00Z", **fields):
    call = event("", started_at, **fields)
    del call["id"]
    return call


def test_what_was_committed_before_goes_and_what_came_later_stays(lab):
    (first,) = lab.ingest(lab.write("a.jsonl", [event("a")]))
    later = replace(lab, now=NOW + timedelta(days=1))
    (second,) = later.ingest(lab.write("b.jsonl", [event("b")]))
    assert landed(lab) == {first.attempt_id, second.attempt_id}

    told = expire(lab, is_dry_run=True)
    assert len(landed(lab)) == 2
    assert expire(lab) == told
    assert told.file_count == 1
    assert told.size_bytes > 0
    assert landed(lab) == {second.attempt_id}
    assert len(lab.core()) == 2
    assert expire(lab).file_count == 0


def test_what_is_held_or_was_never_committed_stays(lab):
    bad = lab.write("bad.jsonl", [event(f"x{number}", model=None) for number in range(30)])
    (held,) = lab.ingest(bad)
    assert held.held_because
    source = lab.source(lab.write("pending.jsonl", [event("p")]))
    (batch,) = lab.collector.find(source, NOW).batches
    lab.collector.land(source, batch, NOW)
    assert expire(lab, LATER).file_count == 0
    assert len(landed(lab)) == 2


def test_days_whose_landing_is_gone_cannot_be_made_anew_and_nothing_changes(lab):
    lab.ingest(lab.write("a.jsonl", [event("a")]))
    expire(lab)
    before = lab.core()
    day = datetime(2026, 11, 18).date()
    with pytest.raises(ProcessingError, match="landed files of these days are gone"):
        lab.collector.rebuild([lab.source()], Window.of_days(day, day), NOW)
    assert lab.core() == before


def test_of_a_growing_file_whose_rows_have_ids_the_read_parts_go_and_it_is_read_on(lab):
    path = lab.write("log.jsonl", [event("a")])
    lab.ingest(path)
    assert expire(lab).file_count == 1
    append(path, [event("b")], lab)
    (receipt,) = lab.ingest(path)
    assert [file.row_count for file in receipt.files] == [1]
    assert len(lab.core()) == 2


def test_of_a_growing_file_whose_rows_have_none_the_parts_stay_and_equal_rows_are_told_apart(lab):
    path = lab.write("log.jsonl", [without_id(), without_id()])
    lab.ingest(path)
    assert expire(lab, LATER).file_count == 0
    append(path, [without_id()], lab)
    (receipt,) = lab.ingest(path)
    assert receipt.files[0].row_count == 1
    assert len(lab.core()) == 3  # three equal calls, none lost and none counted twice


def test_a_rotated_file_keeps_its_first_part_as_long_as_a_later_part_is_kept(lab):
    path = lab.write("log.jsonl", [without_id()])
    (first,) = lab.ingest(path)
    later = replace(lab, now=NOW + timedelta(days=1))
    append(path, [without_id("2026-11-19T10:00:00Z")], lab)
    (second,) = later.ingest(path)
    path.write_text("")  # rotated: a new reading begins
    lab.write("log.jsonl", [without_id("2026-11-20T10:00:00Z")])
    replace(lab, now=NOW + timedelta(days=2)).ingest(path)

    assert expire(lab).file_count == 0
    assert expire(lab, NOW + timedelta(days=1, seconds=1)).file_count == 2
    assert not landed(lab) & {first.attempt_id, second.attempt_id}


def test_of_a_source_that_is_not_configured_nothing_goes_that_may_be_needed(lab):
    path = lab.write("log.jsonl", [event("a")])
    lab.ingest(path)
    freed = expire_landings(lab.warehouse, lab.home, {}, LATER, memory_limit="1GiB")
    assert freed.file_count == 0


def test_a_held_later_part_keeps_the_earlier_ones(lab):
    path = lab.write("log.jsonl", [without_id()])
    lab.ingest(path)
    append(path, [without_id("2026-11-19T10:00:00Z", model=None) for _ in range(30)], lab)
    strict = replace(lab.collector, limits=GateLimits(0.1, 1))
    source = lab.source(path)
    (batch,) = strict.find(source, NOW).batches
    (landing,) = strict.land(source, batch, NOW).landings
    assert strict.commit(source, landing, NOW).held_because
    assert expire(lab, LATER).file_count == 0


def test_landing_that_a_kept_backup_has_not_seen_stays(lab):
    settings = RetentionSettings(landing_days=1)
    assert landings_before(settings, LATER, None) == LATER - timedelta(days=1)
    assert landings_before(settings, LATER, LATER) == LATER - timedelta(days=1)
    oldest = LATER - timedelta(days=6)
    assert landings_before(settings, LATER, oldest) == oldest - timedelta(days=1)


def test_the_first_day_that_is_kept_is_so_many_days_before_today():
    retention = retention_at(RetentionSettings(usage_days=400, run_days=90), datetime(2026, 11, 20, 4, 20))
    assert retention.usage_from_on == datetime(2025, 10, 16).date()
    assert retention.observed_from_on is None
    assert retention.runs_from_at == datetime(2026, 8, 22, 4, 20)
