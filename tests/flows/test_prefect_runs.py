"""Flows under Prefect, on its own server: wiring, order, artifacts, retries. Logic is tested without it."""

import logging
import time
from threading import Barrier

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, LogFilter
from prefect.client.schemas.objects import StateType
from prefect.context import FlowRunContext

from flows.run_pipeline import run_pipeline
from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError
from sophia_metrics.lanes import side_by_side
from sophia_metrics.usage.outcome import RowCounts
from tasks.step import is_orchestrated, step
from tests.flows.place import Place

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_server")]

PATIENCE_SECONDS = 60
STEPS_OF_ONE_BATCH = [
    "note the start",
    "look for damage, and make damaged days anew",
    "plan",
    "gateway: look for landings left over",
    "gateway: look for new files",
    "gateway: land",
    "gateway: judge and commit",
    "look for events on several days",
    "price what had no price",
    "note the budgets",
    "build marts",
    "judge core and marts",
    "Great Expectations",
    "look whether a day was settled",
    "make forecasts",
    "find anomalies",
    "find suggestions",
    "look for prices that changed",
    "note the baselines",
    "note the end",
    "publish",
    "judge the rules",
    "send alerts",
    "show the quality",
    "show the spend",
    "show the budgets",
    "show the forecast",
    "show the alerts",
    "show the freshness",
]


