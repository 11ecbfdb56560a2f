"""A day that fails an expectation holds back the publish until it is repaired; readers keep the last good version."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.build_dashboard import build_dashboard
from flows.check_quality import check_quality
from flows.collect_usage import collect_usage
from flows.run_pipeline import run_pipeline
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.quality.checkpoint import Checkpoint
from sophia_metrics.quality.judging import judge_marts
from sophia_metrics.serving import Serving
from sophia_metrics.settings import QualitySettings, load_settings
from sophia_metrics.warehouse.duckdb.damage import true_files
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import add_files, files_of, remove_files
from sophia_metrics.warehouse.protocol import Query
from tasks.checks import started_checkpoint
from tasks.clock import utc_now
from tasks.plan import plan_usage
from tests.command_line import CommandLine
from tests.flows.place import Place, call

DAY = date(2025, 11, 18)
CALLS = "SELECT CAST(sum(request_count) AS BIGINT) FROM mart_cost_daily"
STALE = "SELECT is_stale FROM mart_freshness WHERE subject = 'core_usage_events'"
LOST = "2025-11-18: mart_cost_sums, days_differ_in_calls: "


def home_of(place: Place) -> Path:
    return load_settings(place.folder).home


def lose_calls(place: Place) -> None:
    """Let a mart be wrong: one day of mart_cost_daily is made, by all rules, of a file that says one call less."""
    home = home_of(place)
    with StateFile(home).transaction() as connection:
        (good,) = files_of(connection, ["mart_cost_daily"], [DAY])
        wrong = home / good.path.replace(".parquet", "-wrong.parquet")
        pl.read_parquet(home / good.path).with_columns(pl.col("request_count") - 1).write_parquet(wrong)
        listed = replace(good, path=str(wrong.relative_to(home)))
        remove_files(connection, [good])
        add_files(connection, true_files(home, [listed]).values())


def repair(place: Place) -> None:
    """Let the day be built again."""
    with StateFile(home_of(place)).transaction() as connection:
        connection.execute("DELETE FROM mart_builds WHERE mart = 'mart_cost_daily' AND day_on = $1", [DAY])


def verdicts(place: Place, sql: str) -> list[tuple[object, ...]]:
    return connect_warehouse(load_settings(place.folder), utc_now()).read(Query(sql)).rows()


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Version 1; then a damaged day and one more call, twice run; then the repair: what each run said and showed."""
    place = Place.at(tmp_path_factory.mktemp("story"))
    run_pipeline.fn(config=place.config)
    fresh = place.serve(STALE)
    place.write("more.jsonl", call("d", day="2025-11-20"))
    lose_calls(place)
    held = run_pipeline.fn(config=place.config)
    seen = {
        "calls": place.serve(CALLS),
        "stale": (fresh, place.serve(STALE)),
        "held": Serving(home_of(place)).held,
        "runs": place.runs()[-1],
        "verdicts": verdicts(
            place,
            "SELECT suite, expectation, severity, dimension, failed_count, checked_count FROM core_quality_verdicts "
            "WHERE NOT is_passed AND severity = 'error'",
        ),
    }
    again = build_dashboard.fn(config=place.config)
    repair(place)
    recovered = build_dashboard.fn(config=place.config)
    return place, held, seen, again, recovered


def test_a_failed_day_holds_back_the_publish_and_says_which_day_and_why(story):
    _, held, _, (_, publication), _ = story

    assert held.is_held
    assert held.publication.held_because.startswith(LOST)
    assert (held.publication.version, held.publication.is_new) == (1, False)
    assert publication.held_because == held.publication.held_because


def test_readers_keep_the_last_good_version_and_see_that_it_is_stale(story):
    _, _, seen, _, _ = story

    assert seen["calls"] == [(3,)]
    assert seen["stale"] == ([(False,)], [(True,)])
    assert seen["held"].reason.startswith(LOST)


def test_a_held_run_is_recorded_as_held_and_its_verdict_is_kept(story):
    _, _, seen, _, _ = story

    assert seen["runs"] == ("run-pipeline", "held", 1, True)
    assert ("mart_cost_sums", "days_differ_in_calls", "error", "consistency", 1, 2) in seen["verdicts"]


