"""A silence: for a while some alerts are not sent. What was sent before still resolves."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from sophia_metrics.alerts.rule import Reading

__all__ = ["Silence"]


@dataclass(frozen=True, slots=True)
class Silence:
    """One row of core_alert_silences. An alert is silent when all that the silence names is its own.

    Attributes:
        silence_id: which one.
        rule: the rule that is silent; `*` stands for any letters, as in budget-*. None: every rule.
        subject: the budget or service that is silent. None: each of them.
        starts_at: from then on (naive UTC).
        ends_at: until then (naive UTC), exclusive. None: until it is ended.
        reason: why, for others.
        scope_type: what must be watched: team, service, …. None: anything.
        scope_value: which of them. None: any.
        created_by: who made it. None: nobody said.
        created_at: when it was made (naive UTC). None: not noted.
    """

    silence_id: str
    rule: str | None
    subject: str | None
    starts_at: datetime
    ends_at: datetime | None = None
    reason: str | None = None
    scope_type: str | None = None
    scope_value: str | None = None
    created_by: str | None = None
    created_at: datetime | None = None

    def covers(self, reading: Reading, now: datetime) -> bool:
        """Say whether an alert is silent now."""
        return (
            self.holds(now)
            and (self.rule is None or fnmatchcase(reading.terms.rule, self.rule))
            and self.subject in {None, reading.subject}
            and self.scope_type in {None, reading.scope_type}
            and self.scope_value in {None, reading.scope_value}
        )

    def holds(self, now: datetime) -> bool:
        """Say whether it has begun and is not over."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)
