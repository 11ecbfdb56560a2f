"""A state file that is gone or damaged is made again by the next run: nothing lost, nothing twice, no alert again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sophia_metrics.costs.budgets import Budget, load_budgets, set_budget
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.schema import core, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.scopes import Scope
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.duckdb.backups import listed_paths
from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
from sophia_metrics.warehouse.protocol import Observations, Query, Record
from tests.lab import NOW, Lab, event

ROOT = Path(__file__).parent.parent
LATER = NOW + timedelta(minutes=5)
PROBED_AT = datetime(2026, 11, 20, 11)


def probe(minute, outcome="ok"):
    row = {
        "service": "chat",
        "probed_at": PROBED_AT + timedelta(minutes=minute),
        "kind": "http",
        "outcome": outcome,
        "status": "healthy",
        "attempt_count": 1,
        "is_vantage_ok": True,
        "interval_seconds": 60,
    }
    frame = pl.DataFrame([row]).with_columns(pl.col("interval_seconds", "attempt_count").cast(pl.Int64))
    return Observations({core.PROBE_RESULTS.name: frame})


def delivery(status):
    """An alert that fired, and what became of its message."""
    episode = {
        "episode_id": "e1",
        "fingerprint": "service/chat/down",
        "episode_number": 1,
        "rule": "service-down",
        "severity": "critical",
        "scope_type": "service",
        "scope_value": "chat",
        "subject": "chat",
        "state": "firing",
        "opened_at": NOW,
        "message": "chat is down",
        "evidence": "{}",
        "fired_at": NOW,
    }
    message = {
        "episode_id": "e1",
        "channel": "ops",
        "kind": "fire",
        "sequence_number": 1,
        "message": "chat is down",
        "created_at": NOW,
        "status": status,
        "attempt_count": 1,
    }
    return Record(
        {
            table.name: pl.DataFrame([row], schema=polars_schema(table))
            for table, row in ((state.ALERT_EPISODES, episode), (state.ALERT_DELIVERIES, message))
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A backup; since then usage, a budget, probes, an alert that was sent, and a publish; and usage since that."""
    lab = Lab(tmp_path_factory.mktemp("made") / "state")
    lab.ingest(lab.write("one.jsonl", [event("a"), event("b", "2026-11-17T10:00:00Z"), event("e", output_tokens=-1)]))
    lab.warehouse.commit(probe(0))
    lab.publish()
    DuckDBUpkeep(lab.home).back_up(NOW)
    lab.ingest(lab.write("two.jsonl", [event("c"), event("a", output_tokens=500)]))
    set_budget(lab.warehouse, Budget("daily", Scope("all", "all"), "day", Decimal(7)), NOW)
    lab.warehouse.record(delivery("sent"))
    lab.warehouse.commit(probe(1))
    lab.publish()
    lab.ingest(lab.write("three.jsonl", [event("d")]))
    lab.warehouse.commit(probe(2))
    return lab


@dataclass(frozen=True)
class Copy(Lab):
    """A copy of a state folder, whose source files are where they were."""

    files: Path = Path()


@pytest.fixture
def lab(made, tmp_path):
    shutil.copytree(made.home, tmp_path / "state", symlinks=True)
    return Copy(tmp_path / "state", now=LATER, files=made.home.parent)


def run(lab):
    """What a run does: mend, commit what is pending and new, audit, build, publish."""
    source = lab.source(lab.files / "*.jsonl")
    lab.collector.mend([source], lab.now)
    lab.collect(source)
    lab.collector.audit(lab.now)
    return lab.publish()


def facts(lab):
    read = lab.warehouse.read
    return {
        "core": lab.core(),
        "quarantine": read(Query("SELECT quarantine_id FROM core_quarantine")).rows(),
        "probes": sorted(read(Query("SELECT probed_at FROM core_probe_results")).rows()),
        "spend": read(Query("SELECT sum(cost_usd) FROM mart_cost_daily")).rows(),
        "sent": read(Query("SELECT episode_id, status FROM core_alert_deliveries")).rows(),
        "open": read(Query("SELECT episode_id, state FROM core_alert_episodes")).rows(),
        "budgets": [(each.budget.name, each.budget.limit_usd) for each in load_budgets(lab.warehouse)],
    }


@pytest.fixture(scope="module")
def expected(made, tmp_path_factory):
    """The facts after a run without damage."""
    home = tmp_path_factory.mktemp("expected") / "state"
    shutil.copytree(made.home, home, symlinks=True)
    lab = Copy(home, now=LATER, files=made.home.parent)
    run(lab)
    found = facts(lab)
    assert (len(found["core"]), len(found["probes"]), found["sent"]) == (4, 3, [("e1", "sent")])
    return found


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def garbage(path):
    path.write_bytes(b"this is no database" * 999)


def halve(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path):
    """Change a byte in every block of 4 KiB, so that none is spared."""
    content = bytearray(path.read_bytes())
    for place in range(12_288 + 100, len(content), 4096):
        content[place] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("break_it", [remove, empty, garbage, halve, flip])
