"""Retention: whole days of core go, their rollups stay to the last digit, and nothing comes back for such a day."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.quality.judging import hold_days, judge_marts
from sophia_metrics.serving import Serving
from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
from sophia_metrics.warehouse.protocol import Expired, Observations, Query, Record, Retention
from sophia_metrics.windows import Window
from tests.lab import NOW, Lab, event

OLD, KEPT = date(2026, 11, 10), date(2026, 11, 15)
"""OLD expires where the horizon is KEPT."""
SUMS = (
    "SELECT usage_on, sum(cost_usd) AS cost_usd, sum(request_count)::BIGINT AS request_count FROM {} "
    "GROUP BY usage_on ORDER BY usage_on"
)
MARTS = (
    "mart_cost_15min",
    "mart_cost_hourly",
    "mart_cost_daily",
    "mart_model_efficiency",
    "mart_latency_histogram",
    "mart_source_daily",
)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Two calls on OLD (0.0035 USD each), one on KEPT; built, audited and judged."""
    lab = Lab(tmp_path / "state")
    path = lab.write(
        "calls.jsonl",
        [
            event("a", "2026-11-10T10:00:00Z", latency_ms=12.5),
            event("b", "2026-11-10T23:59:59Z"),
            event("c", "2026-11-15T00:00:00Z"),
        ],
    )
    lab.ingest(path)
    ready(lab)
    lab.publish()
    return lab


def ready(lab):
    lab.collector.audit(lab.now)
    lab.warehouse.build()
    judge_marts(lab.warehouse, lab.now)


def expire(lab, usage_from_on=KEPT, observed_from_on=None, runs_from_at=None, **options) -> Expired:
    return lab.warehouse.commit(Retention(usage_from_on, observed_from_on, runs_from_at, lab.now, **options))


def rows(lab, sql):
    return lab.warehouse.read(Query(sql)).rows()


def marts(lab):
    return {name: sorted(rows(lab, f"SELECT * FROM {name}"), key=repr) for name in MARTS}


def test_the_rows_of_expired_days_go_and_those_of_the_first_kept_day_stay(lab):
    expired = expire(lab)
    assert (expired.row_count, expired.day_count, expired.usage_from_on) == (2, 1, KEPT)
    assert expired.stopped_because is None
    assert rows(lab, "SELECT usage_on FROM core_usage_events") == [(KEPT,)]


def test_the_rollups_stay_as_they_are_through_build_judging_and_publishing(lab):
    before = marts(lab)
    expire(lab)
    assert lab.warehouse.build().day_count == 0
    assert judge_marts(lab.warehouse, lab.now, every_day=True).runs[0].days == (KEPT,)
    assert lab.publish().is_new
    assert marts(lab) == before
    assert Serving(lab.home).query(SUMS.format("mart_cost_daily")).rows() == [
        (OLD, Decimal("0.007"), 2),
        (KEPT, Decimal("0.0035"), 1),
    ]
    assert Serving(lab.home).query("SELECT count(*) FROM core_usage_events").item() == 1
    assert Serving(lab.home).query("SELECT DISTINCT kept_from_on FROM core_retention").item() == KEPT


def test_other_sql_of_a_mart_does_not_build_expired_days_from_nothing(lab):
    before = rows(lab, SUMS.format("mart_cost_daily"))
    expire(lab)
    lab.warehouse.record(  # as if the marts had come from other statements
        Record(
            {
                "mart_builds": pl.DataFrame(
                    [{"mart": name, "day_on": day, "inputs_sha256": "other"} for name in MARTS for day in (OLD, KEPT)]
                )
            }
        )
    )
    built = lab.warehouse.build().built
    assert OLD not in built["mart_cost_15min"]
    assert OLD not in built["mart_source_daily"]
    assert OLD in built["mart_cost_hourly"]  # from the quarters, which are there
    assert rows(lab, SUMS.format("mart_cost_daily")) == before


def test_the_horizon_only_moves_forwards(lab):
    expire(lab)
    expired = expire(lab, date(2026, 11, 1))
    assert (expired.usage_from_on, expired.row_count) == (KEPT, 0)
    assert expire(lab, None).usage_from_on == KEPT
    assert lab.one("SELECT DISTINCT kept_from_on FROM core_retention") == KEPT


def test_a_dry_run_tells_the_same_and_changes_nothing(lab):
    before = rows(lab, "SELECT * FROM manifest ORDER BY path")
    told = expire(lab, is_dry_run=True)
    assert rows(lab, "SELECT * FROM manifest ORDER BY path") == before
    assert rows(lab, "SELECT * FROM core_retention") == []
    assert told == expire(lab)


