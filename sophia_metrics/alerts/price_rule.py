"""The rule of prices: the price of a model in use moved."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sophia_metrics.alerts.episode import Episode
from sophia_metrics.alerts.money_text import plain_or_none, usd
from sophia_metrics.alerts.observation import Observations, PriceObservation
from sophia_metrics.alerts.rule import Reading, Severity, Terms, Verdict

__all__ = ["PriceRule"]

KIND = "price"
DRIFT = Terms(rule="price-drift", kind=KIND, severity=Severity.WARNING, threshold=None, is_once=True)
MILLION = Decimal(1_000_000)
TOKENS = frozenset({"input", "cache_read", "cache_write_5m", "cache_write_1h", "output"})


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Fires for a price that moved in the last days, and resolves when that is some days old.

    Attributes:
        min_change_ratio: prices that moved by less than this share alert nobody; new and gone ones do.
    """

    min_change_ratio: Decimal = Decimal(0)

    @property
    def kind(self) -> str:
        """It speaks of prices."""
        return KIND

    def terms(self, observations: Observations) -> tuple[Terms, ...] | None:
        """Return the one rule, for every price."""
        return None if observations.prices is None else (DRIFT,)

    def readings(self, observations: Observations) -> Iterator[Reading]:
        """Judge each price that moved."""
        return (_read(each) for each in observations.prices or () if self._is_grave(each))

    def owns(self, episode: Episode) -> bool:
        """Say whether an episode is about a price that moved."""
        return episode.rule == DRIFT.rule

    def ending(self, episode: Episode, observations: Observations) -> str | None:
        """It moved some days ago."""
        return None if observations.prices is None else f"the price of {episode.subject} moved some days ago"

    def _is_grave(self, each: PriceObservation) -> bool:
        return each.change_ratio is None or abs(each.change_ratio) >= float(self.min_change_ratio)


def _read(each: PriceObservation) -> Reading:
    subject = f"{each.provider}/{each.model}"
    evidence = {
        "price_kind": each.price_kind,
        "service_tier": each.service_tier,
        "rate_before_usd": plain_or_none(each.rate_before_usd),
        "rate_after_usd": plain_or_none(each.rate_after_usd),
        "change_ratio": each.change_ratio,
        "spend_28d_usd": plain_or_none(each.spend_28d_usd),
    }
    place = f"{subject}/{each.service_tier}/{each.price_kind}/{each.found_at.isoformat()}"
    return Reading(
        terms=DRIFT,
        fingerprint=f"{KIND}/{place}",
        subject=subject,
        scope_type="model",
        scope_value=each.model,
        verdict=Verdict.MET,
        observed=each.change_ratio,
        message=_sentence(each, subject),
        evidence=json.dumps(evidence),
    )


def _sentence(each: PriceObservation, subject: str) -> str:
    unit = "a million tokens" if each.price_kind in TOKENS else "a unit"
    before, after = (_rate(each.price_kind, rate) for rate in (each.rate_before_usd, each.rate_after_usd))
    spend = "" if each.spend_28d_usd is None else f"; {usd(each.spend_28d_usd)} USD were spent on it in 28 days"
    tier = "" if each.service_tier in {"", "standard", "default"} else f" ({each.service_tier})"
    return f"the {each.price_kind} price of {subject}{tier} went from {before} to {after} USD for {unit}{spend}"


def _rate(price_kind: str, rate: Decimal | None) -> str:
    if rate is None:
        return "none"
    return plain_or_none(rate * MILLION if price_kind in TOKENS else rate) or "none"