def test_the_next_run_makes_a_damaged_state_file_again(lab, expected, break_it):
    break_it(lab.home / "warehouse.duckdb")

    run(lab)

    assert facts(lab) == expected
    (row,) = lab.warehouse.read(Query("SELECT base, version, moved_to FROM core_recoveries")).rows()
    assert row[:2] == ("20261120T120000Z", 2)
    assert (row[2] is None) == (break_it is remove)
    assert lab.serving.query("SELECT base FROM core_recoveries").rows() == [("20261120T120000Z",)]


def test_without_any_backup_what_landing_and_serving_hold_comes_back(lab, expected):
    shutil.rmtree(lab.home / "backups")
    (lab.home / "warehouse.duckdb").unlink()
    run(lab)
    assert facts(lab) == expected


def test_without_any_version_a_backup_and_landing_bring_usage_back(lab, expected):
    for path in (lab.home / "serving").iterdir():
        path.unlink()
    (lab.home / "warehouse.duckdb").unlink()
    run(lab)
    found = facts(lab)
    assert {name: found[name] for name in ("core", "quarantine", "probes", "spend")} == {
        name: expected[name] for name in ("core", "quarantine", "probes", "spend")
    }
    assert found["budgets"] == []  # it was set after the backup, and no version shows it


def test_with_nothing_but_landing_and_day_files_usage_and_observations_come_back(lab, expected):
    shutil.rmtree(lab.home / "backups")
    shutil.rmtree(lab.home / "serving")
    (lab.home / "warehouse.duckdb").unlink()
    run(lab)
    found = facts(lab)
    assert {name: found[name] for name in ("core", "quarantine", "probes", "spend")} == {
        name: expected[name] for name in ("core", "quarantine", "probes", "spend")
    }


def test_days_whose_landing_has_gone_come_back_from_what_was_published(lab, expected):
    shutil.rmtree(lab.home / "backups")
    done = lab.warehouse.read(Query("SELECT attempt_id FROM core_ingest_ledger ORDER BY finished_at"))["attempt_id"]
    shown = lab.serving.query("SELECT attempt_id FROM core_ingest_ledger")["attempt_id"]
    for attempt in done.filter(done.is_in(shown.implode())):
        (lab.home / "landing" / "app" / f"{attempt}.parquet").unlink()
    (lab.home / "warehouse.duckdb").unlink()
    run(replace(lab, files=lab.home / "nowhere"))
    assert facts(lab) == expected


def test_a_damaged_version_is_passed_over_for_the_one_before_it(lab, expected):
    garbage(lab.home / "serving" / "v000002.duckdb")
    (lab.home / "warehouse.duckdb").unlink()
    run(lab)
    assert facts(lab)["core"] == expected["core"]


def test_a_damaged_backup_is_passed_over_for_the_one_before_it(lab, expected):
    newer = DuckDBUpkeep(lab.home).back_up(LATER)
    flip(newer.folder / "warehouse.duckdb")
    (lab.home / "warehouse.duckdb").unlink()
    run(lab)
    assert facts(lab) == expected
    assert lab.one("SELECT base FROM core_recoveries") == "20261120T120000Z"


def leave_log(lab, sql="INSERT INTO price_books VALUES ('in the log', TIMESTAMP '2026-11-20')"):
    """Leave a write-ahead log: a process that was killed between its COMMIT and its end."""
    program = (
        "import duckdb, os, sys\nstate = duckdb.connect(sys.argv[1])\n"
        "state.execute(\"SET checkpoint_threshold = '1GB'\")\nstate.execute(sys.argv[2])\nos._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(lab.home / "warehouse.duckdb"), sql], check=True)
    log = lab.home / "warehouse.duckdb.wal"
    assert log.stat().st_size > 0
    return log


def test_a_write_ahead_log_that_is_whole_is_taken_in(lab):
    leave_log(lab)
    assert lab.one("SELECT count(*) FROM price_books WHERE fingerprint = 'in the log'") == 1
    assert lab.one("SELECT count(*) FROM core_recoveries") == 0


def test_a_write_ahead_log_that_cannot_be_replayed_costs_only_what_is_in_it(lab, expected):
    log = leave_log(lab)
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)
    run(lab)
    assert facts(lab) == expected
    assert lab.one("SELECT base FROM core_recoveries") == "state"
    assert list((lab.home / "damaged").glob("*/warehouse.duckdb.wal"))


def test_a_log_without_its_file_is_not_taken_for_a_new_state(lab, expected):
    leave_log(lab)
    (lab.home / "warehouse.duckdb").unlink()
    run(lab)
    assert facts(lab) == expected


def test_damage_that_a_step_meets_is_named_and_the_next_run_heals_it(lab, expected):
    warehouse = lab.warehouse
    flip(lab.home / "warehouse.duckdb")
    with pytest.raises(ServiceUnavailableError, match=r"warehouse.duckdb is damaged: the next run makes it again"):
        warehouse.read(Query("SELECT * FROM core_ingest_ledger"))
    run(lab)
    assert facts(lab) == expected


