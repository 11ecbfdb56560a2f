"""Every long-lived component keeps the one interface of services, and synchronous callers have one bridge."""

import asyncio
import atexit
import contextvars
import importlib
import inspect
import pkgutil
import socket
import threading

import pytest
from pydantic import SecretStr

import sophia_metrics
from sophia_metrics.alerts.notifier import Notifier
from sophia_metrics.cache.redis_cache import CacheTerms, RedisCache
from sophia_metrics.dashboard.service import Dashboard
from sophia_metrics.invoices.files import BillFiles
from sophia_metrics.notifiers.by_apprise import AppriseNotifier
from sophia_metrics.notifiers.pagerduty import PagerDutyNotifier
from sophia_metrics.notifiers.prefect_events import PrefectEventsNotifier
from sophia_metrics.notifiers.slack import SlackNotifier
from sophia_metrics.notifiers.webhook import WebhookNotifier
from sophia_metrics.services import Health, HealthStatus, Service, ServiceLifecycle, run_sync
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.usage.live_pulling import LiveHealth
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.protocol import Warehouse
from sophia_metrics.warehouse.snowflake.adapter import SnowflakeWarehouse
from sophia_metrics.warehouse.snowflake.pulling import TableHealth
from tests.lab import Lab, event
from tests.redis_server import RedisServer

LABEL = contextvars.ContextVar("label", default="none")


def warehouse(folder) -> Warehouse:
    lab = Lab(folder / "state")
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    return lab.warehouse


def file_source(folder) -> FileSource:
    lab = Lab(folder / "state")
    return lab.source(lab.write("calls.jsonl", [event("a")]))


def bill_files(folder) -> BillFiles:
    (folder / "bill.csv").write_text("")
    return BillFiles(SourceTerms("bill", "focus"), (str(folder),))


@pytest.fixture(scope="module")
def redis_server():
    with RedisServer.running() as server:
        yield server


def redis_cache(server) -> RedisCache:
    return RedisCache(CacheTerms("answers", server.url))


def webhook(folder) -> Notifier:
    return WebhookNotifier("ops", SecretStr(listening()), SecretStr("key of the tests"))


def slack(folder) -> Notifier:
    return SlackNotifier("team", SecretStr(listening()))


def pagerduty(folder) -> Notifier:
    return PagerDutyNotifier("pager", SecretStr("key of the tests"), listening())


def apprise(folder) -> Notifier:
    return AppriseNotifier("mail", SecretStr(f"json://{listening().removeprefix('http://')}"))


def prefect_events(folder) -> Notifier:
    return PrefectEventsNotifier("automations", SecretStr(listening()))


def listening():
    """Return the URL of a port on which connections are taken, as long as the tests run."""
    server = socket.create_server(("127.0.0.1", 0))
    atexit.register(server.close)
    return f"http://127.0.0.1:{server.getsockname()[1]}/"


def dashboard(folder) -> Dashboard:
    lab = Lab(folder / "state")
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    lab.publish()
    return Dashboard(lab.serving, "UTC", lambda: lab.now)


SERVICES = [
    (warehouse, DuckDBWarehouse),
    (file_source, FileSource),
    (bill_files, BillFiles),
    (redis_cache, RedisCache),
    (dashboard, Dashboard),
    (webhook, WebhookNotifier),
    (slack, SlackNotifier),
    (pagerduty, PagerDutyNotifier),
    (apprise, AppriseNotifier),
    (prefect_events, PrefectEventsNotifier),
]


@pytest.fixture(scope="module", params=SERVICES, ids=[kind.__name__ for _, kind in SERVICES])
def service(request, tmp_path_factory, redis_server) -> Service:
    make, kind = request.param
    return make(redis_server) if kind is RedisCache else make(tmp_path_factory.mktemp("service"))


def test_a_component_has_the_four_verbs_and_all_are_async(service):
    assert isinstance(service, Service)
    verbs = (service.initialize, service.health_check, service.get_metrics, service.cleanup)
    assert all(inspect.iscoroutinefunction(verb) for verb in verbs)


