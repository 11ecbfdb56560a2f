"""Steps between the mirror of a Snowflake warehouse and Snowflake."""

from datetime import datetime

from sophia_metrics.connect import connect_forwarder
from sophia_metrics.settings import Settings
from sophia_metrics.warehouse.forwarding import Forwarded
from tasks.step import step

__all__ = ["forward_observations", "is_forwarding_due"]


@step("look whether it is time", deadline_seconds=300)
def is_forwarding_due(settings: Settings, now: datetime) -> bool:
    """Say whether observations are to be brought to Snowflake now; on DuckDB they never are."""
    forwarder = connect_forwarder(settings, now)
    return forwarder is not None and forwarder.is_due(now)


@step("forward observations", deadline_seconds=3600)
def forward_observations(settings: Settings, now: datetime) -> Forwarded:
    """Bring what was observed and recorded here to Snowflake; what it has already changes nothing."""
    forwarder = connect_forwarder(settings, now)
    return forwarder.forward(now) if forwarder is not None else Forwarded({})
