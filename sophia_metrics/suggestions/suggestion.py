"""A suggestion: what was seen, what to do, and what that would save."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

__all__ = ["Saving", "Suggestion", "suggestion_id"]


@dataclass(frozen=True, slots=True)
class Saving:
    """What a change would save in 30 days, in dollars, and the range that holds it in eight of ten cases.

    Attributes:
        usd: the saving. None: it has no number, as no price is known.
        low_usd: more than this in nine of ten cases. None: unknown.
        high_usd: less than this in nine of ten cases. None: unknown.
        interval: how the range was made: docs/suggestions.md says what the words mean.
    """

    usd: Decimal | None = None
    low_usd: Decimal | None = None
    high_usd: Decimal | None = None
    interval: str = "none"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to do.

    Attributes:
        kind: what could be changed; docs/suggestions.md lists the kinds.
        subject: what it is about, such as openai/gpt-5 of search.
        message: what was seen, in a sentence.
        action: what to do, in a sentence.
        saving: what that would save.
        facts: the figures behind it.
        window_start_on: first UTC day of the usage that was looked at.
        window_end_on: last UTC day of it.
    """

    kind: str
    subject: str
    message: str
    action: str
    saving: Saving
    facts: Mapping[str, object]
    window_start_on: date
    window_end_on: date

    @property
    def suggestion_id(self) -> str:
        """Its identity: the same for the same kind and subject."""
        return suggestion_id(self.kind, self.subject)

    def row(self, first_at: datetime, now: datetime) -> dict[str, object]:
        """Return the row of core_suggestions, first suggested at one instant and computed at another (naive UTC)."""
        evidence = {"interval": self.saving.interval, **self.facts}
        return {
            "suggestion_id": self.suggestion_id,
            "kind": self.kind,
            "subject": self.subject,
            "message": self.message,
            "action": self.action,
            "saving_usd": self.saving.usd,
            "saving_low_usd": self.saving.low_usd,
            "saving_high_usd": self.saving.high_usd,
            "evidence": json.dumps(evidence, default=str, ensure_ascii=False),
            "window_start_on": self.window_start_on,
            "window_end_on": self.window_end_on,
            "first_at": first_at,
            "computed_at": now,
            "ended_at": None,
        }


def suggestion_id(kind: str, subject: str) -> str:
    """Return the first 128 bits, in hex, of the SHA-256 over kind and subject."""
    return hashlib.sha256(f"{kind}\0{subject}".encode()).hexdigest()[:32]