def test_a_component_lives_from_initialize_to_cleanup_and_each_can_be_called_again(service):
    async def live():
        await service.initialize()
        await service.initialize()
        health = await service.health_check()
        metrics = await service.get_metrics()
        await service.cleanup()
        await service.cleanup()
        return health, metrics

    health, metrics = asyncio.run(live())

    assert isinstance(health, Health)
    assert (health.status, health.component != "", health.message != "") == (HealthStatus.HEALTHY, True, True)
    assert health.latency_ms > 0
    assert metrics
    assert all(value is None or isinstance(value, int | float) for value in metrics.values())


def test_a_component_is_an_async_context_manager_that_yields_itself(service):
    async def live():
        async with service as entered:
            assert entered is service
            return await entered.health_check()

    assert asyncio.run(live()).status is HealthStatus.HEALTHY


WALKED_ELSEWHERE = {SnowflakeWarehouse, TableHealth, LiveHealth}
"""By tests/test_snowflake_services.py, tests/test_snowflake_sources.py and tests/test_live_faults.py."""


def test_every_component_of_the_project_is_walked():
    walked = {kind for _, kind in SERVICES} | WALKED_ELSEWHERE

    assert {each for each in components() if each.__module__.startswith("sophia_metrics")} == walked


def components():
    for module in pkgutil.walk_packages(sophia_metrics.__path__, "sophia_metrics."):
        if not module.name.startswith("sophia_metrics.cli"):
            importlib.import_module(module.name)
    return set(ServiceLifecycle.__subclasses__())


def test_a_warehouse_without_state_is_unknown_and_not_healthy(tmp_path):
    health = asyncio.run(DuckDBWarehouse(tmp_path).health_check())

    assert health.status is HealthStatus.UNKNOWN


def test_a_dashboard_over_nothing_is_unknown_and_over_a_damaged_version_is_down(tmp_path):
    page = Dashboard(Lab(tmp_path).serving, "UTC", lambda: Lab(tmp_path).now)
    assert asyncio.run(page.health_check()).status is HealthStatus.UNKNOWN
    (tmp_path / "serving").mkdir(parents=True)
    (tmp_path / "serving" / "v000001.duckdb").write_text("this is no database")
    (tmp_path / "serving" / "current.duckdb").symlink_to("v000001.duckdb")

    assert asyncio.run(page.health_check()).status is HealthStatus.DOWN


def test_a_damaged_warehouse_is_an_answer_and_not_an_exception(tmp_path):
    (tmp_path / "warehouse.duckdb").write_text("this is no database")

    health = asyncio.run(DuckDBWarehouse(tmp_path).health_check())

    assert health.status is HealthStatus.DOWN


def test_a_source_whose_path_is_missing_is_down_and_names_the_path(tmp_path):
    health = asyncio.run(Lab(tmp_path / "state").source(tmp_path / "gone.jsonl").health_check())

    assert health.status is HealthStatus.DOWN
    assert str(tmp_path / "gone.jsonl") in health.message


async def label_and_thread():
    await asyncio.sleep(0)
    return LABEL.get(), threading.current_thread()


def test_the_bridge_runs_a_coroutine_where_no_loop_runs():
    _, thread = run_sync(label_and_thread())

    assert thread is threading.current_thread()


def test_the_bridge_works_inside_a_running_loop_and_keeps_context_variables():
    async def notebook():
        LABEL.set("mine")
        return run_sync(label_and_thread())

    label, thread = asyncio.run(notebook())

    assert label == "mine"
    assert thread is not threading.current_thread()


@pytest.mark.parametrize("is_in_loop", [False, True])
def test_the_bridge_raises_what_the_coroutine_raises(is_in_loop):
    async def fail():
        raise LookupError("lost")

    async def notebook():
        run_sync(fail())

    with pytest.raises(LookupError, match="lost"):
        asyncio.run(notebook()) if is_in_loop else run_sync(fail())
