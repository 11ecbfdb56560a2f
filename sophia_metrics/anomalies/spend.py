"""Spend that is not as expected: spikes, drops, and days that are equal to the last digit."""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sophia_metrics.anomalies.anomaly import Anomaly, AnomalyKind
from sophia_metrics.anomalies.days import Found, ScopeDays
from sophia_metrics.anomalies.expectation import Expectation, expect_days
from sophia_metrics.anomalies.limits import Limits

__all__ = ["find_constant_values", "find_spend"]

CONSTANT_DAYS = 7
"""So many days of equal spend, to the last digit, are no chance."""


def find_spend(days: ScopeDays, limits: Limits) -> Iterator[Anomaly]:
    """Find days that cost much more than expected and, where that is wanted, much less."""
    said = expect_days(days.known("cost_usd"), days.tested)
    observed = days.of("cost_usd")
    impact = observed - said.expected
    is_much = np.abs(impact) >= max(limits.impact_usd, np.finfo(float).tiny)
    is_up = (said.score >= limits.score) & (observed >= (1 + limits.change_ratio) * said.expected)
    for found in days.where(is_up & is_much & (impact > 0)):
        yield _unexpected(found, days, said, AnomalyKind.SPEND_SPIKE)
    if limits.direction == "both":
        is_down = (said.score <= -limits.score) & ((1 + limits.change_ratio) * observed <= said.expected)
        for found in days.where(is_down & is_much & (impact < 0)):
            yield _unexpected(found, days, said, AnomalyKind.SPEND_DROP)


def find_constant_values(days: ScopeDays) -> Iterator[Anomaly]:
    """Find the seventh day in a row on which a scope spent exactly the same: a source may repeat itself."""
    costs = days.known("cost_usd")
    wanted = days.tested + CONSTANT_DAYS
    lead = np.full((costs.shape[0], max(wanted - costs.shape[1], 0)), np.nan)
    windows = sliding_window_view(np.concatenate([lead, costs[:, -wanted:]], axis=1), CONSTANT_DAYS, axis=1)
    is_constant = (windows == windows[..., :1]).all(axis=-1) & (windows[..., 0] > 0)
    is_first = is_constant[:, 1:] & ~is_constant[:, :-1]
    for found in days.where(is_first, "all", "provider", "model"):
        observed = found.of(days.of("cost_usd"))
        yield Anomaly(
            found.scope_type,
            found.scope_value,
            found.usage_on,
            AnomalyKind.CONSTANT_VALUES,
            f"{_named(found)} spent exactly ${observed:,.2f} on each of {CONSTANT_DAYS} days in a row",
            observed_usd=observed,
            evidence={"day_count": CONSTANT_DAYS},
        )


def _unexpected(found: Found, days: ScopeDays, said: Expectation, kind: AnomalyKind) -> Anomaly:
    observed, expected, score = found.of(days.of("cost_usd")), found.of(said.expected), found.of(said.score)
    return Anomaly(
        found.scope_type,
        found.scope_value,
        found.usage_on,
        kind,
        f"{_named(found)} spent ${observed:,.2f}, where ${expected:,.2f} was expected of such a weekday",
        observed_usd=observed,
        expected_usd=expected,
        score=score,
        impact_usd=observed - expected,
        evidence={"request_count": int(np.nan_to_num(found.of(days.of("request_count"))))},
    )


def _named(found: Found) -> str:
    return "everything together" if found.scope_type == "all" else f"{found.scope_type} {found.scope_value}"
