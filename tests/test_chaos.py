"""Killed anywhere, beside another pipeline: no row is lost, none counts twice, readers see no error.

The short form of `python -m tests.chaos`; docs/reliability.md says what the long form found.
"""

import json

import pytest

from tests.chaos.faults import run_under, why_not

KILLS, SEED = 6, 7

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    folder = tmp_path_factory.mktemp("soak")
    worlds = str(folder / "worlds")
    arguments = ["--kills", str(KILLS), "--seed", str(SEED), "--json", "--folder", worlds]
    done = run_under(folder, "tests.chaos", *arguments)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_runs_were_really_killed(soak):
    assert soak["kills"] >= KILLS


@pytest.mark.parametrize("promise", ["lost", "duplicated", "torn", "reader_errors", "alerts_sent_twice", "not_healed"])
def test_killed_anywhere_every_promise_holds(soak, promise):
    assert soak["broken"][promise] == []


def test_readers_read_while_runs_were_killed(soak):
    assert soak["reads"] > KILLS
