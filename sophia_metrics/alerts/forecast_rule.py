"""Forecast rules: the spend of a period is on the way to a share of the limit."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from sophia_metrics.alerts.budget_rule import newest_periods, period_prefix, why_over
from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.money_text import contributor_evidence, contributor_sentence, plain, plain_or_none, usd
from sophia_metrics.alerts.observation import BudgetObservation, Observations
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["ForecastRule"]

KIND = "forecast"
WHOLE = Decimal(1)
PROJECTED = frozenset({"forecast", "projected", "rough"})
MUST_HOLD = 2
"""In so many states of the data, one after the other: one odd collection is no trend."""


@dataclass(frozen=True, slots=True)
class ForecastRule:
    """Fires when the middle of the forecast for a period reaches a share of the limit, twice in a row.

    It resolves when the forecast is clearly below it, or the period ends. Once for each budget, period and threshold.

    Attributes:
        thresholds: shares of the limit, for budgets that name none for their forecast.
        hysteresis: by this share of the limit the forecast must be below a threshold before an alert resolves.
        resolve_after: for so long it must be so.
    """

    thresholds: tuple[Decimal, ...] = (WHOLE,)
    hysteresis: Decimal = Decimal("0.05")
    resolve_after: timedelta = timedelta()

    @property
    def kind(self) -> str:
        """It speaks of forecasts."""
        return KIND

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return one rule for each budget and threshold."""
        if observations.budgets is None:
            return None
        return tuple(terms for each in newest_periods(observations.budgets) for _, terms in self._terms(each))

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge the newest period of each budget at each threshold."""
        for each in newest_periods(observations.budgets or ()):
            for threshold, terms in self._terms(each):
                yield self._read(each, threshold, terms)

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about a forecast."""
        return episode.fingerprint.startswith(f"{KIND}/")

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """The period ended, or the budget or its threshold is gone."""
        return why_over(episode, observations, KIND, "the forecast of budget")

    def _terms(self, each: BudgetObservation) -> Iterator[tuple[Decimal, Terms]]:
        for threshold in sorted(set(self.thresholds if each.forecast_thresholds is None else each.forecast_thresholds)):
            yield (
                threshold,
                Terms(
                    rule=f"budget-forecast-{plain(threshold * 100)}",
                    kind=KIND,
                    severity=Severity.WARNING,
                    threshold=float(threshold),
                    subject=each.budget,
                    resolve_after=self.resolve_after,
                    is_once=True,
                    fire_after_count=MUST_HOLD,
                ),
            )

    def _read(self, each: BudgetObservation, threshold: Decimal, terms: Terms) -> Reading:
        scope_type, _, scope_value = each.scope.partition("/")
        evidence = {
            "period_start_on": each.period_start_on.isoformat(),
            "limit_usd": plain_or_none(each.limit_usd),
            "spent_usd": plain_or_none(each.spent_usd),
            "projected_p50_usd": plain_or_none(each.projected_p50_usd),
            "projected_p90_usd": plain_or_none(each.projected_p90_usd),
            "breach_probability": each.breach_probability,
            **contributor_evidence(each),
        }
        return Reading(
            terms=terms,
            fingerprint=f"{period_prefix(KIND, each)}{plain(threshold)}",
            subject=each.budget,
            scope_type=scope_type,
            scope_value=scope_value or None,
            verdict=self._judge(each, threshold),
            observed=_share(each),
            message=_sentence(each),
            evidence=json.dumps(evidence),
            basis=each.data_through_at and each.data_through_at.isoformat(),
        )

    def _judge(self, each: BudgetObservation, threshold: Decimal) -> Verdict:
        if each.limit_usd is None or each.projected_p50_usd is None or each.projection_state not in PROJECTED:
            return Verdict.UNKNOWN
        if each.projected_p50_usd > 0 and each.projected_p50_usd >= each.limit_usd * threshold:
            return Verdict.MET
        is_below = each.projected_p50_usd < each.limit_usd * (threshold - self.hysteresis)
        return Verdict.CLEAR if is_below or each.projected_p50_usd <= 0 else Verdict.BETWEEN


def _share(each: BudgetObservation) -> float | None:
    """Return the share of the limit that is forecast, to four digits, cut."""
    if each.limit_usd is None or each.projected_p50_usd is None or each.limit_usd <= 0:
        return None
    return float((each.projected_p50_usd / each.limit_usd).quantize(Decimal("0.0001"), rounding=ROUND_DOWN))


def _sentence(each: BudgetObservation) -> str:
    forecast = "an unknown amount" if each.projected_p50_usd is None else f"{usd(each.projected_p50_usd)} USD"
    high = "" if each.projected_p90_usd is None else f", at most {usd(each.projected_p90_usd)} in nine of ten cases"
    limit = "an unknown limit" if each.limit_usd is None else f"the limit of {usd(each.limit_usd)} USD"
    spent = "an unknown amount" if each.spent_usd is None else usd(each.spent_usd)
    return (
        f"budget {each.budget} ({each.scope}): {forecast} forecast for the period from "
        f"{each.period_start_on.isoformat()}{high}, beside {limit}; {spent} spent so far{contributor_sentence(each)}"
    )
