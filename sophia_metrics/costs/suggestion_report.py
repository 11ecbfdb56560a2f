"""What could be done to spend less, as a published version says."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sophia_metrics.costs.reports import Reports, published_reports
from sophia_metrics.serving import Serving

__all__ = ["PublishedSuggestion", "load_suggestions", "read_suggestions"]


@dataclass(frozen=True, slots=True)
class PublishedSuggestion:
    """A row of mart_suggestions.

    Attributes:
        suggestion_id: its identity.
        kind: what could be changed.
        subject: what it is about.
        message: what was seen, in a sentence.
        action: what to do, in a sentence.
        saving_usd: what it would save in 30 days. None: unknown.
        saving_low_usd: more than this in nine of ten cases. None: unknown.
        saving_high_usd: less than this in nine of ten cases. None: unknown.
        evidence: the figures behind it, as JSON.
        window_start_on: first day of the usage that was looked at.
        window_end_on: last day of it. None: it goes on.
        first_at: when it was first suggested (naive UTC). None: it is computed at each publish.
    """

    suggestion_id: str
    kind: str
    subject: str
    message: str
    action: str
    saving_usd: Decimal | None
    saving_low_usd: Decimal | None
    saving_high_usd: Decimal | None
    evidence: str
    window_start_on: date
    window_end_on: date | None
    first_at: datetime | None


def load_suggestions(serving: Serving) -> tuple[PublishedSuggestion, ...]:
    """Read the suggestions of the version that is published now, the largest saving first.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with published_reports(serving) as reports:
        return read_suggestions(reports)


def read_suggestions(reports: Reports) -> tuple[PublishedSuggestion, ...]:
    """Read them from a version that is open already."""
    return tuple(PublishedSuggestion(*row) for row in reports.rows("suggestions"))
