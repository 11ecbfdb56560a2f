"""Maintenance as a flow: one step's failure stops no other, and the run says what it did and what it could not do."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from flows.maintain_warehouse import maintain_warehouse
from flows.run_pipeline import run_pipeline
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.maintenance.outcome import UnfinishedError
from sophia_metrics.maintenance.report import maintenance_report
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.protocol import Query
from tasks import maintenance
from tasks.clock import utc_now
from tests.flows.place import Place, call

SPEND = "SELECT usage_on, request_count, cost_usd FROM mart_cost_daily ORDER BY usage_on"


@pytest.fixture
def old(tmp_path):
    """Two calls of years ago and one of yesterday, collected and published; usage is kept for 400 days."""
    place = Place.at(tmp_path)
    place.write("usage.jsonl", call("a", day="2024-03-01"), call("b", day="2024-03-01"))
    yesterday = utc_now().date() - timedelta(days=1)
    place.write("new.jsonl", call("c", day=yesterday.isoformat()))
    config = place.folder / "sophia.toml"
    config.write_text(config.read_text() + "\n[retention]\nusage_days = 400\n")
    run_pipeline.fn(config=place.config)
    return place


def events(place):
    warehouse = connect_warehouse(load_settings(place.folder), utc_now())
    return warehouse.read(Query("SELECT count(*) FROM core_usage_events")).item()


def test_maintenance_drops_old_days_publishes_and_readers_keep_the_rollups(old):
    before = old.serve(SPEND)
    maintained = maintain_warehouse.fn(config=old.config)

    assert (maintained.expired.row_count, maintained.expired.day_count) == (2, 1)
    assert maintained.publication.is_new
    assert old.serve("SELECT count(*) FROM core_usage_events") == [(1,)]
    assert old.serve(SPEND) == before
    assert before[0] == (date(2024, 3, 1), 2, Decimal("0.007"))
    assert old.runs()[-1] == ("maintain-warehouse", "completed", None, True)


def test_a_second_run_finds_its_work_done_and_a_collection_brings_nothing_back(old):
    maintain_warehouse.fn(config=old.config)
    again = maintain_warehouse.fn(config=old.config)
    assert (again.expired.row_count, again.landing.file_count, again.compacted.days) == (0, 0, ())
    old.write("more.jsonl", call("late", day="2024-03-01"))
    summary = run_pipeline.fn(config=old.config)
    assert (summary.counts.read, summary.counts.quarantined, summary.is_held) == (1, 1, False)
    assert old.serve(SPEND)[0] == (date(2024, 3, 1), 2, Decimal("0.007"))


def test_a_dry_run_changes_nothing_and_leaves_no_run(old):
    runs = old.runs()
    told = maintain_warehouse.fn(config=old.config, dry_run=True)
    assert told.is_dry_run
    assert told.expired.row_count == 2
    assert events(old) == 3
    assert old.runs() == runs


def test_a_step_that_fails_stops_no_other_and_the_run_has_failed(old, monkeypatch):
    def fails(*_):
        raise ServiceUnavailableError("the disk is full")

    monkeypatch.setattr(maintenance, "connect_upkeep", fails)
    with pytest.raises(UnfinishedError, match="the sweep failed: the disk is full") as caught:
        maintain_warehouse.fn(config=old.config)

    maintained = caught.value.maintained
    assert (maintained.swept, maintained.expired.row_count) == (None, 2)
    assert maintained.publication.is_new
    assert events(old) == 1
    assert old.runs()[-1] == ("maintain-warehouse", "failed", None, True)
    assert "**the sweep failed: the disk is full**" in maintenance_report(maintained)
