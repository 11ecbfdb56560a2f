"""Garbage goes, and nothing else: what the manifest or a kept version lists stays, and so does what is foreign."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.maintenance.upkeep import Freed
from sophia_metrics.serving import Serving
from sophia_metrics.warehouse.duckdb import facts
from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
from sophia_metrics.warehouse.duckdb.versions import listed_paths, version_files
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.working import working_connection
from tests.lab import NOW, Lab, event

LATER = datetime(2040, 1, 1)
"""Everything that these tests write is old by then."""
UNFINISHED = ".a.parquet.0123456789abcdef0123456789abcdef.tmp"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def sweep(lab, now=LATER, **options):
    return DuckDBUpkeep(lab.home, keep_versions=2).sweep(now, **options)


def at(lab, minutes):
    return Lab(lab.home, now=NOW + timedelta(minutes=minutes))


def publish_change(lab, number):
    """A new version of the event `a`, so that its day file is written anew."""
    later = at(lab, number)
    path = later.write(f"{number}.jsonl", [event("a", output_tokens=100 + number)])
    later.ingest(path)
    return later.publish()


def day_files(lab):
    return {path.relative_to(lab.home).as_posix() for path in lab.home.glob("*/*/*=*/*.parquet")}


def listed(lab):
    empty = {path for path in day_files(lab) if path.endswith("/empty.parquet")}
    return {path for (path,) in lab.warehouse.read(lab_query("SELECT path FROM manifest")).rows()} | empty


def lab_query(sql):
    return Query(sql)


def age(path, now, age):
    instant = (now - age - datetime(1970, 1, 1)).total_seconds()
    os.utime(path, (instant, instant))


def test_a_superseded_day_file_that_no_kept_version_lists_goes(lab):
    for number in range(4):
        publish_change(lab, number)
    before = day_files(lab)
    sweep(lab)  # thins the versions; what those listed goes the next time
    swept = sweep(lab)

    kept = {path for version in version_files(lab.home / "serving").values() for path in listed_paths(version)}
    assert sorted(version_files(lab.home / "serving")) == [3, 4]
    assert day_files(lab) == listed(lab) | kept
    assert swept.day_files.file_count == len(before) - len(day_files(lab)) > 0


def test_a_file_of_a_version_that_is_kept_stays_though_the_manifest_has_forgotten_it(lab):
    publish_change(lab, 0)
    first = listed(lab)
    publish_change(lab, 1)
    sweep(lab)

    assert first - listed(lab)
    assert first <= day_files(lab)


def test_what_is_younger_than_an_hour_stays(lab):
    publish_change(lab, 0)
    stray = next((lab.home / "core/usage_events").glob("*/*-*.parquet")).with_name(f"audit-{'0' * 32}.parquet")
    stray.write_bytes(b"12345")
    age(stray, LATER, timedelta(minutes=59))
    assert sweep(lab).day_files == Freed(0, 0)

    age(stray, LATER, timedelta(minutes=61))
    assert sweep(lab, is_dry_run=True).day_files == Freed(1, 5)
    assert stray.exists()
    assert sweep(lab).day_files == Freed(1, 5)
    assert not stray.exists()


def test_the_hour_of_a_file_begins_when_it_leaves_the_list(lab):
    publish_change(lab, 0)
    for path in lab.home.glob("core/*/*/*-*.parquet"):
        age(path, NOW, timedelta(days=3))
    lab.ingest(lab.write("b.jsonl", [event("a", output_tokens=500)]))

    (old,) = [path for path in lab.home.glob("core/usage_events/*/*-*.parquet") if not _is_listed(lab, path)]
    assert datetime.fromtimestamp(old.stat().st_mtime) > datetime.now() - timedelta(minutes=5)  # noqa: DTZ005, DTZ006


def _is_listed(lab, path):
    return path.relative_to(lab.home).as_posix() in listed(lab)


def test_a_foreign_file_is_reported_and_never_removed(lab):
    publish_change(lab, 0)
    day = next((lab.home / "core/usage_events").glob("usage_on=2026*"))
    foreign = [
        day / "copy of a day.parquet",
        lab.home / "core" / "notes.txt",
        lab.home / "marts" / "mine" / "usage_on=2026-11-18" / f"build-{'0' * 32}.parquet",
        lab.home / "landing" / "app" / "backup.parquet",
        lab.home / "landing" / f"{'0' * 32}.parquet",
        lab.home / "serving" / "v1.csv",
    ]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")

    swept = sweep(lab)
    assert set(swept.orphans) == {path.relative_to(lab.home).as_posix() for path in foreign}
    assert all(path.exists() for path in foreign)


def test_nothing_that_the_program_writes_is_an_orphan(lab):
    publish_change(lab, 0)
    lab.ingest(lab.write("bad.jsonl", [event("x", model=None)]))
    lab.collector.audit(NOW)
    lab.publish()
    assert sweep(lab).orphans == ()


def test_a_file_that_a_killed_process_left_unfinished_goes(lab):
    publish_change(lab, 0)
    left = [lab.home / "serving" / UNFINISHED, lab.home / "serving" / f"{UNFINISHED}.wal", lab.home / UNFINISHED]
    for path in left:
        path.write_text("half")
        age(path, LATER, timedelta(hours=2))
    assert sweep(lab).temporary == Freed(3, 12)
    assert not any(path.exists() for path in left)


def test_what_is_being_landed_may_stay_unfinished_for_a_day(lab):
    publish_change(lab, 0)
    path = lab.home / "landing" / "app" / UNFINISHED
    path.write_text("half")
    age(path, LATER, timedelta(hours=23))
    assert sweep(lab).temporary == Freed(0, 0)
    age(path, LATER, timedelta(hours=25))
    assert sweep(lab).temporary == Freed(1, 4)


def test_a_spill_folder_goes_with_its_process_and_not_before(lab):
    publish_change(lab, 0)
    left = lab.home / "tmp" / "spill-dead"
    left.mkdir()
    (left / "block").write_bytes(b"123")
    with working_connection(lab.home, "1GiB"):
        pass  # which removes what is left of others, so leave something again
    left.mkdir()
    (left / "block").write_bytes(b"123")
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS.format(path=str(lab.home / "tmp" / "spill-alive"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    assert sweep(lab).spills == Freed(1, 3)
    assert [path.name for path in (lab.home / "tmp").iterdir()] == ["spill-alive"]
    child.communicate(b"\n", timeout=30)


HOLDS = """
import fcntl, os, sys
os.mkdir({path!r})
held = os.open({path!r}, os.O_RDONLY)
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_key_run_that_nobody_lists_goes(lab):
    publish_change(lab, 0)
    lab.collector.audit(NOW)
    stray = lab.home / "key_runs" / f"{'0' * 32}.arrow"
    stray.write_bytes(b"1234567")
    assert sweep(lab).key_runs == Freed(1, 7)
    lab.collector.audit(NOW)
    assert len(list((lab.home / "key_runs").iterdir())) == 1


