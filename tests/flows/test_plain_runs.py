"""Flows as plain functions: the same steps, without Prefect."""

from datetime import date
from decimal import Decimal

import pytest

from flows.backfill_usage import backfill_usage
from flows.build_dashboard import build_dashboard
from flows.check_budgets import check_budgets
from flows.collect_usage import collect_usage
from flows.run_pipeline import run_pipeline
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.usage.outcome import RowCounts
from tasks.clock import utc_now
from tasks.plan import plan_usage
from tasks.settings import read_settings
from tests.flows.place import Place, call

SPEND_BY_DAY = "SELECT usage_on, request_count, cost_usd FROM mart_cost_daily ORDER BY usage_on"
THREE_CALLS = [(date(2025, 11, 18), 2, Decimal("0.007")), (date(2025, 11, 19), 1, Decimal("0.0035"))]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A place where the pipeline ran, and its summary; tests that share it change none of its figures."""
    place = Place.at(tmp_path_factory.mktemp("done"))
    return place, run_pipeline.fn(config=place.config)


def test_a_run_reads_commits_builds_and_publishes(done):
    place, summary = done
    assert summary.counts == RowCounts(read=3, accepted=3)
    assert summary.is_changed
    assert not summary.is_held
    assert (summary.publication.version, summary.publication.is_new) == (1, True)
    assert place.serve(SPEND_BY_DAY) == THREE_CALLS


def test_the_version_that_a_run_publishes_shows_the_end_of_that_run(done):
    place, summary = done
    shown = place.serve("SELECT run_id, flow, run_status, row_count, duration_ms > 0 FROM mart_pipeline_runs")
    assert (summary.run_id, "run-pipeline", "completed", 3, True) in shown


def test_a_second_run_changes_nothing_and_says_so(done):
    place, _ = done
    again = run_pipeline.fn(config=place.config)
    assert not again.is_changed
    assert again.counts == RowCounts()
    assert not again.publication.is_new


def test_a_later_run_collects_what_was_added(place):
    collect_usage.fn(config=place.config)
    place.write("more.jsonl", call("d", day="2025-11-20"))
    (collected,) = collect_usage.fn(config=place.config)
    assert collected.counts == RowCounts(read=1, accepted=1)


def test_collecting_and_then_building_is_a_whole_run(place):
    collect_usage.fn(config=place.config)
    build, publication = build_dashboard.fn(config=place.config)
    assert build.built["mart_cost_daily"] == (date(2025, 11, 18), date(2025, 11, 19))
    assert publication.is_new
    assert place.serve(SPEND_BY_DAY) == THREE_CALLS
    assert place.runs() == [
        ("collect-usage", "completed", 3, True),
        ("build-dashboard", "completed", None, True),
    ]


def test_budgets_are_noted_published_and_told(place):
    place.write("today.jsonl", call("today", day=utc_now().date().isoformat()))
    collect_usage.fn(config=place.config)
    daily, monthly = check_budgets.fn(config=place.config)

    assert (daily.limit_usd, monthly.limit_usd) == (100, 3000)
    assert place.serve("SELECT budget, limit_usd FROM mart_budget_status WHERE is_current ORDER BY budget") == [
        ("daily", Decimal(100)),
        ("monthly", Decimal(3000)),
    ]
    assert place.runs()[-1] == ("check-budgets", "completed", None, True)


def test_files_that_are_named_are_collected_instead_of_the_configured_ones(place):
    named = place.write("named.jsonl", call("d", day="2025-11-20"))
    (collected,) = collect_usage.fn(config=place.config, source="gateway", paths=[str(named)])
    assert [file.file_name for receipt in collected.receipts for file in receipt.files] == [str(named)]


def test_a_source_that_fails_ends_the_run_which_is_recorded_as_failed(place):
    (place.folder / "usage" / "usage.jsonl").unlink()
    (place.folder / "usage").rmdir()
    with pytest.raises(ConfigurationError, match="does not exist"):
        run_pipeline.fn(config=place.config)
    assert place.runs() == [("run-pipeline", "failed", None, True)]


def test_a_slice_that_the_gate_holds_makes_the_run_held_and_stays_out_of_the_figures(place):
    place.write("usage.jsonl", {"id": "x", "model": "gpt-4o"}, {"id": "y", "model": "gpt-4o"})
    summary = run_pipeline.fn(config=place.config)
    assert summary.is_held
    assert place.runs() == [("run-pipeline", "held", 2, True)]
    assert place.serve(SPEND_BY_DAY) == []


def test_a_backfill_of_days_that_are_as_they_should_be_changes_no_figure(done):
    place, _ = done
    changed, _, _ = backfill_usage.fn(date(2025, 11, 18), date(2025, 11, 19), config=place.config)
    assert changed.days == (date(2025, 11, 18), date(2025, 11, 19))
    assert place.serve(SPEND_BY_DAY) == THREE_CALLS
    assert place.runs()[-1] == ("backfill-usage", "completed", None, True)


def test_a_backfill_whose_days_are_the_wrong_way_round_is_refused(done):
    place, _ = done
    with pytest.raises(ConfigurationError, match="name the earlier day first"):
        backfill_usage.fn(date(2025, 11, 19), date(2025, 11, 18), config=place.config)


def test_files_without_the_name_of_their_source_are_refused(done):
    place, _ = done
    with pytest.raises(ConfigurationError, match="need the name of their source"):
        collect_usage.fn(config=place.config, paths=["usage/usage.jsonl"])


def test_a_source_that_is_not_configured_is_refused_by_name(done):
    place, _ = done
    with pytest.raises(ConfigurationError, match="no source 'getaway' to collect: name one of gateway"):
        collect_usage.fn(config=place.config, source="getaway")


def test_sample_data_are_never_put_beside_real_usage(done):
    place, _ = done
    with pytest.raises(ConfigurationError, match="holds real usage"):
        collect_usage.fn(config=place.config, sample=True)


def test_where_nothing_is_configured_sample_data_do_not_follow_real_usage(place):
    file = place.write("usage.jsonl", call("a"))
    (place.folder / "sophia.toml").write_text("")
    collect_usage.fn(config=place.config, source="events", paths=[str(file)])
    assert collect_usage.fn(config=place.config) == ()


def test_without_a_source_there_is_sample_data_to_collect(tmp_path):
    (tmp_path / "sophia.toml").write_text("")
    (planned,) = plan_usage(read_settings(str(tmp_path)), utc_now(), source=None, paths=None, sample=False)
    assert planned.name == SAMPLE_SOURCE
