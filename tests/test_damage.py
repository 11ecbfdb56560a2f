"""What is damaged is found, named and made whole by the next run: the same core as without the damage."""

import shutil
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from sophia_metrics.errors import ProcessingError, ServiceUnavailableError
from sophia_metrics.warehouse.protocol import Query
from tests.lab import NOW, Lab, event

DAY = "DATE '2026-11-18'"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two days of usage, a row in quarantine, built and published."""
    lab = Lab(tmp_path_factory.mktemp("made") / "state")
    calls = [event("a"), event("b", "2026-11-17T10:00:00Z", units={"web_searches": 2}), event("e", output_tokens=-1)]
    lab.ingest(lab.write("one.jsonl", calls), lab.write("two.jsonl", [event("c"), event("a", output_tokens=500)]))
    lab.publish()
    return lab


@pytest.fixture
def lab(made, tmp_path):
    shutil.copytree(made.home, tmp_path / "state", symlinks=True)
    return Lab(tmp_path / "state")


def everything(lab):
    """All rows of core and of a mart, without what names the attempt and its time."""
    names = ("core_usage_events", "core_usage_units", "core_quarantine", "mart_cost_daily", "mart_cost_15min")
    left_out = {"attempt_id", "ingested_at"}
    return {
        name: sorted(lab.warehouse.read(Query(f"SELECT * FROM {name}")).select(pl.exclude(left_out)).rows(), key=repr)
        for name in names
    }


def path_of(lab, table, day="2026-11-18"):
    paths = lab.warehouse.read(
        Query(f"SELECT path FROM manifest WHERE table_name = '{table}' AND day_on = DATE '{day}' ORDER BY path")
    )["path"]
    return lab.home / paths[0]


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def garbage(path):
    path.write_bytes(b"this is no Parquet file at all")


def delete(path):
    path.unlink()


def heal(lab, *, is_deep=False):
    mended = lab.collector.mend([lab.source()], NOW, is_deep=is_deep)
    publication = lab.publish()
    assert publication.held_because is None
    return mended


def state(lab, sql):
    with duckdb.connect(lab.home / "warehouse.duckdb") as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("break_it", [truncate, garbage, delete])
@pytest.mark.parametrize(
    ("table", "day"),
    [
        ("core_usage_events", "2026-11-18"),
        ("core_usage_units", "2026-11-17"),
        ("core_quarantine", "2026-11-20"),
        ("mart_cost_daily", "2026-11-18"),
        ("mart_cost_15min", "2026-11-18"),
    ],
)
def test_the_next_run_makes_a_damaged_day_whole(lab, table, day, break_it):
    before = everything(lab)
    break_it(path_of(lab, table, day))

    mended = heal(lab)

    assert [str(each) for each in mended] == [day]
    assert everything(lab) == before
    assert lab.one("SELECT count(*) FROM damaged_days") == 0


def test_a_changed_byte_is_found_by_a_deep_look(lab):
    before = everything(lab)
    for table in ("core_usage_events", "mart_cost_daily"):
        flip(path_of(lab, table))
    assert heal(lab) == ()

    assert len(heal(lab, is_deep=True)) == 1
    assert everything(lab) == before


def test_a_changed_byte_is_never_written_into_a_good_file(lab):
    flip(path_of(lab, "core_usage_events"))
    with pytest.raises(ServiceUnavailableError, match=r"core_usage_events of 2026-11-18: .* does not hold what was"):
        lab.ingest(lab.write("three.jsonl", [event("a", output_tokens=900)]))

    heal(lab)
    lab.collect(lab.source(lab.home.parent / "three.jsonl"))
    assert lab.one("SELECT CAST(sum(output_tokens) AS BIGINT) FROM core_usage_events") == 900 + 100 + 100


@pytest.mark.parametrize("break_it", [truncate, garbage, delete])
def test_a_commit_that_meets_a_damaged_file_names_it_and_the_next_run_heals(lab, break_it):
    path = path_of(lab, "core_usage_events")
    break_it(path)
    with pytest.raises(ServiceUnavailableError, match=path.name):
        lab.ingest(lab.write("three.jsonl", [event("a", output_tokens=900), event("f")]))
    assert "is damaged and waits" in str(lab.warehouse.publish(NOW).held_because)

    heal(lab)
    lab.collect(lab.source(lab.home.parent / "three.jsonl"))
    assert lab.one("SELECT count(*) FROM core_usage_events") == 4


def test_a_build_that_meets_a_damaged_file_names_it(lab):
    before = everything(lab)
    state(lab, "DELETE FROM mart_builds")
    garbage(path_of(lab, "core_usage_events"))
    with pytest.raises(ServiceUnavailableError, match="core_usage_events of 2026-11-18"):
        lab.warehouse.build()
    heal(lab)
    assert everything(lab) == before


def test_a_commit_to_a_day_that_waits_is_refused_and_comes_again(lab):
    delete(path_of(lab, "core_usage_events"))
    with pytest.raises(ServiceUnavailableError, match="is gone"):
        lab.one("SELECT count(*) FROM core_usage_events WHERE model = 'x'")
    with pytest.raises(ServiceUnavailableError, match="makes it anew from landing first"):
        lab.ingest(lab.write("three.jsonl", [event("f")]))

    heal(lab)
    lab.collect(lab.source(lab.home.parent / "three.jsonl"))
    assert lab.one("SELECT count(*) FROM core_usage_events") == 4


@pytest.mark.parametrize(
    "change",
    [
        f"DELETE FROM manifest WHERE day_on = {DAY}",
        f"DELETE FROM manifest WHERE day_on = {DAY} AND table_name = 'core_usage_events'",
        "DELETE FROM manifest WHERE table_name = 'mart_cost_daily'",
        "DELETE FROM manifest WHERE table_name = 'core_quarantine'",
        f"UPDATE manifest SET row_count = 7 WHERE day_on = {DAY}",
        f"UPDATE manifest SET path = path || 'x' WHERE day_on = {DAY}",
        "UPDATE manifest SET size_bytes = 1 WHERE table_name = 'core_quarantine'",
        f"DELETE FROM manifest_days WHERE day_on = {DAY}",
        "DELETE FROM manifest",
    ],
)
def test_a_row_of_the_manifest_that_is_lost_or_changed_is_noticed_and_the_day_made_again(lab, change):
    before = everything(lab)
    state(lab, change)

    assert heal(lab) != ()

    assert everything(lab) == before
    assert lab.one("SELECT count(*) FROM damaged_days") == 0


def test_nothing_is_built_or_published_from_a_manifest_that_lost_a_row(lab):
    version = lab.serving.version
    state(lab, f"DELETE FROM manifest WHERE day_on = {DAY} AND table_name = 'core_usage_events'")
    with pytest.raises(ServiceUnavailableError, match="does not list the files"):
        lab.warehouse.build()
    state(lab, f"DELETE FROM manifest_days WHERE day_on = {DAY} AND table_name = 'core_usage_units'")
    assert lab.warehouse.publish(NOW).held_because is not None
    assert lab.serving.version == version


def test_where_landing_is_gone_an_error_says_what_remains_and_the_rest_goes_on(lab):
    spend = "SELECT sum(cost_usd) FROM mart_cost_daily"
    before = lab.one(spend)
    lab.ingest(lab.write("three.jsonl", [event("f")]))
    delete(path_of(lab, "core_usage_events"))
    for path in (lab.home / "landing" / "app").glob("*.parquet"):
        path.unlink()
    with pytest.raises(ProcessingError, match=r"core_usage_events of 2026-11-18: .* of 3 rows remain"):
        lab.collector.mend([lab.source()], NOW)

    assert lab.collector.mend([lab.source()], NOW) == ()
    lab.ingest(lab.write("four.jsonl", [event("g", "2026-11-19T10:00:00Z")]))
    assert lab.publish().held_because is None
    assert lab.one(spend) == before + Decimal("0.0035")  # the marts of the damaged day stay as they were built


def test_a_look_that_finds_nothing_changes_nothing(lab):
    before = state(lab, "SELECT * FROM manifest ORDER BY ALL")
    assert lab.collector.mend([lab.source()], NOW) == ()
    assert state(lab, "SELECT * FROM manifest ORDER BY ALL") == before
    assert not (lab.home / "damaged").exists()
