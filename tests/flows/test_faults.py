"""What Prefect does wrong, done for real: the data stay right, slots come free, and the page says what happened."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate, WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending
from prefect.types.entrypoint import EntrypointType

from flows.run_pipeline import run_pipeline
from flows.schedules import read_deployments
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.dashboard.reading import load_overview
from sophia_metrics.presence import read_traces
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.schema import state
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.protocol import Query, Record
from tasks.clock import utc_now
from tests.flows.place import SETTINGS, Place, call
from tests.misbehaving import free_port

pytestmark = pytest.mark.prefect

BIN = Path(sys.executable).parent
PREFECT, SOPHIA = str(BIN / "prefect"), str(BIN / "sophia-metrics")
DEADLINE_SECONDS = 240
USED = ("collect-usage", "build-dashboard", "run-pipeline")
SERVICE = """
[[services]]
name = "mail"
kind = "http"
url = "http://127.0.0.1:1/health"
failure_threshold = 1
"""
EVENTS = "SELECT event_id, cost_usd FROM core_usage_events ORDER BY event_id"
LEDGER = (
    "SELECT sum(accepted_count), sum(row_count) = sum(accepted_count + duplicate_count) FROM core_ingest_ledger "
    "WHERE status = 'committed'"
)
EPISODES = "SELECT fingerprint, episode_number, state FROM core_alert_episodes ORDER BY fingerprint, episode_number"


def wait_for(question, reason="it takes too long"):
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < deadline, reason
        time.sleep(0.25)  # asking takes the processor that the runs need
    return answer


@contextmanager
def held(lock):
    """Hold a lock as a writer that hangs would."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Stage:
    """A server, a worker, and the deployments of prefect.yaml, in folders of their own."""

    def __init__(self, place, home):
        port = free_port()
        self.place = place
        self.home = home
        self.command = (PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port))
        self.environment = os.environ | {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "SOPHIA_HOME": str(place.folder / ".sophia"),
        }
        self.client = SyncPrefectClient(self.environment["PREFECT_API_URL"]).__enter__()
        self.processes = []
        self.server = self.worker = None

    def begin(self, name, *command):
        with (self.home / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.place.folder,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_server(self):
        self.server = self.begin("server", *self.command)

        def is_up():
            assert self.server.poll() is None, (self.home / "server.log").read_text()
            with suppress(httpx.TransportError):
                return httpx.get(f"{self.environment['PREFECT_API_URL']}/health").is_success

        wait_for(is_up)

    def deploy(self):
        """Put the deployments of prefect.yaml into a work pool, as `prefect deploy` does, in a tenth of its time."""
        self.client.create_work_pool(WorkPoolCreate(name="sophia", type="process"))
        with temporary_settings({PREFECT_API_URL: self.environment["PREFECT_API_URL"]}):
            for each in read_deployments():
                if each.name in USED:
                    each.load().to_deployment(
                        each.name,
                        schedules=list(each.schedules),
                        concurrency_limit=each.concurrency_limit,
                        parameters={"config": self.place.config},
                        work_pool_name="sophia",
                        entrypoint_type=EntrypointType.MODULE_PATH,
                    ).apply()

    def start_worker(self):
        self.worker = self.begin("worker", PREFECT, "worker", "start", "--pool", "sophia")

    def stop(self):
        self.client.__exit__(None, None, None)
        for process in reversed(self.processes):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def do(self, *command):
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=self.environment,
            cwd=self.place.folder,
        )

    def deployment(self, name):
        return self.client.read_deployment_by_name(f"{name}/{name}")

    def taken(self, name):
        """How many slots of a deployment are taken."""
        return self.deployment(name).global_concurrency_limit.active_slots

    def allow(self, name, limit):
        found = self.deployment(name).global_concurrency_limit
        self.client.update_global_concurrency_limit(found.name, GlobalConcurrencyLimitUpdate(limit=limit))

    def order(self, name):
        return self.client.create_flow_run_from_deployment(self.deployment(name).id).id

    def state(self, run):
        return self.client.read_flow_run(run).state

    def end_of(self, run):
        """Wait for the end of a run, and return the name of its last state."""

        def end():
            found = self.state(run)
            return found.name if found.is_final() else None

        return wait_for(end, f"run {run} does not end: {self.state(run)}")

    @contextmanager
    def in_the_middle(self, name):
        """Start a run, and let it hang in its middle: it is recorded as running, and waits for the state."""
        run = self.order(name)
        wait_for(lambda: self.recorded(run) == "running", f"run {run} does not start: {self.state(run)}")
        with held(self.place.folder / ".sophia" / "warehouse.lock"):
            assert self.state(run).name == "Running"
            yield run

    def recorded(self, run):
        if not (self.place.folder / ".sophia" / "warehouse.duckdb").exists():
            return None
        query = Query("SELECT run_status FROM core_pipeline_runs WHERE run_id = $run", {"run": str(run)})
        rows = self.read(query)
        return rows[0][0] if rows else None

    def read(self, query):
        return connect_warehouse(load_settings(self.place.folder), utc_now()).read(query).rows()

    def kill_run_and_worker(self, run):
        (trace,) = (each for each in read_traces(self.place.folder / ".sophia" / "runs") if each.run_id == str(run))
        assert trace.is_present
        self.worker.kill()
        os.kill(trace.process_id, signal.SIGKILL)
        self.worker.wait()


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    place = Place.at(tmp_path_factory.mktemp("project"))
    (place.folder / "sophia.toml").write_text(SETTINGS + SERVICE)
    stage = Stage(place, tmp_path_factory.mktemp("prefect"))
    try:
        stage.start_server()
        stage.deploy()
        stage.start_worker()
        yield stage
    finally:
        stage.stop()