def test_after_the_repair_the_next_run_publishes_everything(story):
    place, _, _, _, (_, publication) = story

    assert (publication.version, publication.is_new, publication.held_because) == (2, True, None)
    assert place.serve(CALLS) == [(4,)]
    assert place.serve(STALE) == [(False,)]
    assert Serving(home_of(place)).held is None


def test_the_next_version_shows_the_verdicts_of_the_run_that_was_held(story):
    place, held, _, _, _ = story
    failed = place.serve(
        "SELECT run_id, expectation FROM mart_data_quality WHERE NOT is_passed AND severity = 'error' "
        "AND expectation = 'days_differ_in_calls'"
    )

    assert (held.run_id, "days_differ_in_calls") in failed


def test_a_day_that_passed_is_not_judged_again(story):
    place, *_ = story
    judged = judge_marts(connect_warehouse(load_settings(place.folder), utc_now()), utc_now())

    assert judged.runs == ()
    assert {each.suite for each in judged.verdicts} == {"mart_freshness"}


def test_the_commands_say_that_what_is_published_is_stale(tmp_path, monkeypatch):
    place = Place.at(tmp_path)
    run_pipeline.fn(config=place.config)
    lose_calls(place)
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("COLUMNS", "200")
    sophia = CommandLine(place.folder)
    page, machine, doctor = sophia("run", "--plain"), sophia("run", "--plain", "--json"), sophia("doctor")

    assert [page.exit_code, machine.exit_code] == [3, 3]
    assert "Not published: STALE" in page.stdout
    assert "readers still see version 1" in page.stdout
    assert json.loads(machine.stdout)["quality"]["held_because"].startswith("mart_cost_sums, days_differ_in_calls")
    assert "STALE since" in doctor.stdout
    assert "days_differ_in_calls" in doctor.stdout


def test_where_the_very_first_publish_is_held_there_is_nothing_to_read_and_the_run_says_so(tmp_path, monkeypatch):
    place = Place.at(tmp_path)
    settings = load_settings(place.folder)
    monkeypatch.chdir(place.folder)
    collect_usage.fn(config=place.config)
    connect_warehouse(settings, utc_now()).build()
    lose_calls(place)
    page = CommandLine(place.folder)("run", "--plain")

    assert page.exit_code == 3
    assert "nothing was published before" in page.stdout
    assert Serving(settings.home).version is None


def test_great_expectations_judges_the_same_rows_and_leaves_data_docs(tmp_path):
    place = Place.at(tmp_path)
    summary = run_pipeline.fn(config=place.config, checkpoint=True)
    by_both = [each for each in summary.quality.verdicts if each.checked_by == "sql+great_expectations"]
    text = "".join(each.read_text() for each in summary.quality.data_docs.parent.rglob("*.html"))

    assert {each.suite for each in by_both} >= {
        "staged_usage",
        "core_usage_events",
        "mart_cost_daily",
        "mart_cost_sums",
    }
    assert [each.sentence for each in by_both if each.failed_count and each.suite != "mart_freshness"] == []
    assert "gpt-4o" not in text
    lose_calls(place)
    found = check_quality.fn(config=place.config)
    (lost,) = [each for each in found.failed if each.expectation == "days_differ_in_calls"]
    assert (lost.failed_count, lost.checked_count, lost.checked_by) == (1, 2, "sql+great_expectations")


def test_a_first_look_at_made_up_usage_does_not_wait_for_great_expectations(tmp_path):
    (tmp_path / "sophia.toml").write_text("")
    settings = load_settings(tmp_path)
    sample = plan_usage(settings, utc_now(), source=None, paths=None, sample=True)
    real = Place.at(tmp_path)
    wanted = load_settings(real.folder).model_copy(update={"quality": QualitySettings()})

    assert started_checkpoint(settings, sample, utc_now(), is_wanted=None).__enter__() is None
    assert isinstance(started_checkpoint(wanted, wanted.sources, utc_now(), is_wanted=None), Checkpoint)
    assert isinstance(started_checkpoint(settings, sample, utc_now(), is_wanted=True), Checkpoint)
