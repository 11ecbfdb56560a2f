"""The fault injector sees what DuckDB, Polars and Python write, and strikes at the act that it is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.faults import compile_library, environment, why_not

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

BEGIN = """
import json, os, sys
from pathlib import Path
import duckdb
from tests.chaos.faults import Action, Fault, Faults, Kind
folder = Path(sys.argv[1])
faults = Faults.loaded()
faults.watch(folder)
def counts(body):
    faults.watch(folder)
    body()
    print(json.dumps({kind.name: count for kind, count in faults.counts().items()}))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compile_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def program(library, tmp_path):
    def started(code):
        return subprocess.run(
            [sys.executable, "-c", BEGIN + code, str(tmp_path)],
            cwd=ROOT,
            env=environment(library),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return started


def counted(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_counts_what_duckdb_writes_and_syncs(program):
    code = "counts(lambda: duckdb.connect(folder / 'a.duckdb').execute('CREATE TABLE t AS SELECT 1 AS a'))"
    acts = counted(program(code))
    assert acts["WRITE"] >= 4  # three headers, and the log
    assert acts["FSYNC"] >= 1


def test_it_counts_what_duckdb_copies_to_parquet(program):
    acts = counted(program("counts(lambda: duckdb.sql(f\"COPY (SELECT 1 AS a) TO '{folder}/a.parquet'\"))"))
    assert acts["WRITE"] >= 1


def test_it_counts_what_polars_writes(program):
    acts = counted(
        program("import polars as pl; counts(lambda: pl.DataFrame({'a': [1]}).write_parquet(folder / 'a.parquet'))")
    )
    assert acts["WRITE"] >= 1


def test_it_counts_fsync_rename_truncate_and_unlink_of_python(program):
    code = """
def body():
    with (folder / "a").open("w") as file:
        file.write("abc")
        file.flush()
        os.fsync(file.fileno())
        file.truncate(1)
    (folder / "a").rename(folder / "b")
    (folder / "b").unlink()
counts(body)
"""
    acts = counted(program(code))
    assert {name: acts[name] for name in ("WRITE", "FSYNC", "TRUNCATE", "RENAME", "UNLINK", "ANY")} == {
        "WRITE": 1,
        "FSYNC": 1,
        "TRUNCATE": 1,
        "RENAME": 1,
        "UNLINK": 1,
        "ANY": 5,
    }


def test_it_counts_nothing_outside_the_folder(program):
    acts = counted(program("counts(lambda: Path(str(folder) + '-beside').write_text('abc'))"))
    assert acts["ANY"] == 0


@pytest.mark.parametrize(("action", "there"), [("KILL_BEFORE", "one"), ("KILL_AFTER", "onetwo22"), ("TORN", "onetw")])
def test_it_kills_before_after_and_partway_through_the_second_write(program, tmp_path, action, there):
    code = f"""
faults.arm(Fault(Kind.WRITE, 2, Action.{action}))
with (folder / "a").open("wb", buffering=0) as file:
    for part in (b"one", b"two22", b"three"):
        file.write(part)
"""
    assert program(code).returncode == -9
    assert (tmp_path / "a").read_text() == there


def test_a_full_disk_takes_a_part_of_a_write_and_no_other(program, tmp_path):
    code = """
faults.arm(Fault(Kind.WRITE, 2, Action.FULL))
descriptor = os.open(folder / "a", os.O_WRONLY | os.O_CREAT)
said = []
for part in (b"one", b"four", b"six"):
    try:
        said.append(os.write(descriptor, part))
    except OSError as error:
        said.append(error.strerror)
print(json.dumps(said))
"""
    assert counted(program(code)) == [3, 2, "No space left on device"]
    assert (tmp_path / "a").read_text() == "onefo"


def test_a_disk_that_fails_once_fails_once(program):
    code = """
faults.arm(Fault(Kind.RENAME, 1, Action.EIO_ONCE))
(folder / "a").write_text("abc")
said = []
for _ in range(2):
    try:
        (folder / "a").rename(folder / "b")
        said.append("renamed")
    except OSError as error:
        said.append(error.strerror)
print(json.dumps(said))
"""
    assert counted(program(code)) == ["Input/output error", "renamed"]


def test_forks_of_one_process_are_armed_for_themselves(program):
    code = """
pids = []
for action in (Action.KILL_BEFORE, Action.COUNT):
    pid = os.fork()
    if pid == 0:
        faults.arm(Fault(Kind.WRITE, 1, action))
        (folder / str(os.getpid())).write_text("abc")
        os._exit(0)
    pids.append(os.waitpid(pid, 0)[1])
print(json.dumps(pids))
"""
    assert counted(program(code)) == [9, 0]
