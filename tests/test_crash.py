"""Killed at any point, a run loses nothing and counts nothing twice; the next one heals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STEP = 31
"""Every so many durable acts the run is killed; 1 kills it at each of them (minutes). `tests/chaos` draws from all."""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash_driver", str(folder), str(STEP)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_run_was_really_killed_at_each_chosen_act(report):
    assert len(report["outcomes"]) >= 10
    assert all(each["killed"] for each in report["outcomes"])


def test_the_run_was_killed_around_the_commit(report):
    killed = {each["due"] for each in report["outcomes"] if each["killed"]}
    assert set(report["named"].values()) <= killed


def test_after_a_kill_and_a_new_run_every_row_is_there_once(report):
    for outcome in report["outcomes"]:
        assert (outcome["events"], outcome["distinct"], outcome["quarantined"]) == (4, 4, 1), outcome


def test_after_a_kill_and_a_new_run_the_figures_are_those_of_a_run_without_one(report):
    # a: 1,000 in and 500 out = 0.0075; b, c, d: 0.0035 each
    for outcome in report["outcomes"]:
        assert outcome["tokens"] == 800, outcome
        assert outcome["spend"] == outcome["mart_spend"] == "0.018000000000", outcome


def test_after_a_kill_the_ledger_adds_up(report):
    for outcome in report["outcomes"]:
        assert outcome["torn"] == 0, outcome
