"""A real Prefect server and a real process worker run what prefect.yaml says, set up as docs/prefect.md tells it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient

from tests.flows.place import SETTINGS, Place
from tests.misbehaving import free_port, http, serving

pytestmark = pytest.mark.prefect

CHECKOUT = Path(__file__).parents[2]
ENTRIES = {
    each["name"]: each
    for each in yaml.safe_load((CHECKOUT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
}
DEPLOYMENTS = sorted(path.stem.replace("_", "-") for path in (CHECKOUT / "flows").glob("[!_]*.py"))
PREFECT = str(Path(sys.executable).with_name("prefect"))
DEADLINE_SECONDS = 240
SERVICE = """
[[services]]
name = "{name}"
kind = "http"
url = "http://127.0.0.1:{port}/health"
failure_threshold = 1
"""


def wait_for(question, reason):
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < deadline, reason()
        time.sleep(0.2)
    return answer


@contextmanager
def running(log, *command, **options):
    """Start a command in a process group of its own, and leave nothing of the group behind."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, text=True, **options
        )
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def do(*command, **options):
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what a checkout has for Prefect, three calls, a service that is well and one that is away."""
    place = Place.at(tmp_path_factory.mktemp("project"))
    shutil.copy(CHECKOUT / "prefect.yaml", place.folder)
    shutil.copytree(CHECKOUT / "flows", place.folder / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    with serving(http(200, {"status": "ok"})) as port:
        services = SERVICE.format(name="chat", port=port), SERVICE.format(name="mail", port=free_port())
        (place.folder / "sophia.toml").write_text(SETTINGS + "".join(services))
        yield place


@pytest.fixture(scope="module")
def environment(place, tmp_path_factory):
    """A server of our own: no run and no slot of another test, and no schedule that starts runs beside ours."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    environment = os.environ | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "SOPHIA_HOME": str(place.folder / ".sophia"),
    }
    log = home / "server.log"
    command = (PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port))
    with running(log, *command, env=environment) as process:

        def is_up():
            assert process.poll() is None, log.read_text()
            with suppress(httpx.TransportError):
                return httpx.get(f"{environment['PREFECT_API_URL']}/health").is_success

        wait_for(is_up, log.read_text)
        yield environment


@pytest.fixture(scope="module")
def client(environment, place):
    """What an operator does once: a work pool, and every deployment in it."""
    do(PREFECT, "work-pool", "create", "sophia", "--type", "process", env=environment)
    do(PREFECT, "deploy", "--all", "--no-prompt", env=environment, cwd=place.folder)
    with SyncPrefectClient(environment["PREFECT_API_URL"]) as client:
        yield client


@pytest.fixture(scope="module")
def deployed(client):
    """What the server has, by name."""
    return {each.name: each for each in client.read_deployments()}


@pytest.fixture(scope="module")
def final_states(client, deployed, environment, tmp_path_factory):
    """Start runs as the API does, for a worker that was told nothing but where the state folder is."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"

    def finish(*names):
        runs = {name: client.create_flow_run_from_deployment(deployed[name].id).id for name in names}

        def states():
            found = {name: client.read_flow_run(run).state for name, run in runs.items()}
            return found if all(state.is_final() for state in found.values()) else None

        return wait_for(states, log.read_text)

    with running(log, PREFECT, "worker", "start", "--pool", "sophia", env=environment, cwd=log.parent):
        states = finish("collect-usage", "probe-services")
        return states | finish("build-dashboard")


def test_every_flow_file_is_a_deployment_of_the_pool(deployed):
    assert sorted(deployed) == DEPLOYMENTS
    assert {each.work_pool_name for each in deployed.values()} == {"sophia"}


def test_every_deployment_has_the_schedules_of_the_file(deployed):
    for name, entry in ENTRIES.items():
        found = [
            (each.slug, each.schedule.cron, each.schedule.timezone, each.active) for each in deployed[name].schedules
        ]
        assert found == [(each["slug"], each["cron"], each["timezone"], True) for each in entry.get("schedules", [])]


def test_every_deployment_has_the_concurrency_limit_of_the_file(deployed):
    for name, entry in ENTRIES.items():
        found = deployed[name]
        options = found.concurrency_options.model_dump(mode="json")
        assert {"limit": found.global_concurrency_limit.limit, **options} == entry["concurrency_limit"]


def test_the_worker_completes_the_runs(final_states):
    assert {name: state.name for name, state in final_states.items()} == {
        "collect-usage": "Completed",
        "probe-services": "Completed",
        "build-dashboard": "Completed",
    }


def test_the_calls_of_the_source_are_counted_and_priced_in_the_published_version(final_states, place):
    assert place.serve("SELECT usage_on, request_count, cost_usd FROM mart_cost_daily ORDER BY usage_on") == [
        (date(2025, 11, 18), 2, Decimal("0.007")),
        (date(2025, 11, 19), 1, Decimal("0.0035")),
    ]


def test_the_service_is_healthy_and_the_closed_port_is_not_in_the_published_version(final_states, place):
    health = "SELECT service, status FROM mart_service_health WHERE kind <> 'component' ORDER BY service"
    assert place.serve(health) == [("chat", "healthy"), ("mail", "down")]
