"""Killed at any point, forgetting is finished by running it again: nobody is left, and no row is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STEP = 29
"""Every so many durable acts it is killed; 1 kills it at each of them (some minutes)."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forget")
    done = subprocess.run(
        [sys.executable, "-m", "tests.forget_driver", str(folder), str(STEP)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_was_really_killed_at_each_chosen_act(outcomes):
    assert len(outcomes) > 4
    assert [each["killed"] for each in outcomes] == [False, *([True] * (len(outcomes) - 1))]


def test_after_a_kill_and_another_try_nobody_is_left(outcomes):
    assert {each["due"]: each["left"] for each in outcomes if each["left"]} == {}


def test_after_a_kill_and_another_try_no_row_is_lost(outcomes):
    assert {(each["published"], each["money"]) for each in outcomes} == {(7, outcomes[0]["money"])}