def test_a_row_that_arrives_for_an_expired_day_is_quarantined_and_counted(lab):
    expire(lab)
    before = rows(lab, SUMS.format("mart_cost_daily"))
    (receipt,) = lab.ingest(
        lab.write("late.jsonl", [event("late", "2026-11-14T23:59:59Z"), event("on time", "2026-11-15T00:00:00Z")])
    )
    ready(lab)
    (counts,) = receipt.files
    assert (counts.accepted_count, counts.quarantined_count) == (1, 1)
    assert rows(lab, "SELECT rule FROM core_quarantine") == [("before_retention",)]
    assert rows(lab, SUMS.format("mart_cost_daily")) == [before[0], (KEPT, Decimal("0.007"), 2)]


def test_a_file_of_expired_rows_alone_is_not_held_for_it(lab):
    expire(lab)
    calls = [event(f"late {number}", "2026-11-01T10:00:00Z") for number in range(30)]
    (receipt,) = lab.ingest(lab.write("old.jsonl", calls))
    assert receipt.held_because is None
    assert receipt.files[0].quarantined_count == 30
    verdict = next(each for each in receipt.judged if each.expectation == "before_retention")
    assert (verdict.failed_count, verdict.checked_count) == (30, 30)


def test_bad_rows_among_expired_ones_are_still_judged_by_their_share(lab):
    expire(lab)
    late = [event(f"late {number}", "2026-11-01T10:00:00Z") for number in range(100)]
    bad = [event(f"bad {number}", output_tokens=-1) for number in range(15)]
    good = [event(f"good {number}") for number in range(5)]
    (receipt,) = lab.ingest(lab.write("mixed.jsonl", [*late, *bad, *good]))
    assert "15 of 20 rows break a row rule" in (receipt.held_because or "")


def test_the_same_late_file_again_is_not_quarantined_twice(lab):
    expire(lab)
    for name in ("late.jsonl", "late.jsonl"):
        lab.ingest(lab.write(name, [event("late", "2026-11-01T10:00:00Z")]))
    assert lab.one("SELECT count(*) FROM core_quarantine") == 1


def test_a_slice_that_was_staged_before_the_horizon_moved_is_refused_and_quarantined_by_the_next_run(lab, monkeypatch):
    source = lab.source(lab.write("late.jsonl", [event("late", "2026-11-10T12:00:00Z")]))
    collector = lab.collector
    (batch,) = collector.find(source, NOW).batches
    (landing,) = collector.land(source, batch, NOW).landings
    monkeypatch.setattr(type(collector), "_kept_from_on", lambda _: (expire(lab), None)[1])
    with pytest.raises(ServiceUnavailableError, match="have been dropped"):
        collector.commit(source, landing, NOW)
    monkeypatch.undo()
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1

    (receipt,) = lab.collect(source).receipts
    assert receipt.files[0].quarantined_count == 1
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1


def test_expired_days_cannot_be_made_anew(lab):
    expire(lab)
    with pytest.raises(ConfigurationError, match="Choose days from 2026-11-15 on"):
        lab.collector.rebuild([lab.source()], Window.of_days(date(2026, 11, 14), KEPT), NOW)
    lab.collector.rebuild([lab.source()], Window.of_days(KEPT, KEPT), NOW)
    assert rows(lab, "SELECT usage_on FROM core_usage_events") == [(KEPT,)]
    assert rows(lab, "SELECT count(*) FROM core_quarantine") == [(0,)]


def test_a_day_that_is_not_built_yet_is_not_dropped(lab):
    lab.ingest(lab.write("more.jsonl", [event("d", "2026-11-12T10:00:00Z")]))
    lab.collector.audit(NOW)
    expired = expire(lab)
    assert (expired.row_count, expired.usage_from_on) == (2, date(2026, 11, 12))
    assert (expired.stopped_because or "").startswith("2026-11-12 is not in ")
    ready(lab)
    assert expire(lab).usage_from_on == KEPT
    assert rows(lab, SUMS.format("mart_cost_daily"))[1] == (date(2026, 11, 12), Decimal("0.0035"), 1)


def test_a_day_that_fails_an_expectation_is_not_dropped(lab):
    hold_days(lab.warehouse, [OLD], "something is wrong", NOW)
    expired = expire(lab)
    assert (expired.row_count, expired.stopped_because) == (
        0,
        "2026-11-10 fails an expectation: it and the days after it stay",
    )


def test_a_day_that_no_audit_has_seen_is_not_dropped(lab):
    lab.ingest(lab.write("more.jsonl", [event("d", "2026-11-12T10:00:00Z")]))
    lab.warehouse.build()
    assert expire(lab).usage_from_on == date(2026, 11, 12)


