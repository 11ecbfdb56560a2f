"""`serve` on Snowflake as one process: its schedules fill the warehouse, its page shows what is there."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness

from tests.command_line import CommandLine, litellm_call

pytest_plugins = ("tests.snowflake_fixtures",)
pytestmark = pytest.mark.prefect

SOPHIA = str(Path(sys.executable).with_name("sophia-metrics"))
PATIENCE_SECONDS = 240
STOP_SECONDS = 60
CALLS = 40
USD = Decimal("0.140000000000")
"""40 calls of gpt-4o of 1,000 tokens in and 100 out: 40 × (1,000 × 2.50 + 100 × 10.00) dollars a million, by hand."""


@pytest.fixture
def environment(snowflake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    variables = (
        snowflake.variables
        | {"SOPHIA_WAREHOUSE": "snowflake", "SOPHIA_HOME": str(tmp_path / "home")}
        | snowflake.secrets
    )
    variables["SOPHIA_QUALITY__CHECKPOINT"] = "false"
    at = datetime.now(UTC) - timedelta(minutes=5)
    calls = [
        litellm_call(f"call-{number}", startTime=at.isoformat(), endTime=at.isoformat()) for number in range(CALLS)
    ]
    path = CommandLine(tmp_path).write("calls.jsonl", calls)
    (tmp_path / "sophia.toml").write_text(f'[[sources]]\nname = "gateway"\nformat = "litellm"\npaths = ["{path}"]\n')
    with prefect_test_harness(server_startup_timeout=120):
        yield os.environ | variables | {"PREFECT_API_URL": PREFECT_API_URL.value()}


def line_of(process, start):
    for line in process.stdout:
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(f"no line starts with {start!r}: {process.stderr.read()}")


def run_deployment(api, name):
    """Let a deployment run once, and return the name of the state in which it ends."""
    found = httpx.get(f"{api}/deployments/name/{name}/{name}").json()
    run = httpx.post(f"{api}/deployments/{found['id']}/create_flow_run", json={"state": {"type": "SCHEDULED"}}).json()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.1)  # else asking takes the processor that the run needs
        state = httpx.get(f"{api}/flow_runs/{run['id']}").json()["state"]
        if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
            return state["name"]
    raise AssertionError(f"{name} did not end")


def test_serve_fills_snowflake_shows_what_is_there_and_stops_on_sigterm(environment, snowflake, tmp_path):
    process = subprocess.Popen(
        [SOPHIA, "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        page, _ = line_of(process, "page"), line_of(process, "Prefect UI")
        line_of(process, "schedules")
        state = run_deployment(environment["PREFECT_API_URL"], "run-pipeline")
        shown = httpx.get(f"{page}api/v1/llm/stats").json()["monthly_cost"]
        process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_SECONDS)
    finally:
        process.kill()
        process.communicate()

    kept = snowflake.session().execute("SELECT sum(cost_usd), sum(request_count) FROM mart_cost_daily").fetchall()
    assert state == "Completed"
    assert kept == [(USD, CALLS)]
    assert shown == pytest.approx(float(USD), abs=0.01)
    assert code == 0
