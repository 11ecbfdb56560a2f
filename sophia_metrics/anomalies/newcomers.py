"""Who and what spends that did not before, and calls that nobody can price."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sophia_metrics.anomalies.anomaly import Anomaly, AnomalyKind
from sophia_metrics.anomalies.days import ScopeDays
from sophia_metrics.anomalies.limits import Limits

__all__ = ["KNOWN_DAYS", "Newcomer", "find_newcomers", "find_unpriced"]

KNOWN_DAYS = 28
"""Who made no call for so many days is new; and where the data are younger than that, everybody is, and nobody told."""
SPENDER_SHARE = 0.05
"""A new spender spends so much of everything, or is one of many."""
UNPRICED_SHARE = 0.1
LEAST_UNPRICED = 5
CALM_DAYS = 7


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A scope and its first settled days with calls.

    Attributes:
        scope_type: model, team, user or key.
        scope_value: the value.
        first_on: its first UTC day with calls.
        spent_usd: what it spent in its first seven days, as far as they are settled.
        whole_usd: what everything together spent on these days.
    """

    scope_type: str
    scope_value: str
    first_on: date
    spent_usd: float
    whole_usd: float


def find_newcomers(newcomers: Iterable[Newcomer], data_from_on: date, limits: Limits) -> Iterator[Anomaly]:
    """Find models that are new, and teams, users and keys that are new and spend a share of everything.

    Args:
        newcomers: whoever made the first calls on tested days.
        data_from_on: the first UTC day of all usage.
        limits: what they spend must reach the impact.
    """
    for each in newcomers:
        if each.first_on - data_from_on < timedelta(days=KNOWN_DAYS) or each.spent_usd < limits.impact_usd:
            continue
        is_model = each.scope_type == "model"
        if not is_model and each.spent_usd < SPENDER_SHARE * each.whole_usd:
            continue
        yield Anomaly(
            each.scope_type,
            each.scope_value,
            each.first_on,
            AnomalyKind.NEW_MODEL if is_model else AnomalyKind.NEW_SPENDER,
            f"{each.scope_type} {each.scope_value} made its first calls: ${each.spent_usd:,.2f} within a week",
            observed_usd=each.spent_usd,
            impact_usd=each.spent_usd,
            evidence={"whole_usd": float(f"{each.whole_usd:.6g}")},
        )


def find_unpriced(days: ScopeDays) -> Iterator[Anomaly]:
    """Find the days since which calls of a model have no price that had one, or were not made, for a week."""
    calls, unpriced = days.known("request_count"), days.known("unpriced_count")
    is_unpriced = (unpriced >= LEAST_UNPRICED) & (unpriced >= UNPRICED_SHARE * calls)
    wanted = days.tested + CALM_DAYS
    lead = np.zeros((calls.shape[0], max(wanted - calls.shape[1], 0)), dtype=np.bool_)
    windows = sliding_window_view(np.concatenate([lead, is_unpriced[:, -wanted:]], axis=1), CALM_DAYS + 1, axis=1)
    is_first = windows[..., -1] & ~windows[..., :-1].any(axis=-1)
    for found in days.where(is_first, "model"):
        count, of = int(found.of(days.of("unpriced_count"))), int(found.of(days.of("request_count")))
        yield Anomaly(
            found.scope_type,
            found.scope_value,
            found.usage_on,
            AnomalyKind.UNPRICED_SPEND,
            f"{count:,} of {of:,} calls of {found.scope_value} have no price: what they cost is in no total",
            evidence={"unpriced_count": count, "request_count": of},
        )
