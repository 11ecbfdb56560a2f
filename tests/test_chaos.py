"""Killed anywhere, on a full disk, beside another pipeline: no row is lost, none counts twice, readers see no error.

The short form of `python -m tests.chaos`; docs/reliability.md says what the long form found.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.faults import compile_library, environment, why_not

ROOT = Path(__file__).parent.parent
KILLS, SEED = 12, 7

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment(compile_library(folder)),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    folder = tmp_path_factory.mktemp("soak")
    worlds = str(folder / "worlds")
    arguments = ["--kills", str(KILLS), "--seed", str(SEED), "--json", "--folder", worlds]
    done = run(folder, "tests.chaos", *arguments)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    done = run(folder, "tests.chaos.disk", str(folder))
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_runs_were_really_killed(soak):
    assert soak["kills"] >= KILLS


@pytest.mark.parametrize("promise", ["lost", "duplicated", "torn", "reader_errors", "alerts_sent_twice", "not_healed"])
def test_killed_anywhere_every_promise_holds(soak, promise):
    assert soak["broken"][promise] == []


def test_readers_read_while_runs_were_killed(soak):
    assert soak["reads"] > KILLS


def test_a_disk_that_fails_ends_a_run_with_advice_and_without_a_traceback(disk):
    said = [each["said"] for each in disk["outcomes"] if each["said"]]
    assert len(said) >= 8
    assert [text for text in said if not text.startswith("ServiceUnavailableError: ") or "again" not in text] == []


def test_once_the_disk_has_room_the_next_run_heals(disk):
    assert disk["healed"] == 1
    assert {name: found for name, found in disk["broken"].items() if found} == {}
