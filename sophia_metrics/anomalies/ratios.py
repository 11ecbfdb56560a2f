"""Ratios that are not as usual: the cost of a call, what a prompt cache answers, errors, retries."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sophia_metrics.anomalies.anomaly import Anomaly, AnomalyKind
from sophia_metrics.anomalies.days import Found, ScopeDays
from sophia_metrics.anomalies.expectation import Usual, usual_before
from sophia_metrics.anomalies.limits import Limits
from sophia_metrics.forecasting.numbers import Numbers, share

__all__ = ["find_cache_collapses", "find_call_jumps", "find_storms"]

LOOK_BACK = 28
LEAST_CALLS = 50
"""A ratio of fewer calls is chance."""
LEAST_TOKENS = 100_000
CACHED_SHARE = 0.2
"""What a cache answered of so little cannot collapse."""
STORM_SHARE = 0.1
"""A storm is so many more of all calls than usual."""


@dataclass(frozen=True, slots=True)
class Storm:
    """A kind of storm: which calls it is made of, and what a person calls them."""

    kind: AnomalyKind
    measure: str
    noun: str


STORMS = (
    Storm(AnomalyKind.ERROR_STORM, "error_count", "failed"),
    Storm(AnomalyKind.RETRY_STORM, "retry_count", "were retries"),
)


def find_call_jumps(days: ScopeDays, limits: Limits) -> Iterator[Anomaly]:
    """Find days on which a call of a model cost much more than usual."""
    calls = days.known("request_count")
    per_call = _of_many(days.known("cost_usd"), calls, LEAST_CALLS)
    logarithms = np.log(per_call, where=per_call > 0, out=np.full(per_call.shape, np.nan))
    usual = usual_before(logarithms, days.tested, LOOK_BACK, least_scale=0.1)
    score = share(logarithms[:, -days.tested :] - usual.middle, usual.scale, np.nan)
    expected, observed = np.exp(usual.middle), per_call[:, -days.tested :]
    impact = (observed - expected) * days.of("request_count")
    is_jump = (score >= limits.score) & (observed >= (1 + limits.change_ratio) * expected)
    for found in days.where(is_jump & (impact >= limits.impact_usd), "model"):
        count, much = found.of(days.of("request_count")), found.of(expected)
        yield Anomaly(
            found.scope_type,
            found.scope_value,
            found.usage_on,
            AnomalyKind.COST_PER_CALL_JUMP,
            f"a call of {found.scope_value} cost ${found.of(observed):,.4f}, usual is ${much:,.4f}",
            observed_usd=found.of(observed) * count,
            expected_usd=much * count,
            score=found.of(score),
            impact_usd=found.of(impact),
            evidence={
                "request_count": int(count),
                "cost_per_call_usd": _short(found.of(observed)),
                "usual_cost_per_call_usd": _short(much),
            },
        )


def find_cache_collapses(days: ScopeDays, limits: Limits) -> Iterator[Anomaly]:
    """Find days on which the prompt cache of a model answered less than half of the input that it usually does."""
    cached = days.known("cache_read_tokens")
    whole = cached + days.known("input_tokens") + days.known("cache_write_tokens")
    ratio, usual, score = _compared(days, _of_many(cached, whole, LEAST_TOKENS), least_scale=0.05)
    is_collapse = (score <= -limits.score) & (usual.middle >= CACHED_SHARE) & (2 * ratio <= usual.middle)
    for found in days.where(is_collapse, "model"):
        yield Anomaly(
            found.scope_type,
            found.scope_value,
            found.usage_on,
            AnomalyKind.CACHE_READ_COLLAPSE,
            f"{found.of(ratio):.0%} of the input of {found.scope_value} was read from the prompt cache, "
            f"usual is {found.of(usual.middle):.0%}",
            score=found.of(score),
            evidence=_ratios(found, ratio, usual),
        )


def find_storms(days: ScopeDays, limits: Limits) -> Iterator[Anomaly]:
    """Find days on which many more calls than usual failed, or were retries."""
    for storm in STORMS:
        calls = days.known("request_count")
        ratio, usual, score = _compared(days, _of_many(days.known(storm.measure), calls, LEAST_CALLS), least_scale=0.02)
        is_storm = (score >= limits.score) & (ratio >= usual.middle + STORM_SHARE) & (ratio >= 2 * usual.middle)
        for found in days.where(is_storm, "all", "provider", "model"):
            named = "all calls" if found.scope_type == "all" else f"the calls of {found.scope_value}"
            yield Anomaly(
                found.scope_type,
                found.scope_value,
                found.usage_on,
                storm.kind,
                f"{found.of(ratio):.0%} of {named} {storm.noun}, usual is {found.of(usual.middle):.0%}",
                score=found.of(score),
                evidence=_ratios(found, ratio, usual),
            )


def _compared(days: ScopeDays, ratio: Numbers, least_scale: float) -> tuple[Numbers, Usual, Numbers]:
    """Return the ratio of the tested days, what is usual, and how far from it they are."""
    usual = usual_before(ratio, days.tested, LOOK_BACK, least_scale)
    tested = ratio[:, -days.tested :]
    return tested, usual, share(tested - usual.middle, usual.scale, np.nan)


def _of_many(part: Numbers, whole: Numbers, least: int) -> Numbers:
    return np.where(whole >= least, share(part, whole, np.nan), np.nan)


def _ratios(found: Found, ratio: Numbers, usual: Usual) -> dict[str, float | int | str]:
    return {"ratio": _short(found.of(ratio)), "usual_ratio": _short(found.of(usual.middle))}


def _short(value: float) -> float:
    return float(f"{value:.6g}")
