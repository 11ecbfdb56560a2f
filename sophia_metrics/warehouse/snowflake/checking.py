"""Whether Snowflake can be reached and used: a login and a look at the list of tables. No warehouse is woken."""

import time

from sophia_metrics.errors import SophiaError
from sophia_metrics.services import Health, HealthStatus
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.tables import is_prepared

__all__ = ["check_session"]

COMPONENT = "warehouse"


def check_session(session: SnowflakeSession) -> Health:
    """Say how Snowflake is; whatever is wrong is an answer, not an exception."""
    settings = session.settings
    place = f"{settings.account}, {settings.database}.{settings.schema_name}"
    facts: dict[str, str | int | float | None] = {
        "account": settings.account,
        "user": settings.user,
        "role": settings.role,
        "warehouse": settings.warehouse,
        "schema": f"{settings.database}.{settings.schema_name}",
        "authentication": settings.way,
    }
    started = time.perf_counter()
    try:
        is_ready = is_prepared(session)
    except SophiaError as error:
        return Health(COMPONENT, HealthStatus.DOWN, str(error), facts=facts)
    latency = (time.perf_counter() - started) * 1000
    message = f"Snowflake answers: {place}" if is_ready else f"Snowflake answers, and the first run makes {place}"
    return Health(COMPONENT, HealthStatus.HEALTHY, message, latency, facts)