def test_the_same_scheduled_run_twice_at_once_leaves_what_one_leaves(stage, tmp_path):
    once = Place.at(tmp_path)
    (once.folder / "sophia.toml").write_text(SETTINGS + SERVICE)
    run_pipeline.fn(config=once.config)
    stage.allow("run-pipeline", 2)

    runs = [stage.order("run-pipeline"), stage.order("run-pipeline")]

    assert [stage.end_of(run) for run in runs] == ["Completed", "Completed"]
    for query in (EVENTS, EPISODES):
        assert stage.place.serve(query) == once.serve(query)
    assert stage.place.serve(LEDGER) == [(3, True)]


def test_a_restart_of_the_server_in_the_middle_of_a_run_loses_nothing(stage):
    stage.place.write("second.jsonl", call("d"), call("e"))
    with stage.in_the_middle("collect-usage") as run:
        stage.server.terminate()
        stage.server.wait(30)
        stage.start_server()

    # How long a client tries is Prefect's affair: the run may end as failed, and then the next one goes on.
    assert stage.end_of(run) in {"Completed", "Failed", "Crashed"}
    assert stage.end_of(stage.order("collect-usage")) == "Completed"
    assert stage.taken("collect-usage") == 0
    assert stage.read(Query("SELECT count(*) FROM core_usage_events")) == [(5,)]


def test_a_paused_schedule_is_late_on_the_page_and_the_doctor_knows_why(stage):
    deployment = stage.deployment("collect-usage")
    stage.client.pause_deployment(deployment.id)
    (found,) = stage.read(Query("SELECT * FROM core_heartbeats WHERE flow = 'collect-usage'"))
    heartbeat = dict(zip(state.HEARTBEATS.names, found, strict=True))
    assert (heartbeat["interval_seconds"], heartbeat["expected_within_seconds"]) == (900, 2700)
    settings = load_settings(stage.place.folder)
    now = utc_now()
    soon = now + timedelta(minutes=15)
    rows = [
        heartbeat | {"succeeded_at": now.replace(second=0, microsecond=0) - timedelta(minutes=52), "failed_at": None},
        heartbeat | {"flow": "run-pipeline", "succeeded_at": soon},  # another flow goes on, and publishes
    ]
    warehouse = connect_warehouse(settings, now)
    warehouse.record(Record({state.HEARTBEATS.name: pl.DataFrame(rows)}))
    publish_judged(warehouse, soon)

    overview = load_overview(Serving(settings.home), now, "UTC")

    expected = "collect-usage has not run for 52 min, expected every 15 min: is a worker running, is it paused?"
    assert overview.late == (expected,)
    doctor = json.loads(stage.do(SOPHIA, "doctor", "--json").stdout)["diagnosis"]
    (late,) = doctor["late"]
    assert late.startswith("collect-usage has not run for 5")
    assert "deployment collect-usage runs nothing: its schedule is paused" in doctor["runs"]["notes"]
    stage.client.resume_deployment(deployment.id)


def test_a_killed_run_holds_its_slot_until_the_doctor_ends_it(stage):
    stage.place.write("third.jsonl", call("f"))
    with stage.in_the_middle("collect-usage") as run:
        stage.kill_run_and_worker(run)
    assert (stage.state(run).name, stage.taken("collect-usage")) == ("Running", 1)
    stage.start_worker()
    assert stage.end_of(stage.order("collect-usage")) == "Cancelled"

    seen = stage.do(SOPHIA, "doctor", "--json")

    assert (seen.returncode, stage.taken("collect-usage")) == (1, 1), seen.stderr
    (problem,) = json.loads(seen.stdout)["diagnosis"]["runs"]["problems"]
    assert "collect-usage, Running in Prefect since" in problem
    assert problem.endswith("its process is gone")

    done = stage.do(SOPHIA, "doctor", "--repair", "--json")

    assert done.returncode == 0, done.stdout
    assert (stage.state(run).name, stage.taken("collect-usage")) == ("Crashed", 0)
    assert stage.recorded(run) == "lost"
    assert stage.end_of(stage.order("collect-usage")) == "Completed"
    assert stage.read(Query("SELECT count(*) FROM core_usage_events")) == [(6,)]
    warehouse = connect_warehouse(load_settings(stage.place.folder), utc_now())
    publish_judged(warehouse, utc_now() + timedelta(minutes=60))
    overview = load_overview(Serving(load_settings(stage.place.folder).home), utc_now(), "UTC")
    assert [flow for flow, _ in overview.lost_runs] == ["collect-usage"]


def test_serve_ends_a_dead_run_and_frees_a_slot_that_no_run_holds(stage):
    limit = stage.deployment("build-dashboard").global_concurrency_limit
    stage.client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=1))
    with stage.in_the_middle("collect-usage") as run:
        stage.kill_run_and_worker(run)
    alive = stage.client.create_flow_run_from_deployment(stage.deployment("run-pipeline").id).id
    stage.client.set_flow_run_state(alive, Pending())

    serve = stage.begin("serve", SOPHIA, "serve", "--port", "0")
    log = stage.home / "serve.log"
    try:
        wait_for(lambda: "freed " in log.read_text(), "serve frees nothing")
    finally:
        serve.terminate()
        serve.wait(20)

    said = log.read_text()
    assert "ended       run collect-usage" in said
    assert "freed       1 slot of build-dashboard that no run held" in said
    assert (stage.state(run).name, stage.taken("collect-usage")) == ("Crashed", 0)
    assert (stage.state(alive).name, stage.taken("build-dashboard")) == ("Pending", 0)
