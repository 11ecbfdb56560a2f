"""The pipeline of the lab on a Snowflake warehouse: the same calls, and a mirror in the state folder."""

from dataclasses import dataclass, field
from typing import Any

from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.snowflake.adapter import SnowflakeWarehouse
from sophia_metrics.warehouse.snowflake.mirror import Mirror
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from tests.lab import Lab


@dataclass(frozen=True)
class SnowflakeWarehouseLab(Lab):
    """A lab whose warehouse is a schema of Snowflake."""

    snowflake: Any = None  # a SnowflakeLab; its module is a plugin, which pytest imports
    sessions: list[SnowflakeSession] = field(default_factory=list)

    @property
    def session(self) -> SnowflakeSession:
        if not self.sessions:
            self.sessions.append(self.snowflake.session())
        return self.sessions[0]

    @property
    def warehouse(self) -> SnowflakeWarehouse:
        local = DuckDBWarehouse(self.home, memory_limit="1GiB")
        local.prepare(self.now)
        mirror = Mirror(self.home, self.snowflake.settings.place, memory_limit="1GiB")
        warehouse = SnowflakeWarehouse(self.session, mirror, local, self.home, "1GiB")
        warehouse.prepare(self.now)
        return warehouse