def ask(question, expected_count):
    """Ask the server until it knows so many: it notes task runs and logs after the run has gone on."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with get_client(sync_client=True) as client:
        while len(found := question(client)) < expected_count and time.monotonic() < deadline:
            time.sleep(0.1)
    return found


def task_runs_of(run_id, expected_count):
    wanted = FlowRunFilter.model_validate({"id": {"any_": [run_id]}})
    found = ask(lambda client: client.read_task_runs(flow_run_filter=wanted), expected_count)
    return sorted(found, key=lambda run: run.start_time)


def artifacts_of(run_id, expected_count=5):
    wanted = FlowRunFilter.model_validate({"id": {"any_": [run_id]}})
    found = ask(lambda client: client.read_artifacts(flow_run_filter=wanted), expected_count)
    return {artifact.key: artifact for artifact in found}


def in_a_flow(function):
    """Run a function in a flow of its own; return the final state of the flow run."""

    @flow(name="around")
    def around():
        return function()

    return around(return_state=True)


def step_that_fails(times, error):
    """Return a step that fails so many times, then returns its number of calls; and the list of calls."""
    calls = []

    @step("fragile", deadline_seconds=30, retries=3, backoff_seconds=0)
    def fragile():
        calls.append(is_orchestrated())
        if len(calls) <= times:
            raise error
        return len(calls)

    return fragile, calls


@pytest.fixture(scope="module")
def finished(prefect_server, tmp_path_factory):
    """One run of the pipeline under Prefect: where, the final state of the flow run, and its summary."""
    place = Place.at(tmp_path_factory.mktemp("under_prefect"))
    state = run_pipeline(config=place.config, checkpoint=True, return_state=True)
    return place, state, state.result()


def test_a_run_under_prefect_does_what_a_plain_run_does(finished):
    _, state, summary = finished
    assert state.type is StateType.COMPLETED
    assert summary.counts == RowCounts(read=3, accepted=3)
    assert summary.publication.is_new


def test_the_id_in_core_pipeline_runs_is_that_of_the_flow_run(finished):
    place, state, summary = finished
    assert summary.run_id == str(state.state_details.flow_run_id)
    assert place.serve("SELECT run_id FROM mart_pipeline_runs") == [(summary.run_id,)]


def test_a_run_has_one_task_run_a_step_in_the_order_of_the_sentence(finished):
    _, _, summary = finished
    runs = task_runs_of(summary.run_id, len(STEPS_OF_ONE_BATCH))
    attempt_id = summary.collected[0].receipts[0].attempt_id
    assert [run.name.removesuffix(f" {attempt_id}") for run in runs] == STEPS_OF_ONE_BATCH
    assert {run.state_type for run in runs} == {StateType.COMPLETED}


def test_a_run_leaves_its_artifacts_under_fixed_keys(finished):
    _, _, summary = finished
    artifacts = artifacts_of(summary.run_id)
    assert artifacts.keys() == {*("spend-by-day-and-model", "budgets", "open-alerts", "quality-verdict", "freshness")}
    assert (artifacts["open-alerts"].type, artifacts["open-alerts"].data) == ("table", "[]")


def test_the_spend_artifact_is_a_table_by_day_and_model_with_exact_money(finished):
    _, _, summary = finished
    table = artifacts_of(summary.run_id)["spend-by-day-and-model"].data
    assert '"day": "2025-11-18", "provider": "openai", "model": "gpt-4o", "calls": 2, "spend_usd": "0.007"' in table
    assert '"day": "2025-11-19", "provider": "openai", "model": "gpt-4o", "calls": 1, "spend_usd": "0.0035"' in table


def test_what_the_library_logs_is_in_the_logs_of_the_task_run(finished):
    _, _, summary = finished
    wanted = LogFilter.model_validate({"flow_run_id": {"any_": [summary.run_id]}})

    def landed(client):
        return [log for log in client.read_logs(wanted) if log.message == "landed 3 rows of 1 files of gateway"]

    assert [log.name for log in ask(landed, 1)] == ["prefect.task_runs"]


def test_what_steps_log_side_by_side_is_in_the_logs_of_each():
    meeting = Barrier(2, timeout=30)

    @step("ask {vendor}", deadline_seconds=60)
    def ask_vendor(vendor):
        meeting.wait()
        logging.getLogger("sophia_metrics.lanes").info("asked %s", vendor)
        meeting.wait()

    @flow(name="asks vendors")
    def ask_vendors():
        lanes = [{name: lambda _, name=name: ask_vendor(name)} for name in ("openai", "anthropic")]
        with side_by_side(lanes, 2) as found:
            [each.result() for each in found.values()]
        return FlowRunContext.get().flow_run.id

    run_id = ask_vendors()

    names = {run.id: run.name for run in task_runs_of(run_id, 2)}
    wanted = LogFilter.model_validate({"flow_run_id": {"any_": [run_id]}})
    logs = ask(lambda client: [log for log in client.read_logs(wanted) if log.message.startswith("asked")], 2)
    assert sorted((names[log.task_run_id], log.message) for log in logs) == [
        ("ask anthropic", "asked anthropic"),
        ("ask openai", "asked openai"),
    ]


def test_the_library_logger_is_left_as_it_was(finished):
    logger = logging.getLogger("sophia_metrics")
    assert (logger.level, logger.propagate, logger.handlers) == (logging.NOTSET, True, [])


def test_a_failure_under_prefect_is_recorded_under_the_id_of_the_flow_run(place):
    state = run_pipeline(config=place.config, source="getaway", return_state=True)
    assert state.type is StateType.FAILED
    assert isinstance(state.result(raise_on_failure=False), ConfigurationError)
    assert place.runs() == [("run-pipeline", "failed", None, True)]


def test_a_step_whose_service_is_away_is_tried_again():
    fragile, calls = step_that_fails(2, ServiceUnavailableError("the service is away"))
    assert in_a_flow(fragile).result() == 3
    assert calls == [True, True, True]


def test_a_step_gives_up_after_its_retries():
    fragile, calls = step_that_fails(9, ServiceUnavailableError("the service is away"))
    assert in_a_flow(fragile).type is StateType.FAILED
    assert len(calls) == 4


@pytest.mark.parametrize("error", [ProcessingError("bad data"), ConfigurationError("a typo"), ValueError("a bug")])
def test_a_step_that_will_fail_again_is_not_tried_again(error):
    fragile, calls = step_that_fails(1, error)
    assert in_a_flow(fragile).type is StateType.FAILED
    assert len(calls) == 1


def test_a_step_outside_a_flow_run_is_the_plain_function():
    fragile, calls = step_that_fails(1, ServiceUnavailableError("the service is away"))
    with pytest.raises(ServiceUnavailableError):
        fragile()
    assert calls == [False]
