"""What the configuration says of a source, apart from where it is and what it looks like."""

from dataclasses import dataclass
from typing import Literal

from sophia_metrics.sources.format import Billing, ReportedBasis

__all__ = ["SAMPLE_SOURCE", "SourceTerms"]

SAMPLE_SOURCE = "sample"
"""Name of the source of the sample data; they never stand beside real ones."""


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """How the rows of a source count.

    Attributes:
        name: name of the source.
        format: name of its format.
        role: ledger counts as usage; reconcile is only compared.
        billing: who pays for the calls. None: the source does not say.
        reported_basis: what its cost field means. None: it has none.
        expected_within_seconds: without a successful collection for so long it is stale.
        settling_seconds: for so long after the end of a day it may still tell of that day.
        account: what its rows say for account_id where they tell none. None: nothing.
    """

    name: str
    format: str
    role: Literal["ledger", "reconcile"] = "ledger"
    billing: Billing | None = None
    reported_basis: ReportedBasis | None = None
    expected_within_seconds: int = 26 * 3600
    settling_seconds: int = 3600
    account: str | None = None
