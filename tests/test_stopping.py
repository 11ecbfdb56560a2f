"""SIGTERM ends a command within ten seconds, with a line and a code of its own, and the next run goes on."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from sophia_metrics.presence import read_traces

SOPHIA = str(Path(sys.executable).with_name("sophia-metrics"))
DEADLINE_SECONDS = 60
STOPS_WITHIN_SECONDS = 10
ROWS = 150_000
CALL = '{{"id": "r{}", "started_at": "2025-11-18T10:00:00Z", "provider": "openai", "model": "gpt-4o", "input_tokens": 1}}\n'
COUNTS = "SELECT count(*) AS events, count(DISTINCT event_id) AS distinct_events FROM core_usage_events"


class Folder:
    """A folder with a usage file, in which commands run."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "state"
        self.usage = folder / "usage.jsonl"

    @contextmanager
    def command(self, *arguments):
        environment = os.environ | {"SOPHIA_HOME": str(self.home)}
        with subprocess.Popen(
            [SOPHIA, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def is_running(self):
        return any(trace.is_present for trace in read_traces(self.home / "runs"))

    def is_reading(self):
        return any((self.home / "tmp").glob("spill-*"))


def wait_for(question):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stopped(process):
    """Tell it to stop; return its exit code and what it said last."""
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=DEADLINE_SECONDS)
    assert time.monotonic() - start < STOPS_WITHIN_SECONDS
    return process.returncode, said.splitlines()[-1]


LINE = "sophia-metrics: stopped by SIGTERM. What was committed stays, nothing is half done: the next run goes on."


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_ingest_stops_in_the_middle_of_a_query_and_the_next_one_goes_on(folder):
    folder.usage.write_text("".join(CALL.format(number) for number in range(ROWS)))
    ingest = ("ingest", str(folder.usage), "--source", "events")
    with folder.command(*ingest) as process:
        wait_for(folder.is_reading)
        assert stopped(process) == (143, LINE)
    assert not folder.is_running()
    assert not folder.is_reading()

    with folder.command(*ingest) as process:
        process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0
    with folder.command("sql", COUNTS, "--json") as process:
        (counts,) = json.loads(process.communicate(timeout=DEADLINE_SECONDS)[0])
    assert counts == {"events": ROWS, "distinct_events": ROWS}


def test_a_plain_run_that_waits_for_another_program_stops_at_once(folder):
    folder.home.mkdir()
    with (folder.home / "warehouse.lock").open("a") as lock, folder.command("run", "--plain", "--sample") as process:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wait_for(folder.is_running)
        assert stopped(process) == (143, LINE)
    assert read_traces(folder.home / "runs") == ()


def test_watching_stops_although_a_round_hangs(folder):
    folder.usage.write_text(CALL.format(1))
    folder.home.mkdir()
    watch = ("ingest", str(folder.usage), "--source", "events", "--watch")
    with (folder.home / "warehouse.lock").open("a") as lock, folder.command(*watch) as process:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wait_for(folder.is_running)
        assert stopped(process) == (143, LINE)
