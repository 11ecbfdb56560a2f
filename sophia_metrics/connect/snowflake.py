"""The connection to Snowflake, what is granted there and written there."""

from typing import TYPE_CHECKING

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import Settings, SnowflakeSettings, SourceSettings, read_variable
from sophia_metrics.sources.table_settings import TableSettings, TableTerms
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.protocol import Warehouse

if TYPE_CHECKING:
    from sophia_metrics.warehouse.snowflake.analytics_sink import AnalyticsSink
    from sophia_metrics.warehouse.snowflake.session import SnowflakeSession

__all__ = ["connect_analytics_sink", "snowflake_grants", "snowflake_session", "snowflake_settings", "table_terms"]


def snowflake_session(settings: Settings) -> "SnowflakeSession":
    """Return a session of Snowflake, which logs in with its first statement.

    Raises:
        ConfigurationError: nothing says where Snowflake is.
    """
    from sophia_metrics.warehouse.snowflake.session import connect_session

    return connect_session(snowflake_settings(settings), read_variable, lock_wait_seconds=settings.lock_wait_seconds)


def snowflake_settings(settings: Settings) -> SnowflakeSettings:
    """Return where Snowflake is.

    Raises:
        ConfigurationError: nothing says it.
    """
    if settings.snowflake is None:
        raise ConfigurationError(
            "nothing says where Snowflake is: write a table [snowflake] with account, user and role into sophia.toml"
        )
    return settings.snowflake


def table_terms(settings: Settings, source: SourceSettings) -> TableTerms:
    """Return how a source that is a table of Snowflake is read."""
    connection = snowflake_settings(settings)
    return (source.table or TableSettings()).terms(
        source.name, source.format, warehouse=connection.warehouse, query_tag=connection.query_tag
    )


def snowflake_grants(settings: Settings, *, role: str | None, read_role: str | None, is_moving: bool = False) -> str:
    """Return the script that grants what these settings need in Snowflake; nothing is asked.

    `is_moving`: the state folder is to be moved there, whatever the settings name as the warehouse now.

    Raises:
        ConfigurationError: nothing of Snowflake is configured, or a role is no name.
    """
    from sophia_metrics.warehouse.snowflake.grants import Reach, grants_script

    connection = snowflake_settings(settings)
    sink = connection.analytics_sink
    reach = Reach(
        is_warehouse=is_moving or settings.warehouse == "snowflake",
        is_moving=is_moving,
        sources=tuple(table_terms(settings, source) for source in settings.sources if source.is_table),
        sink=sink.place if sink is not None else None,
    )
    return grants_script(connection, reach, role=role, read_role=read_role)


def connect_analytics_sink(settings: Settings, warehouse: Warehouse) -> "AnalyticsSink | None":
    """Return what writes events to the platform's table; None: that is not wanted."""
    connection = settings.snowflake
    if connection is None or connection.analytics_sink is None:
        return None
    from sophia_metrics.warehouse.snowflake.analytics_sink import AnalyticsSink

    left_out = [source.name for source in settings.sources if source.format == "snowflake_analytics"]
    return AnalyticsSink(
        snowflake_session(settings),
        connection.analytics_sink,
        warehouse,
        settings.home,
        frozenset({*left_out, SAMPLE_SOURCE}),
    )
