"""An anomaly: a day of a scope, what is unusual about it, and the figures behind that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

__all__ = ["Anomaly", "AnomalyKind"]


class AnomalyKind(StrEnum):
    """What is unusual."""

    SPEND_SPIKE = "spend_spike"
    SPEND_DROP = "spend_drop"
    NEW_MODEL = "new_model"
    NEW_SPENDER = "new_spender"
    UNPRICED_SPEND = "unpriced_spend"
    COST_PER_CALL_JUMP = "cost_per_call_jump"
    CACHE_READ_COLLAPSE = "cache_read_collapse"
    ERROR_STORM = "error_storm"
    RETRY_STORM = "retry_storm"
    CONSTANT_VALUES = "constant_values"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A settled day that is not as expected.

    Attributes:
        scope_type: all, provider, model, team, project, environment, user or key.
        scope_value: the value; of users and keys the keyed hash.
        usage_on: the UTC day.
        kind: what is unusual.
        explanation: one sentence for a person.
        observed_usd: what was spent. None: it is not about money, or unknown.
        expected_usd: what was expected without knowing the day. None: nothing was.
        score: robust standard deviations from usual. None: the kind has no scale.
        impact_usd: dollars above what was expected. None: unknown.
        evidence: the figures behind it.
    """

    scope_type: str
    scope_value: str
    usage_on: date
    kind: AnomalyKind
    explanation: str
    observed_usd: float | None = None
    expected_usd: float | None = None
    score: float | None = None
    impact_usd: float | None = None
    evidence: Mapping[str, float | int | str] = field(default_factory=dict[str, float | int | str])
