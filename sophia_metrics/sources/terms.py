"""What the configuration says of a source, apart from where it is and what it looks like."""

from dataclasses import dataclass
from typing import Literal

from sophia_metrics.sources.format import Billing, ReportedBasis

__all__ = ["SAMPLE_SOURCE", "PartRole", "Role", "SourceTerms"]

Role = Literal["ledger", "reconcile"]
"""ledger counts as usage; reconcile is only compared."""

SAMPLE_SOURCE = "sample"
"""Name of the source of the sample data; they never stand beside real ones."""


@dataclass(frozen=True, slots=True)
class PartRole:
    """The role of a part of a source: of the rows that have all that is named.

    Attributes:
        role: what the rows count as.
        provider: their provider, in any of its spellings. None: any.
        account: their account_id. None: any, and none.
        route: their route, in any of its spellings; direct are those without one, too. None: any.
    """

    role: Role
    provider: str | None = None
    account: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """How the rows of a source count.

    Attributes:
        name: name of the source.
        format: name of its format.
        role: what its rows count as, unless one of `parts` fits them.
        billing: who pays for the calls. None: the source does not say.
        reported_basis: what its cost field means. None: it has none.
        expected_within_seconds: without a successful collection for so long it is stale.
        settling_seconds: for so long after the end of a day it may still tell of that day.
        account: what its rows say for account_id where they tell none. None: nothing.
        parts: the roles of parts of it; the first that fits a row holds.
    """

    name: str
    format: str
    role: Role = "ledger"
    billing: Billing | None = None
    reported_basis: ReportedBasis | None = None
    expected_within_seconds: int = 26 * 3600
    settling_seconds: int = 3600
    account: str | None = None
    parts: tuple[PartRole, ...] = ()

    @property
    def widest_role(self) -> Role:
        """The role of the source as a whole: ledger where any of its rows may count as usage."""
        return "ledger" if "ledger" in {self.role, *(part.role for part in self.parts)} else "reconcile"
