"""A silence: for a while some alerts are not sent. What was sent before still resolves."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Silence"]


@dataclass(frozen=True, slots=True)
class Silence:
    """One row of core_alert_silences.

    Attributes:
        silence_id: which one.
        rule: the rule that is silent. None: every rule.
        subject: the budget or service that is silent. None: each of them.
        starts_at: from then on (naive UTC).
        ends_at: until then (naive UTC), exclusive. None: until it is ended.
        reason: why, for others.
    """

    silence_id: str
    rule: str | None
    subject: str | None
    starts_at: datetime
    ends_at: datetime | None = None
    reason: str | None = None

    def covers(self, rule: str, subject: str, now: datetime) -> bool:
        """Say whether an alert of a rule about a subject is silent now."""
        is_now = self.starts_at <= now and (self.ends_at is None or now < self.ends_at)
        return is_now and self.rule in {None, rule} and self.subject in {None, subject}
