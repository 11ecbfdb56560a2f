"""`ingest --watch` reads what is appended, and ends when it is told to."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sophia_metrics.cli.watch import stop_on_signals, watch_files
from tests.command_line import litellm_call


def append(path, *idents):
    with path.open("a", encoding="utf-8") as log:
        log.writelines(json.dumps(litellm_call(ident)) + "\n" for ident in idents)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Return a log in an empty working directory that is also the state's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path / "state"))
    return tmp_path / "calls.jsonl"


def test_each_round_reads_what_is_new_and_a_quiet_round_says_nothing(log, capsys):
    append(log, "a", "b")
    rounds = iter([lambda: append(log, "c"), lambda: None, lambda: append(log, "d", "e"), None])

    def wait():
        act = next(rounds)
        if act is None:
            return False
        act()
        return True

    watch_files([log], "litellm", wait=wait, is_plain=True, is_json=True)

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["rows"]["read"] for each in printed] == [2, 1, 2]
    assert [each["rows"]["accepted"] for each in printed] == [2, 1, 2]
    assert printed[0]["version"] < printed[1]["version"] < printed[2]["version"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait(number):
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        wait = stop_on_signals(600)
        os.kill(os.getpid(), number)
        assert [wait(), wait()] == [False, False]
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_the_command_prints_a_line_and_ends_well_when_it_is_interrupted(log):
    append(log, "a")
    command = [Path(sys.executable).with_name("sophia-metrics"), "ingest", str(log), "--source", "litellm", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=120) == 0
    assert "1 row read, 1 accepted, 0 in quarantine" in line
