"""Check the alerts: judge the rules on what is published, and tell who is to be told."""

from prefect import flow

from sophia_metrics.settings import Settings
from sophia_metrics.warehouse.protocol import Publication
from tasks.alerts import evaluate_rules, send_alerts
from tasks.clock import named_by_minute, utc_now
from tasks.marts import publish_version
from tasks.runs import unrecorded_run
from tasks.settings import read_settings

__all__ = ["check_alerts", "tell_alerts"]


@flow(flow_run_name=named_by_minute("check-alerts"), persist_result=False)
def check_alerts(config: str | None = None) -> Publication | None:
    """Judge every rule on the published version, commit what changes, and send what waits.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: an alert
    fires once, a message that was on its way when the run was killed is sent again with the same dedup key.
    A receiver that does not answer fails nothing: its messages wait for a later run.
    Returns the version that shows what changed; None where nothing did.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config).local
    with unrecorded_run(settings, "check-alerts", utc_now()):
        return tell_alerts(settings)


def tell_alerts(settings: Settings) -> Publication | None:
    """Evaluate, commit, dispatch; then publish, where anything changed. On Snowflake this concerns its mirror only."""
    settings = settings.local
    transitions = evaluate_rules(settings)
    dispatched = send_alerts(settings)
    if transitions.is_empty and not dispatched.is_changed:
        return None
    return publish_version(settings, utc_now())
