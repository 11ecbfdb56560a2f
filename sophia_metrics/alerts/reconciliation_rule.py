"""The rule of reconciliation: a provider's bill and our sums part, and nothing explains it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.money_text import plain_or_none, usd
from sophia_metrics.alerts.observation import GapObservation, Observations
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["ReconciliationRule"]

KIND = "reconciliation"
GAP = Terms(rule="reconciliation-gap", kind=KIND, severity=Severity.WARNING, threshold=None, is_once=True)


@dataclass(frozen=True, slots=True)
class ReconciliationRule:
    """Fires for an unexplained gap of a settled day, and resolves when it is one no longer, or is some weeks old.

    Both limits must be reached: a cent of a small bill is a large share, and a small share of a large bill is rounding.

    Attributes:
        min_gap_usd: gaps of less, either way, alert nobody.
        min_gap_ratio: gaps of less than this share of the greater of both amounts alert nobody.
    """

    min_gap_usd: Decimal = Decimal(0)
    min_gap_ratio: Decimal = Decimal(0)

    @property
    def kind(self) -> str:
        """It speaks of bills that are held against our sums."""
        return KIND

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return the one rule, for every provider, account, model and day."""
        return None if observations.gaps is None else (GAP,)

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge each gap."""
        return (_read(each) for each in observations.gaps or () if self._is_grave(each))

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about a gap."""
        return episode.rule == GAP.rule

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """It is closed or explained, or an old one."""
        if observations.gaps is None:
            return None
        return f"the gap is closed, explained or some weeks old: {episode.subject}"

    def _is_grave(self, each: GapObservation) -> bool:
        gap = abs(each.gap_usd)
        greater = max(abs(each.invoiced_usd), each.computed_usd or Decimal(0))
        return gap >= self.min_gap_usd and gap >= self.min_gap_ratio * greater


def _read(each: GapObservation) -> Reading:
    place = f"{each.provider}/{each.account_id}/{each.model}/{each.usage_on.isoformat()}"
    evidence = {
        "usage_on": each.usage_on.isoformat(),
        "computed_usd": plain_or_none(each.computed_usd),
        "invoiced_usd": plain_or_none(each.invoiced_usd),
        "gap_usd": plain_or_none(each.gap_usd),
    }
    return Reading(
        terms=GAP,
        fingerprint=f"{KIND}/{place}",
        subject=f"{each.provider} {each.usage_on.isoformat()}",
        scope_type="provider",
        scope_value=each.provider,
        verdict=Verdict.MET,
        observed=None,
        message=_sentence(each),
        evidence=json.dumps(evidence),
    )


def _sentence(each: GapObservation) -> str:
    what = f"{each.provider}, account {each.account_id}, model {each.model} on {each.usage_on.isoformat()}"
    ours = "nothing" if each.computed_usd is None else f"{usd(each.computed_usd)} USD"
    more_or_less = "more" if each.gap_usd > 0 else "less"
    billed = (
        f"{usd(each.invoiced_usd)} USD are billed, {usd(abs(each.gap_usd))} {more_or_less} than we computed ({ours})"
    )
    return f"{what}: {billed}, and nothing explains it"
