"""Steps after the commit: marts are built, and a version is published."""

from datetime import datetime

from sophia_metrics.connect import connect_analytics_sink, connect_warehouse
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.settings import Settings
from sophia_metrics.usage.sinking import Sunk
from sophia_metrics.warehouse.protocol import BuildReport, Publication
from tasks.step import step

__all__ = ["build_marts", "publish_version", "write_analytics"]


@step("build marts", deadline_seconds=3600)
def build_marts(settings: Settings, now: datetime) -> BuildReport:
    """Build the mart days whose inputs changed; a build that was cut short is finished by the next one."""
    return connect_warehouse(settings, now).build()


@step("publish", deadline_seconds=600)
def publish_version(settings: Settings, now: datetime) -> Publication:
    """Let readers see what is committed and built; where nothing changed, the current version stays."""
    return publish_judged(connect_warehouse(settings, now), now)


@step("write to the platform's analytics", deadline_seconds=3600)
def write_analytics(settings: Settings, now: datetime) -> Sunk | None:
    """Write calls that are new or have changed to the platform's table; None: that is not wanted."""
    sink = connect_analytics_sink(settings, connect_warehouse(settings, now))
    if sink is None:
        return None
    try:
        return sink.write(now)
    finally:
        sink.close()
