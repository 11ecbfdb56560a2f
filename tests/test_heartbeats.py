"""When a flow is expected, when it is late, and which runs are lost."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from sophia_metrics.alerts.flow_rule import FlowRule
from sophia_metrics.alerts.observation import FlowObservation, Observations
from sophia_metrics.alerts.rule import Verdict
from sophia_metrics.cron import longest_gap_seconds
from sophia_metrics.health.heartbeats import Heartbeat, beaten
from sophia_metrics.health.late_flows import LateFlow
from sophia_metrics.health.lost_runs import note_lost_runs
from sophia_metrics.presence import Trace
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Query, Record
from tasks.schedule import scheduled_intervals
from tests.lab import NOW, Lab

DAY = 86_400


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [
        ("* * * * *", 60),
        ("*/15 * * * *", 900),
        ("7-59/15 * * * *", 900),
        ("5 * * * *", 3600),
        ("20 1 * * *", DAY),
        ("0 9-17 * * *", 16 * 3600),
        ("0,30 9 * * *", DAY - 1800),
        ("0 6 * * 1", 7 * DAY),
        ("0 6 * * 1-5", 3 * DAY),
        ("0 0 1 * *", 31 * DAY),
        ("0 0 13 * 5", 7 * DAY),
        ("0 0 29 2 *", None),
        ("0 6 * * MON", None),
        ("61 * * * *", None),
        ("@daily", None),
    ],
)
def test_the_longest_time_between_two_instants_of_a_schedule(cron, seconds):
    assert longest_gap_seconds(cron) == seconds


def test_the_schedules_of_prefect_yaml_are_known():
    found = scheduled_intervals()
    assert (found["collect-usage"], found["check-alerts"], found["run-pipeline"]) == (900, 60, DAY)
    assert "backfill-usage" not in found


def test_a_run_by_hand_is_expected_by_nobody():
    (heartbeat,) = beaten({}, "collect-usage", NOW, is_success=True)
    assert heartbeat == Heartbeat("collect-usage", succeeded_at=NOW)


def test_a_run_of_a_deployment_is_expected_again_after_its_interval_and_half_an_hour():
    (heartbeat,) = beaten({}, "collect-usage", NOW, is_success=True, intervals={"collect-usage": 900})
    assert heartbeat == Heartbeat("collect-usage", NOW, None, NOW, 900, 2700)


def test_a_run_by_hand_changes_nothing_that_is_expected():
    known = {"collect-usage": Heartbeat("collect-usage", NOW, None, NOW, 900, 2700)}
    later = NOW + timedelta(hours=1)
    (heartbeat,) = beaten(known, "collect-usage", later, is_success=False)
    assert heartbeat == Heartbeat("collect-usage", NOW, later, NOW, 900, 2700)


def test_a_flow_whose_schedule_is_taken_away_is_expected_no_longer():
    known = {"collect-usage": Heartbeat("collect-usage", NOW, None, NOW, 900, 2700)}
    changed = beaten(known, "check-alerts", NOW, is_success=True, intervals={"check-alerts": 60})
    assert Heartbeat("collect-usage", NOW) in changed


def test_a_late_flow_says_since_when_and_how_often_it_is_expected():
    late = LateFlow("collect-usage", NOW - timedelta(minutes=52), None, NOW - timedelta(days=3), 900)
    assert late.message(NOW) == (
        "collect-usage has not run for 52 min, expected every 15 min: is a worker running, is it paused?"
    )


def test_a_flow_that_fails_each_time_is_not_said_to_stand_still():
    late = LateFlow("run-pipeline", NOW - timedelta(days=3), NOW - timedelta(hours=1), NOW - timedelta(days=30), DAY)
    assert late.message(NOW) == (
        "run-pipeline has not succeeded for 3 days, expected every 24 h: its last run failed or was killed"
    )


def runs_frame(*rows):
    names = ("run_id", "flow", "started_at", "run_status")
    frame = pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows])
    return pl.DataFrame(frame.to_dicts(), schema=polars_schema(state.PIPELINE_RUNS))


def recorded(warehouse, table, *columns):
    return warehouse.read(Query(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1")).rows()


def test_a_running_run_without_a_trace_is_lost_and_its_flow_has_failed(tmp_path):
    warehouse = Lab(tmp_path / "home").warehouse
    rows = runs_frame(
        ("r1", "collect-usage", NOW, "running"),
        ("r2", "collect-usage", NOW, "running"),
        ("r3", "collect-usage", NOW, "completed"),
    )
    warehouse.record(Record({"core_pipeline_runs": rows}))
    traces = (
        Trace("r1", "collect-usage", NOW, 1, is_present=False),
        Trace("r2", "collect-usage", NOW, 2, is_present=True),
    )

    assert note_lost_runs(warehouse, lambda: traces, NOW) == ("r1",)

    assert recorded(warehouse, "core_pipeline_runs", "run_id", "run_status") == [
        ("r1", "lost"),
        ("r2", "running"),
        ("r3", "completed"),
    ]
    assert recorded(warehouse, "core_heartbeats", "flow", "failed_at") == [("collect-usage", NOW)]


def test_a_run_that_ends_while_one_looks_is_not_lost(tmp_path):
    warehouse = Lab(tmp_path / "home").warehouse
    warehouse.record(Record({"core_pipeline_runs": runs_frame(("r1", "collect-usage", NOW, "running"))}))

    def ends_meanwhile():
        warehouse.record(Record({"core_pipeline_runs": runs_frame(("r1", "collect-usage", NOW, "completed"))}))
        return ()

    assert note_lost_runs(warehouse, ends_meanwhile, NOW) == ()
    assert recorded(warehouse, "core_pipeline_runs", "run_id", "run_status") == [("r1", "completed")]


def test_a_late_flow_is_an_alert_whose_sentence_stays_the_same():
    rule = FlowRule()
    at = datetime(2026, 11, 20, 11, 8)
    observed = Observations(
        flows=(FlowObservation("collect-usage", is_late=True, succeeded_at=at, interval_seconds=900),)
    )
    (reading,) = rule.readings(observed)
    assert (reading.terms.rule, reading.fingerprint, reading.verdict) == (
        "flow-late",
        "flow/collect-usage/late",
        Verdict.MET,
    )
    assert reading.message == (
        "flow collect-usage has not run since 2026-11-20 11:08 UTC, expected every 15 min: "
        "is a worker running, is it paused?"
    )


def test_a_flow_in_time_clears_its_alert_and_a_version_without_flows_says_nothing():
    (reading,) = FlowRule().readings(
        Observations(flows=(FlowObservation("collect-usage", is_late=False, succeeded_at=NOW),))
    )
    assert reading.verdict is Verdict.CLEAR
    assert FlowRule().terms(Observations()) is None
    assert list(FlowRule().readings(Observations())) == []