def test_the_files_of_expired_days_go_when_no_version_lists_them(lab):
    expire(lab)
    lab.publish()
    for _ in range(2):
        replace(lab, now=NOW + timedelta(days=2)).publish()
    for number in range(3):
        lab.ingest(lab.write(f"{number}.jsonl", [event(f"new {number}")]))
        lab.publish()
    for _ in range(2):
        DuckDBUpkeep(lab.home).sweep(datetime(2040, 1, 1))
    assert not list((lab.home / "core/usage_events").glob(f"usage_on={OLD}/*.parquet"))
    assert list((lab.home / "marts/mart_cost_daily").glob(f"usage_on={OLD}/*.parquet"))
    assert Serving(lab.home).query(SUMS.format("mart_cost_daily")).rows()[0] == (OLD, Decimal("0.007"), 2)


def test_an_audit_after_retention_finds_nothing_where_nothing_is_left(lab):
    expire(lab)
    lab.ingest(lab.write("again.jsonl", [event("a", "2026-11-18T10:00:00Z")]))
    assert lab.collector.audit(NOW) == 0


def test_observations_of_expired_days_go_and_late_ones_are_left_out(lab, caplog):
    probes = [_probe(datetime(2026, 11, 10, 12)), _probe(datetime(2026, 11, 18, 12))]
    lab.warehouse.commit(Observations({"core_probe_results": pl.DataFrame(probes)}))
    lab.warehouse.build()
    quarters = "SELECT * FROM mart_service_15min ORDER BY ALL"
    before = rows(lab, quarters)
    expired = expire(lab, None, KEPT)
    assert (expired.row_count, expired.observed_from_on, expired.usage_from_on) == (1, KEPT, None)

    late = [_probe(datetime(2026, 11, 10, 13)), _probe(datetime(2026, 11, 18, 13))]
    assert lab.warehouse.commit(Observations({"core_probe_results": pl.DataFrame(late)})).event_count == 1
    assert "1 rows of core_probe_results are left out" in caplog.text
    lab.warehouse.build()
    assert rows(lab, quarters)[: len(before) - 1] == before[:-1]
    assert lab.one("SELECT count(*) FROM core_probe_results") == 2


def _probe(probed_at):
    return {
        "service": "api",
        "probed_at": probed_at,
        "kind": "http",
        "outcome": "ok",
        "status": "healthy",
        "latency_ms": 12.5,
        "attempt_count": 1,
        "is_vantage_ok": True,
        "interval_seconds": 60,
    }


def test_what_old_runs_left_is_pruned_and_the_newest_version_is_always_known(lab):
    run = {"flow": "run-pipeline", "run_status": "completed"}
    runs = [{"run_id": str(days), "started_at": NOW - timedelta(days=days), **run} for days in (1, 89, 91)]
    lab.warehouse.record(Record({"core_pipeline_runs": pl.DataFrame(runs)}))
    expired = expire(lab, None, None, NOW - timedelta(days=90))
    assert expired.run_count == 1
    assert rows(lab, "SELECT run_id FROM core_pipeline_runs ORDER BY run_id") == [("1",), ("89",)]

    expire(lab, None, None, NOW + timedelta(days=1))
    assert rows(lab, "SELECT version FROM core_versions") == [(1,)]
    lab.ingest(lab.write("d.jsonl", [event("d")]))
    assert lab.publish().version == 2
    assert Serving(lab.home).query("SELECT count(*) FROM mart_pipeline_runs").item() == 0


def test_a_killed_retention_is_none_or_whole(lab, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sophia_metrics.warehouse.retention._move", killed)
    with pytest.raises(KeyboardInterrupt):
        expire(lab)
    monkeypatch.undo()
    assert lab.one("SELECT count(*) FROM core_usage_events") == 3
    assert expire(lab).row_count == 2


def test_a_quarantined_row_goes_with_the_day_on_which_it_was_found(lab):
    early = replace(lab, now=datetime(2026, 11, 12, 9))
    early.ingest(early.write("bad.jsonl", [event("bad", "2026-11-11T10:00:00Z", model=None)]))
    ready(lab)
    assert expire(lab).row_count == 3
    assert lab.one("SELECT count(*) FROM core_quarantine") == 0


def test_the_kept_values_of_a_late_row_say_when_it_was(lab):
    expire(lab)
    lab.ingest(lab.write("late.jsonl", [event("late", "2026-11-01T10:00:00Z")]))
    kept = json.loads(lab.one("SELECT kept_values FROM core_quarantine"))
    assert kept["started_at"] == "2026-11-01 10:00:00"
