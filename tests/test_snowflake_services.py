"""The components that need Snowflake live from initialize to cleanup as all others do."""

import asyncio

import pytest

from sophia_metrics.services import HealthStatus, Service
from tests.snowflake_warehouse import SnowflakeWarehouseLab

pytest_plugins = ("tests.snowflake_fixtures",)


@pytest.fixture
def warehouse(tmp_path, snowflake):
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    return SnowflakeWarehouseLab(home, snowflake=snowflake).warehouse


def test_a_snowflake_warehouse_lives_from_initialize_to_cleanup(warehouse):
    async def live():
        async with warehouse as entered:
            await entered.initialize()
            health, metrics = await entered.health_check(), await entered.get_metrics()
        await warehouse.cleanup()
        return health.status, metrics

    assert isinstance(warehouse, Service)
    assert asyncio.run(live()) == (HealthStatus.HEALTHY, {"day_count": 0, "row_count": 0})
