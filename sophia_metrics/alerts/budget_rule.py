"""Budget rules: a share of a limit is spent. Once for each budget, period and threshold."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.money_text import contributor_evidence, contributor_sentence, plain, plain_or_none, usd
from sophia_metrics.alerts.observation import BudgetObservation, Observations
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["BudgetRule", "newest_periods", "period_prefix", "why_over"]

KIND = "budget"
WHOLE = Decimal(1)
DEFAULT_THRESHOLDS = (Decimal("0.8"), WHOLE)


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """Fires when the spend of a period reaches a share of the limit.

    Only the newest period of a budget counts: an alert says what somebody can still act on. A period ends
    when the next one is observed, and its alerts then resolve.

    Attributes:
        thresholds: shares of the limit, 0.8 for 80 %, for budgets that name none; each fires at it and above.
        resolve_after: for so long the spend must be below, after a restatement.
    """

    thresholds: tuple[Decimal, ...] = DEFAULT_THRESHOLDS
    resolve_after: timedelta = timedelta()

    @property
    def kind(self) -> str:
        """It speaks of budgets."""
        return KIND

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return one rule for each budget and threshold."""
        if observations.budgets is None:
            return None
        return tuple(terms for each in newest_periods(observations.budgets) for _, terms in self._terms(each))

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge the newest period of each budget at each of its thresholds."""
        for each in newest_periods(observations.budgets or ()):
            for threshold, terms in self._terms(each):
                yield _read(each, threshold, terms)

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about a budget."""
        return episode.fingerprint.startswith(f"{KIND}/")

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """The period ended, or the budget or its threshold is gone."""
        return why_over(episode, observations, KIND, "budget")

    def _terms(self, each: BudgetObservation) -> Iterator[tuple[Decimal, Terms]]:
        for threshold in sorted(set(self.thresholds if each.thresholds is None else each.thresholds)):
            yield (
                threshold,
                Terms(
                    rule=f"{KIND}-{plain(threshold * 100)}",
                    kind=KIND,
                    severity=Severity.CRITICAL if threshold >= WHOLE else Severity.WARNING,
                    threshold=float(threshold),
                    subject=each.budget,
                    resolve_after=self.resolve_after,
                    is_once=True,
                ),
            )


def newest_periods(budgets: Iterable[BudgetObservation]) -> Iterable[BudgetObservation]:
    """Return the newest period of each budget that holds; one that was taken away has ended periods only."""
    ordered = sorted(budgets, key=lambda each: each.period_start_on)
    return {each.budget: each for each in ordered if each.is_current}.values()


def period_prefix(kind: str, each: BudgetObservation) -> str:
    """Return how the fingerprints of a period begin; its first day stands for it, whatever the clocks do."""
    return f"{kind}/{each.budget}/{each.period_start_on.isoformat()}/"


def why_over(episode: Episode, observations: Observations, kind: str, whose: str) -> str | None:
    """Say why an episode about a budget has no reading any more. None: no budgets are published, and it stays.

    Args:
        episode: the episode.
        observations: what is published now.
        kind: how its fingerprints begin.
        whose: whose threshold it is, in words that a budget's name follows.
    """
    if observations.budgets is None:
        return None
    newest = {each.budget: each for each in newest_periods(observations.budgets)}.get(episode.subject)
    if newest is None:
        return f"budget {episode.subject} is no longer there"
    if episode.fingerprint.startswith(period_prefix(kind, newest)):
        return f"{whose} {episode.subject} has no longer the threshold of {episode.rule}"
    return f"the period of budget {episode.subject} has ended, and the next one has begun"


def _read(each: BudgetObservation, threshold: Decimal, terms: Terms) -> Reading:
    scope_type, _, scope_value = each.scope.partition("/")
    evidence = {
        "period_start_on": each.period_start_on.isoformat(),
        "limit_usd": plain_or_none(each.limit_usd),
        "spent_usd": plain_or_none(each.spent_usd),
        **contributor_evidence(each),
    }
    return Reading(
        terms=terms,
        fingerprint=f"{period_prefix(KIND, each)}{plain(threshold)}",
        subject=each.budget,
        scope_type=scope_type,
        scope_value=scope_value or None,
        verdict=_judge(each, threshold),
        observed=None if (share := _share(each)) is None else float(share),
        message=_sentence(each),
        evidence=json.dumps(evidence),
    )


def _judge(each: BudgetObservation, threshold: Decimal) -> Verdict:
    if each.limit_usd is None or each.spent_usd is None:
        return Verdict.UNKNOWN
    is_reached = each.spent_usd > 0 and each.spent_usd >= each.limit_usd * threshold
    return Verdict.MET if is_reached else Verdict.CLEAR


def _share(each: BudgetObservation) -> Decimal | None:
    """Return the share of the limit that is spent, to four digits, cut: 0.79999 is not 0.8."""
    if each.limit_usd is None or each.spent_usd is None or each.limit_usd <= 0:
        return None
    return (each.spent_usd / each.limit_usd).quantize(Decimal("0.0001"), rounding=ROUND_DOWN)


def _sentence(each: BudgetObservation) -> str:
    spent = "an unknown amount" if each.spent_usd is None else usd(each.spent_usd)
    limit = "an unknown limit" if each.limit_usd is None else f"{usd(each.limit_usd)} USD"
    share = _share(each)
    percent = "" if share is None else f" ({plain(share * 100)} %)"
    period = f"in the period from {each.period_start_on.isoformat()}"
    return (
        f"budget {each.budget} ({each.scope}): {spent} of {limit} spent{percent} {period}{contributor_sentence(each)}"
    )