def test_a_state_file_that_is_gone_in_the_middle_of_a_run_is_not_made_empty(lab):
    warehouse = lab.warehouse
    (lab.home / "warehouse.duckdb").unlink()
    with pytest.raises(ServiceUnavailableError, match="is gone: the next run makes it again"):
        warehouse.read(Query("SELECT * FROM core_ingest_ledger"))
    assert not (lab.home / "warehouse.duckdb").exists()


def test_a_recovery_that_is_killed_begins_anew(lab, expected):
    (lab.home / "warehouse.duckdb").unlink()
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tests.lab import Lab\n"
        "def kill(*_):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Path.replace = kill\nprint(Lab(Path(sys.argv[1])).warehouse)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(lab.home)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    run(lab)
    assert facts(lab) == expected


def test_the_key_of_hashes_comes_back_from_a_backup(lab):
    key = lab.home / "identity.key"
    key.write_text("00" * 32)
    key.chmod(0o600)
    DuckDBUpkeep(lab.home).back_up(LATER)
    key.unlink()
    _ = lab.warehouse
    assert key.read_text() == "00" * 32
    assert key.stat().st_mode & 0o777 == 0o600


def test_restore_goes_back_and_keeps_the_decisions_of_now(lab, expected):
    restored = DuckDBUpkeep(lab.home).restore(LATER)
    assert (restored.base, restored.version) == ("20261120T120000Z", None)
    assert lab.one("SELECT count(*) FROM core_usage_events") == 2
    assert facts(lab)["sent"] == [("e1", "sent")]
    run(lab)
    assert facts(lab) == expected


def test_restore_refuses_a_backup_that_is_not_there_or_not_whole(lab):
    upkeep = DuckDBUpkeep(lab.home)
    with pytest.raises(ConfigurationError, match=r"there is no backup '\.\./serving'.*20261120T120000Z"):
        upkeep.restore(LATER, "../serving")
    halve(lab.home / "backups" / "20261120T120000Z" / "warehouse.duckdb")
    with pytest.raises(ConfigurationError, match="is damaged"):
        upkeep.restore(LATER, "20261120T120000Z")
    with pytest.raises(ConfigurationError, match="there is no whole backup"):
        upkeep.restore(LATER)


def test_backups_are_compared_kept_in_number_and_list_their_files(lab):
    upkeep = DuckDBUpkeep(lab.home)
    names = [upkeep.back_up(NOW + timedelta(days=day)).name for day in range(1, 9)]
    assert [each.name for each in upkeep.backups()] == names[-7:]
    listed = {path for path in listed_paths(lab.home / "backups") if not path.startswith("key_runs")}
    assert listed == set(lab.warehouse.read(Query("SELECT path FROM manifest"))["path"])
    assert not list((lab.home / "backups").glob(".*"))


def test_a_state_is_backed_up_before_a_newer_program_changes_it(lab):
    with duckdb.connect(lab.home / "warehouse.duckdb") as connection:
        connection.execute("DELETE FROM schema_migrations WHERE migration LIKE 'm00_\\_retention' ESCAPE '\\'")
    _ = lab.warehouse
    assert [each.made_at for each in DuckDBUpkeep(lab.home).backups()] == [NOW, LATER]


def test_a_current_version_that_is_damaged_is_published_anew(lab):
    assert run(lab).is_new
    current = lab.home / "serving" / "current.duckdb"
    for break_it in (halve, flip, remove):
        before = lab.serving.version
        break_it(current.resolve())
        assert run(lab).is_new
        assert lab.serving.version > before
        assert lab.serving.query("SELECT count(*) FROM core_usage_events").item() == 4
    current.unlink()
    current.symlink_to("v999999.duckdb")
    assert run(lab).version == lab.serving.version


def test_a_lock_holder_that_hangs_is_named_after_a_while_and_waited_for_no_longer(tmp_path):
    lab = Lab(tmp_path / "state")
    _ = lab.warehouse
    program = (
        "import sys\nfrom pathlib import Path\nfrom sophia_metrics.warehouse.duckdb.state import StateFile\n"
        "with StateFile(Path(sys.argv[1])).lock():\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lab.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        os.kill(holder.pid, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(
            ServiceUnavailableError, match=rf"held by pid {holder.pid} on \S+ since 20.*waited 0\.2 seconds"
        ):
            DuckDBWarehouse(lab.home, lock_wait_seconds=0.2).prepare(NOW)
        assert time.monotonic() - started < 30
    finally:
        os.kill(holder.pid, signal.SIGCONT)
        holder.communicate()
    assert replace(lab).one("SELECT count(*) FROM core_usage_events") == 0


def test_a_wait_that_was_given_up_gives_the_lock_back_when_its_turn_comes(tmp_path):
    lab = Lab(tmp_path / "state")
    _ = lab.warehouse
    holder = DuckDBWarehouse(lab.home)
    with holder._state.lock(), pytest.raises(ServiceUnavailableError, match=r"waited 0\.1 seconds"):
        DuckDBWarehouse(lab.home, lock_wait_seconds=0.1).prepare(NOW)
    DuckDBWarehouse(lab.home, lock_wait_seconds=30).prepare(NOW)
