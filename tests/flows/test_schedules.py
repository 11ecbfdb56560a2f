"""`serve` runs what prefect.yaml says, on a real Prefect API, and stops when it is told to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml
from prefect.settings import PREFECT_API_URL

from flows.schedules import read_deployments

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text(encoding="utf-8"))
ENTRIES = {each["name"]: each for each in CONFIG["deployments"]}
SOPHIA = str(Path(sys.executable).with_name("sophia-metrics"))
DEADLINE_SECONDS = 60


def test_what_is_served_is_what_prefect_yaml_says():
    served = {each.name: each for each in read_deployments()}

    assert served.keys() == ENTRIES.keys()
    for name, entry in ENTRIES.items():
        schedules = [(each.slug, each.cron, each.timezone) for each in served[name].schedules]
        assert schedules == [(each["slug"], each["cron"], each["timezone"]) for each in entry.get("schedules", [])]
        assert served[name].tags == tuple(entry["tags"])
        assert served[name].concurrency_limit.model_dump(mode="json") == entry["concurrency_limit"]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_served_deployment_is_the_flow_of_its_name(name):
    (deployment,) = (each for each in read_deployments() if each.name == name)

    assert deployment.load().name == name


def line_of(process, start):
    """Return the next line of standard output that starts so; the deadline is that of the process."""
    for line in process.stdout:
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(f"no line starts with {start!r}: {process.stderr.read()}")


@pytest.fixture
def serving(prefect_server, tmp_path):
    environment = os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value(), "SOPHIA_HOME": "state"}
    process = subprocess.Popen(
        [SOPHIA, "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.prefect
def test_serve_shows_the_page_registers_every_deployment_and_stops_on_sigterm(serving, tmp_path):
    api = PREFECT_API_URL.value()
    page = line_of(serving, "page")
    assert line_of(serving, "Prefect UI") == api.removesuffix("/api")
    assert "Nothing to show yet" in httpx.get(page).text
    registered = {name: deployment(api, name) for name in ENTRIES}

    assert [name for name, each in registered.items() if each["paused"]] == []
    for name, entry in ENTRIES.items():
        found = sorted(each["schedule"]["cron"] for each in registered[name]["schedules"] if each["active"])
        assert found == sorted(each["cron"] for each in entry.get("schedules", []))
    assert (tmp_path / "state").is_dir()

    start = time.monotonic()
    serving.send_signal(signal.SIGTERM)
    assert serving.wait(DEADLINE_SECONDS) == 0
    assert time.monotonic() - start < 10
    assert all(deployment(api, name)["paused"] for name in ENTRIES)


def deployment(api, name):
    return httpx.get(f"{api}/deployments/name/{name}/{name}").json()


def test_the_dashboard_command_serves_the_page_and_stops_on_sigterm(tmp_path):
    environment = os.environ | {"SOPHIA_HOME": str(tmp_path)}
    with subprocess.Popen(
        [SOPHIA, "dashboard", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        page = line_of(process, "page")
        answer = httpx.get(f"{page}health")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)

    assert (answer.json(), process.returncode, errors) == ({"status": "ok"}, 0, "")


def test_the_dashboard_command_refuses_another_host_without_a_token(tmp_path):
    done = subprocess.run(
        [SOPHIA, "dashboard", "--host", "192.0.2.1", "--port", "0"],
        env=os.environ | {"SOPHIA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert "no token is set: export DASHBOARD_TOKEN" in done.stderr
