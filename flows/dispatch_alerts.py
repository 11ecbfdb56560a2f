"""Send what waits in the outbox of alerts."""

from prefect import flow

from sophia_metrics.warehouse.protocol import Publication
from tasks.alerts import send_alerts
from tasks.clock import named_by_minute, utc_now
from tasks.marts import publish_version
from tasks.runs import unrecorded_run
from tasks.settings import read_settings

__all__ = ["dispatch_alerts"]


@flow(flow_run_name=named_by_minute("dispatch-alerts"), persist_result=False)
def dispatch_alerts(config: str | None = None) -> Publication | None:
    """Send what waits in the outbox, in order for each episode and channel, at least once.

    The half of check_alerts that sends. A receiver that does not answer fails nothing: its messages wait.
    Returns the version that shows what became of them; None where nothing was sent or given up.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config).local
    with unrecorded_run(settings, "dispatch-alerts", utc_now()):
        dispatched = send_alerts(settings)
        return publish_version(settings, utc_now()) if dispatched.is_changed else None
