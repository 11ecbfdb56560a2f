"""The rule of reconciliation: a provider's bill and our sums part, and nothing explains it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.money_text import plain, plain_or_none, usd
from sophia_metrics.alerts.observation import GapObservation, Observations
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["ReconciliationRule"]

KIND = "reconciliation"
GAP = Terms(rule="reconciliation-gap", kind=KIND, severity=Severity.WARNING, threshold=None, is_once=True)
MOST_NAMED = 3
MOST_SHOWN = 20
"""So many gaps are in the evidence of an alert; mart_reconciliation has all."""


@dataclass(frozen=True, slots=True)
class ReconciliationRule:
    """Fires once for the unexplained gaps of an account in a calendar month, and resolves when none is left.

    A gap is that of a settled day and a model. A bill is one thing to look into, and the first look after a bill came
    may find a gap on every day of it and model: one alert names them all, the greatest first. What is some weeks old
    is left to the table.

    Both limits must be reached by a gap: a cent of a small bill is a large share, and a small share of a large bill is
    rounding.

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
        """Return the one rule, for every provider, account and month."""
        return None if observations.gaps is None else (GAP,)

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge the gaps one by one, so that none is set off against another, and tell those of a month together."""
        grave = sorted((each for each in observations.gaps or () if self._is_grave(each)), key=_bill)
        return (_read(*bill, tuple(gaps)) for bill, gaps in groupby(grave, key=_bill))

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about gaps."""
        return episode.rule == GAP.rule

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """They are closed or explained, or old ones."""
        if observations.gaps is None:
            return None
        return f"no gap is left that is not closed, explained or some weeks old: {episode.subject}"

    def _is_grave(self, each: GapObservation) -> bool:
        gap = abs(each.gap_usd)
        greater = max(abs(each.invoiced_usd), each.computed_usd or Decimal(0))
        return gap >= self.min_gap_usd and gap >= self.min_gap_ratio * greater


def _bill(each: GapObservation) -> tuple[str, str, str]:
    return each.provider, each.account_id, f"{each.usage_on:%Y-%m}"


def _read(provider: str, account_id: str, month: str, gaps: Sequence[GapObservation]) -> Reading:
    greatest = sorted(gaps, key=lambda each: (-abs(each.gap_usd), each.usage_on, each.model))
    more, less = _sums(gaps)
    evidence = {
        "month": month,
        "gap_count": len(gaps),
        "billed_more_usd": plain(more),
        "billed_less_usd": plain(less),
        "gaps": [_figures(each) for each in greatest[:MOST_SHOWN]],
    }
    return Reading(
        terms=GAP,
        fingerprint=f"{KIND}/{provider}/{account_id}/{month}",
        subject=f"{provider}/{account_id} {month}",
        scope_type="provider",
        scope_value=provider,
        verdict=Verdict.MET,
        observed=None,
        message=_sentence(provider, account_id, month, greatest),
        evidence=json.dumps(evidence),
    )


def _sums(gaps: Sequence[GapObservation]) -> tuple[Decimal, Decimal]:
    """Return what is billed more than we computed, and what less; they are not set off against each other."""
    more = sum((each.gap_usd for each in gaps if each.gap_usd > 0), Decimal(0))
    return more, more - sum((each.gap_usd for each in gaps), Decimal(0))


def _figures(each: GapObservation) -> dict[str, str | None]:
    return {
        "usage_on": each.usage_on.isoformat(),
        "model": each.model,
        "computed_usd": plain_or_none(each.computed_usd),
        "invoiced_usd": plain_or_none(each.invoiced_usd),
        "gap_usd": plain_or_none(each.gap_usd),
    }


def _sentence(provider: str, account_id: str, month: str, greatest: Sequence[GapObservation]) -> str:
    bill = f"{provider}, account {account_id}"
    if len(greatest) == 1:
        return f"{bill}, {_gap(greatest[0])}, and nothing explains it"
    days = len({each.usage_on for each in greatest})
    more, less = _sums(greatest)
    sides = ((more, "more"), (less, "less"))
    sums = " and ".join(f"{usd(amount)} USD {side}" for amount, side in sides if amount)
    named = "; ".join(map(_gap, greatest[:MOST_NAMED]))
    others = len(greatest) - MOST_NAMED
    rest = f"; and {others} more" if others > 0 else ""
    return (
        f"{bill}, {month}: {len(greatest)} gaps on {days} day{'s' if days > 1 else ''}, {sums} billed than we "
        f"computed, and nothing explains them: {named}{rest}"
    )


def _gap(each: GapObservation) -> str:
    ours = "nothing" if each.computed_usd is None else f"{usd(each.computed_usd)} USD"
    more_or_less = "more" if each.gap_usd > 0 else "less"
    return (
        f"model {each.model} on {each.usage_on.isoformat()}: {usd(each.invoiced_usd)} USD are billed, "
        f"{usd(abs(each.gap_usd))} {more_or_less} than we computed ({ours})"
    )
