"""Judge the rules on what is published; nobody is told before the alerts are dispatched."""

from prefect import flow

from sophia_metrics.warehouse.protocol import Publication
from tasks.alerts import evaluate_rules
from tasks.clock import named_by_minute, utc_now
from tasks.marts import publish_version
from tasks.runs import unrecorded_run
from tasks.settings import read_settings

__all__ = ["evaluate_alerts"]


@flow(flow_run_name=named_by_minute("evaluate-alerts"), persist_result=False)
def evaluate_alerts(config: str | None = None) -> Publication | None:
    """Judge every rule on the published version, and commit what changes: episodes and what is to be sent.

    The half of check_alerts that decides. Safe to run twice, at once, and after a kill.
    Returns the version that shows what changed; None where nothing did.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
    """
    settings = read_settings(config).local
    with unrecorded_run(settings, "evaluate-alerts", utc_now()):
        transitions = evaluate_rules(settings)
        return None if transitions.is_empty else publish_version(settings, utc_now())
