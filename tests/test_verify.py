"""What must agree is computed once more; each kind of damage is named."""

import shutil

import duckdb
import polars as pl
import pytest

from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
from sophia_metrics.warehouse.manifest import note_every_day
from sophia_metrics.warehouse.protocol import Query
from tests.lab import NOW, Lab, event


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("made") / "state")
    calls = [event("a"), event("b", "2026-11-17T10:00:00Z", units={"web_searches": 2}), event("e", output_tokens=-1)]
    lab.ingest(lab.write("one.jsonl", calls), lab.write("two.jsonl", [event("c")]))
    lab.publish()
    DuckDBUpkeep(lab.home).back_up(NOW)
    return lab


@pytest.fixture
def lab(made, tmp_path):
    shutil.copytree(made.home, tmp_path / "state", symlinks=True)
    return Lab(tmp_path / "state")


def findings(lab, *, is_deep=False):
    verification = DuckDBUpkeep(lab.home).verify(is_deep=is_deep)
    return {(each.check, each.problem) for each in verification.findings}


def checks(lab, *, is_deep=False):
    return {check for check, _ in findings(lab, is_deep=is_deep)}


def state(lab, sql):
    with duckdb.connect(lab.home / "warehouse.duckdb") as connection:
        connection.execute(sql)


def path_of(lab, table):
    return lab.home / lab.one(f"SELECT min(path) FROM manifest WHERE table_name = '{table}' AND day_on = '2026-11-18'")


@pytest.mark.parametrize("is_deep", [False, True])
def test_a_state_that_is_whole_agrees(lab, is_deep):
    verification = DuckDBUpkeep(lab.home).verify(is_deep=is_deep)
    assert verification.findings == ()
    assert verification.checks["marts of core"] >= 6
    assert verification.checks["sum of the days"] == 2
    assert verification.checks["rows of the ledger"] == 2
    assert verification.checks["backups"] == 1
    assert verification.checks["day files"] == lab.one("SELECT count(*) FROM manifest")


def test_files_that_are_not_what_was_noted_are_named(lab):
    path_of(lab, "core_usage_events").unlink()
    path = path_of(lab, "mart_cost_hourly")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    assert ("day files", True) in {(check, "is gone" in problem) for check, problem in findings(lab)}
    assert any(path.name in problem and "does not hold" in problem for _, problem in findings(lab, is_deep=True))


def test_a_manifest_that_lost_a_row_and_a_ledger_that_does_not_add_up_are_named(lab):
    state(lab, "DELETE FROM manifest WHERE table_name = 'core_usage_units'")
    state(lab, "UPDATE core_ingest_ledger SET accepted_count = 7 WHERE quarantined_count = 0")
    assert {"days of the manifest", "rows of the ledger"} <= checks(lab)


def rewrite(lab, table, change):
    """Put changed rows into a file that is listed, hash and all, as a wrong program would."""
    path = path_of(lab, table)
    rows = pl.read_parquet(path, hive_partitioning=False)
    changed = change(rows)
    changed.write_parquet(path)
    facts = f"row_count = {changed.height}, size_bytes = {path.stat().st_size}, sha256 = NULL"
    state(lab, f"UPDATE manifest SET {facts} WHERE path = '{path.relative_to(lab.home)}'")
    with lab.warehouse._state.transaction() as locked:
        note_every_day(locked)


def test_a_mart_that_is_not_what_core_says_is_named(lab):
    rewrite(lab, "mart_cost_daily", lambda rows: rows.with_columns(pl.col("request_count") + 1))
    assert any("mart_cost_daily of 2026-11-18 differs" in problem for _, problem in findings(lab))


def test_an_event_that_stands_twice_or_on_another_day_is_named(lab):
    rewrite(lab, "core_usage_events", lambda rows: pl.concat([rows, rows]))
    assert "keys of core" in checks(lab, is_deep=True)
    rewrite(lab, "core_usage_events", lambda rows: rows.with_columns(pl.col("started_at") + pl.duration(days=1)))
    assert any("belong to another day" in problem for _, problem in findings(lab))


def test_a_published_version_and_a_backup_that_are_damaged_are_named(lab):
    (lab.home / "serving" / "v000001.duckdb").write_bytes(b"x" * 100)
    (lab.home / "backups" / "20261120T120000Z" / "warehouse.duckdb").unlink()
    assert {"published version", "backups"} <= checks(lab)


def test_verifying_changes_nothing(lab):
    before = {path: path.stat().st_mtime_ns for path in lab.home.rglob("*.parquet")}
    manifest = lab.warehouse.read(Query("SELECT * FROM manifest ORDER BY ALL")).rows()
    findings(lab, is_deep=True)
    assert lab.warehouse.read(Query("SELECT * FROM manifest ORDER BY ALL")).rows() == manifest
    assert {path: path.stat().st_mtime_ns for path in lab.home.rglob("*.parquet")} == before