def test_of_versions_all_of_the_last_hour_stay_and_then_one_an_hour_for_a_day(lab):
    # NOW is 12:00. Versions at 09:00, 09:20, 09:40, 11:00, 11:20, 11:40, all kept by the rule of 24 hours alone.
    for number, minutes in enumerate((-180, -160, -140, -60, -40, -20)):
        later = at(lab, minutes)
        later.ingest(later.write(f"{number}.jsonl", [event(f"e{number}")]))
        later.publish()

    # At 12:30: 11:40 is younger than an hour, 11:20 by number; of the hour 09 the last one, 09:40.
    sweep(lab, NOW + timedelta(minutes=30))
    assert sorted(version_files(lab.home / "serving")) == [3, 5, 6]


def test_publishing_thins_too(lab):
    for minute in range(0, 180, 20):
        publish_change(lab, minute)
    # The last publish is at 14:40 with keep_versions = 3: 13:40 is an hour old. Of 12 and 13 the last ones stay.
    published = dict(lab.warehouse.read(lab_query("SELECT version, published_at FROM core_versions")).iter_rows())
    minutes = [(published[number] - NOW).total_seconds() / 60 for number in sorted(version_files(lab.home / "serving"))]
    assert minutes == [40, 100, 120, 140, 160]


def test_a_version_that_another_process_reads_stays_and_answers(lab):
    publish_change(lab, 0)
    reader = subprocess.Popen(
        [sys.executable, "-c", READS.format(path=str(lab.home / "serving" / "v000001.duckdb"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout.readline() == "open\n"
    for number in range(1, 4):
        publish_change(lab, number)
    for _ in range(3):
        sweep(lab)
    out, _ = reader.communicate("\n", timeout=30)
    assert out == "[(1, 100)]\n"

    sweep(lab)
    assert 1 not in version_files(lab.home / "serving")


READS = """
import duckdb, sys
connection = duckdb.connect({path!r}, read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(connection.execute("SELECT count(*), sum(output_tokens)::BIGINT FROM core_usage_events").fetchall())
"""


def test_a_version_that_cannot_be_read_keeps_every_day_file_and_says_why(lab):
    publish_change(lab, 0)
    lab.ingest(lab.write("z.jsonl", [event("a", output_tokens=900)]))
    lab.ingest(lab.write("y.jsonl", [event("a", output_tokens=901)]))
    (lab.home / "serving" / "v000001.duckdb").write_bytes(b"not a database")
    before = day_files(lab)

    swept = sweep(lab)
    assert swept.day_files == Freed(0, 0)
    assert day_files(lab) == before
    assert "v000001.duckdb cannot be read" in swept.problems[0]


def test_a_commit_whose_files_were_swept_meanwhile_fails_and_the_next_one_succeeds(lab, monkeypatch):
    publish_change(lab, 0)
    source = lab.source(lab.write("late.jsonl", [event("late")]))
    (batch,) = lab.collector.find(source, NOW).batches
    (landing,) = lab.collector.land(source, batch, NOW).landings
    real = facts.refuse_swept

    def swept_before(folder, files):
        monkeypatch.setattr(facts, "refuse_swept", real)
        for file in files:
            (folder / file.path).unlink()
        real(folder, files)

    monkeypatch.setattr(facts, "refuse_swept", swept_before)
    with pytest.raises(ServiceUnavailableError, match="taken for garbage"):
        lab.collector.commit(source, landing, NOW)
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1
    assert [each.source for each in lab.collect(source).receipts] == ["app"]
    assert lab.one("SELECT count(*) FROM core_usage_events") == 2


def test_what_readers_see_is_the_same_after_a_sweep(lab):
    for number in range(3):
        publish_change(lab, number)
    spend = "SELECT usage_on, cost_usd, output_tokens FROM mart_cost_daily ORDER BY usage_on"
    before = Serving(lab.home).query(spend).rows()
    sweep(lab)
    sweep(lab)
    assert Serving(lab.home).query(spend).rows() == before
