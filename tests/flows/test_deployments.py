"""prefect.yaml says what the flows can do, and Prefect understands it."""

import importlib.util
import sys
from pathlib import Path

import pytest
import yaml
from prefect.cli.deploy._models import DeploymentConfig, PrefectYamlModel, RawScheduleConfig, WorkPoolConfig
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.steps import core as steps
from prefect.flows import Flow, load_flow_from_entrypoint

CHECKOUT = Path(__file__).parents[2]
FLOW_FILES = sorted(path.stem for path in (CHECKOUT / "flows").glob("*.py") if path.stem != "__init__")
CONFIG = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS = {each["name"]: each for each in CONFIG["deployments"]}

every_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=DEPLOYMENTS.keys())


def schedules_of(deployment):
    return deployment.get("schedules", [])


def aliases(model):
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.fixture
def in_checkout(monkeypatch):
    """Loading a flow by its file changes sys.path and sys.modules for good; here it is undone."""
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [*FLOW_FILES, *(name for name in sys.modules if name.startswith("__prefect_loader_"))]:
        sys.modules.pop(name, None)


def test_prefect_reads_the_file():
    assert PrefectYamlModel.model_validate(CONFIG).deployments


def test_the_top_of_the_file_has_only_keys_that_prefect_knows_and_anchors():
    assert CONFIG.keys() <= aliases(PrefectYamlModel) | {"definitions"}


def test_every_flow_has_a_deployment_of_its_name():
    assert sorted(name.replace("-", "_") for name in DEPLOYMENTS) == FLOW_FILES


@every_deployment
def test_a_deployment_has_only_keys_that_prefect_knows(deployment):
    assert deployment.keys() <= aliases(DeploymentConfig)
    assert deployment["work_pool"].keys() <= aliases(WorkPoolConfig)


@every_deployment
def test_an_entrypoint_is_a_flow_named_like_the_deployment(deployment, in_checkout):
    found = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    assert isinstance(found, Flow)
    assert found.name == deployment["name"]


@every_deployment
def test_the_parameters_of_a_deployment_and_of_its_schedules_fit_the_flow(deployment, in_checkout):
    found = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    schema = found.parameters.model_dump()
    set_here = deployment.get("parameters", {})
    assert set_here.keys() <= schema["properties"].keys()
    for schedule in schedules_of(deployment):
        given = set_here | schedule.get("parameters", {})
        assert set(schema.get("required", ())) <= given.keys() <= schema["properties"].keys()


@every_deployment
def test_a_schedule_is_a_cron_that_prefect_reads_in_utc(deployment):
    for schedule in schedules_of(deployment):
        assert RawScheduleConfig.model_validate(schedule).slug
        assert CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"]).timezone == "UTC"


def test_the_slugs_of_schedules_differ():
    slugs = [schedule["slug"] for each in DEPLOYMENTS.values() for schedule in schedules_of(each)]
    assert len(slugs) == len(set(slugs)) == 11


@every_deployment
def test_a_concurrency_limit_is_one_that_prefect_accepts(deployment):
    limit = ConcurrencyLimitConfig.model_validate(deployment["concurrency_limit"])
    assert deployment["concurrency_limit"].keys() == aliases(ConcurrencyLimitConfig)
    assert limit.limit == 1


def test_frequent_flows_skip_a_tick_and_the_others_wait_for_their_turn():
    strategies = {name: each["concurrency_limit"]["collision_strategy"] for name, each in DEPLOYMENTS.items()}
    assert strategies == {
        "run-pipeline": "ENQUEUE",
        "close-day": "ENQUEUE",
        "collect-usage": "CANCEL_NEW",
        "collect-cache-stats": "CANCEL_NEW",
        "build-dashboard": "CANCEL_NEW",
        "probe-services": "CANCEL_NEW",
        "check-budgets": "CANCEL_NEW",
        "sync-warehouse": "CANCEL_NEW",
        "check-alerts": "CANCEL_NEW",
        "evaluate-alerts": "CANCEL_NEW",
        "dispatch-alerts": "CANCEL_NEW",
        "backfill-usage": "ENQUEUE",
        "check-quality": "ENQUEUE",
        "maintain-warehouse": "ENQUEUE",
    }


@pytest.mark.parametrize("name", ["backfill-usage", "evaluate-alerts", "dispatch-alerts"])
def test_what_is_started_by_hand_has_no_schedule(name):
    assert schedules_of(DEPLOYMENTS[name]) == []


@pytest.mark.parametrize("action", ["build", "pull"])
def test_the_steps_are_prefects_own(action):
    assert all(steps._get_function_for_step(name) for step in CONFIG[action] for name in step)


@pytest.mark.parametrize("name", FLOW_FILES)
def test_a_flow_file_has_no_name_of_a_package(name):
    """Prefect puts the folder of a flow file first on sys.path: a flows/redis.py would shadow the library."""
    assert importlib.util.find_spec(name) is None
