"""Compaction: a day in small pieces becomes one file; no row changes, nor anything that was made of it."""

import os
import threading
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from sophia_metrics.warehouse.duckdb import compaction
from sophia_metrics.warehouse.duckdb.changes import FULL_ROWS
from sophia_metrics.warehouse.protocol import Compaction, Observations, Query
from tests.lab import Lab, event

LATER = datetime(2040, 1, 1)
"""Nobody has written for years."""
FILES = (
    "SELECT table_name, day_on::VARCHAR, count(*) FROM manifest WHERE table_name LIKE 'core%' GROUP BY ALL ORDER BY ALL"
)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A day in three pieces, one of them with a unit of its own, and a day in one."""
    lab = Lab(tmp_path / "state")
    for number in range(3):
        lab.ingest(lab.write(f"{number}.jsonl", [event(f"a{number}", units={"web_search": number})]))
    lab.ingest(lab.write("other.jsonl", [event("b", "2026-11-17T10:00:00Z")]))
    return lab


def rows(lab, sql):
    return lab.warehouse.read(Query(sql)).rows()


def compact(lab, now=LATER, **options):
    return lab.warehouse.commit(Compaction(now, **options))


def facts(lab):
    return lab.core(), sorted(rows(lab, "SELECT * FROM core_usage_units"), key=repr)


def test_a_day_in_pieces_becomes_one_file_with_the_same_rows(lab):
    before = facts(lab)
    changed = compact(lab)
    assert changed.event_count == 3 + lab.one("SELECT count(*) FROM core_usage_units")
    assert [day.isoformat() for day in changed.days] == ["2026-11-18"]
    assert {(name, day): count for name, day, count in rows(lab, FILES)} == {
        ("core_usage_events", "2026-11-17"): 1,
        ("core_usage_events", "2026-11-18"): 1,
        ("core_usage_units", "2026-11-18"): 1,
    }
    assert facts(lab) == before
    assert compact(lab).days == ()


def test_what_is_built_and_published_is_the_same(lab):
    lab.publish()
    spend = "SELECT * FROM mart_cost_daily ORDER BY ALL"
    before = lab.serving.query(spend).rows()
    compact(lab)
    lab.publish()
    assert lab.serving.query(spend).rows() == before


def test_a_day_that_somebody_wrote_to_within_a_day_is_left_alone(lab):
    newest = max(path.stat().st_mtime for path in (lab.home / "core").rglob("*.parquet"))
    written_at = datetime(1970, 1, 1) + timedelta(seconds=newest)
    assert compact(lab, written_at + timedelta(hours=23)).days == ()
    assert len(compact(lab, written_at + timedelta(hours=25)).days) == 1


def test_one_young_piece_keeps_the_whole_day(lab):
    piece = next((lab.home / "core/usage_events/usage_on=2026-11-18").glob("*.parquet"))
    young = (LATER - timedelta(hours=1) - datetime(1970, 1, 1)).total_seconds()
    os.utime(piece, (young, young))
    assert {day for name, day, count in rows(lab, FILES) if count > 1 and name == "core_usage_events"} == {"2026-11-18"}
    compact(lab)
    assert dict.fromkeys(
        (name, count) for name, day, count in rows(lab, FILES) if (name, day) == ("core_usage_events", "2026-11-18")
    ) == {("core_usage_events", 3): None}


def test_a_full_file_is_not_written_again(lab, monkeypatch):
    monkeypatch.setattr(compaction, "FULL_ROWS", 0)
    assert FULL_ROWS > 0
    assert compact(lab).days == ()


def test_a_dry_run_tells_what_it_would_do_and_writes_nothing(lab):
    before = rows(lab, FILES)
    told = compact(lab, is_dry_run=True)
    assert rows(lab, FILES) == before
    assert told == compact(lab)


def test_observations_in_pieces_become_one_too(lab):
    for minute in range(3):
        probe = {
            "service": "api",
            "probed_at": datetime(2026, 11, 18, 12, minute),
            "kind": "http",
            "outcome": "ok",
            "status": "healthy",
            "attempt_count": 1,
            "is_vantage_ok": True,
            "interval_seconds": 60,
        }
        lab.warehouse.commit(Observations({"core_probe_results": pl.DataFrame([probe])}))
    before = sorted(rows(lab, "SELECT * FROM core_probe_results"), key=repr)
    compact(lab)
    assert ("core_probe_results", "2026-11-18", 1) in rows(lab, FILES)
    assert sorted(rows(lab, "SELECT * FROM core_probe_results"), key=repr) == before


def test_a_commit_during_a_compaction_loses_nothing(lab):
    before = len(lab.core())
    path = lab.write("meanwhile.jsonl", [event(f"m{number}") for number in range(5)])
    threads = [
        threading.Thread(target=compact, args=[lab]),
        threading.Thread(target=lab.ingest, args=[path]),
        threading.Thread(target=compact, args=[lab]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lab.core()) == before + 5
    assert len({ident for ident, *_ in lab.core(["event_id"])}) == before + 5


def test_the_audit_sees_a_compacted_day_and_finds_nothing_new(lab):
    lab.collector.audit(lab.now)
    compact(lab)
    assert lab.collector.audit(lab.now) == 0
    assert rows(
        lab, "SELECT count(*) FROM manifest WHERE table_name = 'core_usage_events' AND is_audited IS NOT TRUE"
    ) == [(0,)]
