"""What runs every minute beside a Snowflake that cannot be reached, and the sync that goes there."""

import pytest

from flows.check_alerts import check_alerts
from flows.probe_services import probe_services
from flows.sync_warehouse import sync_warehouse
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.protocol import Query
from tasks.clock import utc_now
from tests.flows.place import SETTINGS
from tests.misbehaving import free_port, http, serving

UNREACHABLE = """
[snowflake]
account = "nowhere"
user = "SOPHIA_METRICS"
role = "SOPHIA_METRICS"
host = "127.0.0.1"
port = {port}
protocol = "http"
login_timeout_seconds = 1
"""


@pytest.fixture
def far(place, monkeypatch):
    """A place whose warehouse is a Snowflake that does not answer, and a service that does."""
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "planted")
    with serving(http(200, {"status": "ok"})) as port:
        chat = f'[[services]]\nname = "chat"\nkind = "http"\nurl = "http://127.0.0.1:{port}/health"\n'
        text = f'warehouse = "snowflake"\n{SETTINGS}\n{chat}{UNREACHABLE.format(port=free_port())}'
        (place.folder / "sophia.toml").write_text(text)
        yield place


def test_services_are_probed_and_alerts_checked_while_snowflake_is_away(far):
    assert [each.service for each in probe_services.fn(config=far.config, services=["chat"])] == ["chat"]
    check_alerts.fn(config=far.config)
    assert far.serve("SELECT status FROM mart_service_health WHERE service = 'chat'") == [("healthy",)]


def test_a_sync_that_does_not_reach_snowflake_fails_and_is_recorded_here(far):
    probe_services.fn(config=far.config, services=["chat"])
    with pytest.raises(ServiceUnavailableError, match="the login to Snowflake as SOPHIA_METRICS failed"):
        sync_warehouse.fn(config=far.config)
    probe_services.fn(config=far.config, services=["chat"])
    query = Query("SELECT run_status FROM core_pipeline_runs WHERE flow = 'sync-warehouse'")
    local = load_settings(far.folder).local
    assert connect_warehouse(local, utc_now()).read(query).rows() == [("failed",)]


def test_on_duckdb_a_sync_does_nothing(place):
    assert sync_warehouse.fn(config=place.config) is None
    assert not (place.folder / ".sophia" / "warehouse.duckdb").exists()
