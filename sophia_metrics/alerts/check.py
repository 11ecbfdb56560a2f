"""One look at all rules: what is published and what is known, judged, and committed in one step."""

from collections.abc import Sequence
from datetime import datetime

from sophia_metrics.alerts.evaluation import Channel, Known, Transitions, evaluate
from sophia_metrics.alerts.observation import Observations
from sophia_metrics.alerts.policy import USUAL, Policy
from sophia_metrics.alerts.records import read_known, read_rules, read_silences, record_of
from sophia_metrics.alerts.rule import Rule
from sophia_metrics.alerts.rule_history import rule_changes
from sophia_metrics.warehouse.protocol import Warehouse

__all__ = ["check_rules"]


def check_rules(
    warehouse: Warehouse,
    rules: Sequence[Rule],
    observations: Observations,
    channels: Sequence[Channel],
    now: datetime,
    policy: Policy = USUAL,
) -> Transitions:
    """Commit what the rules change, episodes and deliveries together, and return it; often it is nothing.

    The caller sees to it that no other check works on the same state.

    Args:
        warehouse: holds episodes, deliveries and silences.
        rules: the rules that hold now.
        observations: what is published now.
        channels: the configured notifiers.
        now: the present (naive UTC).
        policy: how alerts are told.
    """
    known = read_known(warehouse, now)
    if observations == Observations() and known == Known():
        return Transitions()
    silences = read_silences(warehouse, now)
    transitions = evaluate(rules, observations, known, silences, channels, now, policy)
    rows = rule_changes(read_rules(warehouse), rules, observations, now)
    record = record_of(transitions.episodes, transitions.deliveries, rules=rows)
    if record.rows:
        warehouse.record(record)
    return transitions
