"""A run is present as long as its process lives, however that ends."""

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.presence import forget_trace, present, read_traces

AT = datetime(2026, 11, 20, 12)
HOLDER = """
import sys
from datetime import datetime
from pathlib import Path
from sophia_metrics.presence import present
with present(Path(sys.argv[1]), "r1", "collect-usage", datetime(2026, 11, 20, 12)):
    print("holds", flush=True)
    sys.stdin.read()
"""


def holder(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "holds\n"
    return process


def test_a_run_is_present_while_its_process_works_and_leaves_nothing(tmp_path):
    with present(tmp_path, "r1", "collect-usage", AT):
        (trace,) = read_traces(tmp_path)
    assert (trace.run_id, trace.flow, trace.started_at) == ("r1", "collect-usage", AT)
    assert (trace.process_id, trace.is_present) == (os.getpid(), True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_a_signal_ends_as_soon_as_it_is_seen_leaves_nothing(tmp_path, monkeypatch):
    rename = Path.rename

    def rename_and_be_told(path, target):  # no other way to be told just then
        rename(path, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", rename_and_be_told)
    with pytest.raises(KeyboardInterrupt), present(tmp_path, "r1", "collect-usage", AT):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_a_trace_that_nobody_holds(tmp_path):
    with holder(tmp_path) as process:
        assert [trace.is_present for trace in read_traces(tmp_path)] == [True]
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert [(trace.run_id, trace.is_present) for trace in read_traces(tmp_path)] == [("r1", False)]

    forget_trace(tmp_path, "r1")
    assert read_traces(tmp_path) == ()


def test_a_run_that_is_started_again_takes_the_place_of_its_trace(tmp_path):
    with holder(tmp_path) as process:
        process.kill()
    with present(tmp_path, "r1", "collect-usage", AT):
        assert [trace.is_present for trace in read_traces(tmp_path)] == [True]
    assert read_traces(tmp_path) == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"flow": "collect-usage"}', '{"started_at": 1}'])
def test_a_trace_that_was_not_written_to_its_end_keeps_nobody_from_running(tmp_path, content):
    (tmp_path / "r1.run").write_text(content)
    assert read_traces(tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "state").write_text("a file where the state folder should be")
    with (
        pytest.raises(ConfigurationError, match=r"cannot be written .*set SOPHIA_HOME"),
        present(tmp_path / "state" / "runs", "r1", "collect-usage", AT),
    ):
        pass


def test_without_a_folder_nobody_is_there(tmp_path):
    assert read_traces(tmp_path / "runs") == ()
