"""Which rules held when: what core_alert_rules says, brought up to date with the rules of now. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter

from sophia_metrics.alerts.observation import Observations
from sophia_metrics.alerts.rule import Rule, Terms

__all__ = ["RuleRow", "rule_changes"]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One row of core_alert_rules; see there."""

    rule: str
    kind: str
    subject: str | None
    severity: str
    threshold: float | None
    fire_after_seconds: int
    resolve_after_seconds: int
    valid_from_at: datetime
    valid_to_at: datetime | None = None


_content = attrgetter(*(field.name for field in fields(RuleRow) if not field.name.startswith("valid_")))
"""Returns what a rule is, without when it holds."""


def rule_changes(
    known: Sequence[RuleRow], rules: Iterable[Rule], observations: Observations, now: datetime
) -> tuple[RuleRow, ...]:
    """Return the rows to write: rules that hold from now on, and those that no longer do.

    Args:
        known: the rows that hold.
        rules: the rules.
        observations: what they watch. The rules of what is not published stay as they are.
        now: the present (naive UTC).
    """
    found = [(rule, rule.terms(observations)) for rule in rules]
    published = {rule.kind for rule, terms in found if terms is not None}
    wanted = {_content(row): row for _, terms in found for row in _rows(terms or (), now)}
    standing = {_content(row) for row in known}
    ended = (row for row in known if row.kind in published and _content(row) not in wanted)
    closed = tuple(replace(row, valid_to_at=now) for row in ended)
    return (*closed, *(row for content, row in wanted.items() if content not in standing))


def _rows(terms: Iterable[Terms], now: datetime) -> Iterator[RuleRow]:
    for each in terms:
        yield RuleRow(
            rule=each.rule,
            kind=each.kind,
            subject=each.subject,
            severity=each.severity,
            threshold=each.threshold,
            fire_after_seconds=int(each.fire_after.total_seconds()),
            resolve_after_seconds=int(each.resolve_after.total_seconds()),
            valid_from_at=now,
        )
