"""The answers of the API, field by field as the Sophia AI dashboard reads them.

A figure that must not be null and is unknown is 0 (or "unknown"), and `availability` says false for its name.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from sophia_metrics.costs.budgets import DEFAULT_FORECAST_THRESHOLDS, DEFAULT_THRESHOLDS

__all__ = [
    "Advice",
    "AdviceChange",
    "AdviceSuggestion",
    "AlertAcknowledgement",
    "AlertGroup",
    "AlertSilence",
    "AlertType",
    "BudgetAnswer",
    "BudgetStatus",
    "BudgetTerms",
    "CacheStats",
    "CostAlert",
    "HandledAlert",
    "HealthAnswer",
    "HealthComponent",
    "HeldBudgetAnswer",
    "LlmStats",
    "Performance",
    "ProviderUse",
    "RequestTrend",
    "Severity",
    "Shape",
]

Usd = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
"""Dollars: Decimal here, a number in JSON, because the dashboard calls toFixed on it."""
Share = Usd
"""A share of a limit, in the same way."""
Instant = Annotated[
    datetime, PlainSerializer(lambda at: f"{at.isoformat(timespec='seconds')}Z", return_type=str, when_used="json")
]
"""Naive UTC here, with a Z in JSON."""
Severity = Literal["info", "warning", "critical"]
AlertType = Literal["daily_budget", "monthly_budget", "spike", "projection"]


class Shape(BaseModel):
    """An answer: frozen, and with no field that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CostAlert(Shape):
    """An alert about cost."""

    title: str
    message: str
    severity: Severity
    timestamp: Instant
    alert_type: AlertType


class AlertAcknowledgement(Shape):
    """Who looks after an alert, since when, and what they say; null: they did not say."""

    acknowledged_at: Instant
    acknowledged_by: str | None
    note: str | None


class AlertSilence(Shape):
    """The silence that keeps an alert back. `ends_at` null: until somebody ends it."""

    reason: str | None
    created_by: str | None
    ends_at: Instant | None


class AlertGroup(Shape):
    """Alerts that came in one message: those with the same id, and how many they are."""

    group_id: str
    alert_count: int


class HandledAlert(Shape):
    """An alert of any kind, and how it is handled.

    `kept_back_by` is what keeps its beginning back, or its reminders once it fires: `silence/<id>`,
    `maintenance/<name>`, `service/<name>` (one that it needs is down), `alert/<rule>` (a graver one), `cool-down`.
    """

    episode_id: str
    rule: str
    kind: str
    severity: Severity
    subject: str
    state: str
    message: str
    opened_at: Instant
    resolved_at: Instant | None
    acknowledgement: AlertAcknowledgement | None
    kept_back_by: str | None
    silence: AlertSilence | None
    group: AlertGroup | None


class BudgetStatus(Shape):
    """The budgets of all spend, for a day and for a month; utilizations are percentages."""

    daily_budget: Usd
    monthly_budget: Usd
    daily_cost: Usd
    monthly_cost: Usd
    projected_monthly: Usd
    is_over_budget: bool
    budget_utilization_daily: float
    budget_utilization_monthly: float


class BudgetAnswer(Shape):
    """`POST /api/v1/llm/budget/set`: the limits that hold now."""

    status: Literal["success"]
    daily_budget: Usd
    monthly_budget: Usd
    availability: dict[str, bool]


class BudgetTerms(Shape):
    """What `PUT /api/v1/budgets/{name}` takes, with the defaults of `sophia-metrics budgets set`.

    `time_zone` null: that of the settings. `from_on` null: from now on; else from the beginning of that day of the
    time zone. What a budget may be is said by the same rules as on the command line.
    """

    limit_usd: Decimal
    period: str = "month"
    scope: str = "all"
    time_zone: str | None = None
    start_day: int = 1
    thresholds: tuple[Decimal, ...] = DEFAULT_THRESHOLDS
    forecast_thresholds: tuple[Decimal, ...] = DEFAULT_FORECAST_THRESHOLDS
    from_on: date | None = None


class HeldBudgetAnswer(Shape):
    """A budget, who gave it (`configured` in sophia.toml, or `set`), and from when to when it holds.

    `valid_to_at` null: until further notice.
    """

    name: str
    scope: str
    period: str
    start_day: int
    time_zone: str
    limit_usd: Usd
    thresholds: tuple[Share, ...]
    forecast_thresholds: tuple[Share, ...]
    origin: Literal["configured", "set"]
    valid_from_at: Instant
    valid_to_at: Instant | None


class ProviderUse(Shape):
    """One model, in the month to date; `avg_latency` is in milliseconds. (provider, model) is unique."""

    provider: str
    model: str
    requests: int
    cost: Usd
    avg_latency: int
    primary_task_type: str


class RequestTrend(Shape):
    """Calls by day, today last."""

    labels: tuple[str, ...]
    values: tuple[int, ...]


class LlmStats(Shape):
    """`GET /api/v1/llm/stats`. Changes are percentages against yesterday up to the same time of day."""

    daily_cost: Usd
    monthly_cost: Usd
    cost_change: float
    daily_requests: int
    request_change: float
    avg_response_time: int
    response_time_change: float
    cache_hit_rate: float
    cache_improvement: float
    alerts: tuple[CostAlert, ...]
    budget_status: BudgetStatus
    providers: tuple[ProviderUse, ...]
    task_costs: dict[str, Usd]
    request_trend: RequestTrend
    snowflake_savings: Usd
    data_movement_avoided: float
    snowflake_percentage: float
    availability: dict[str, bool]


class AdviceSuggestion(Shape):
    """Something to do, and what it would save in 30 days. None: unknown."""

    kind: str
    subject: str
    message: str
    action: str
    saving: Usd | None
    saving_low: Usd | None
    saving_high: Usd | None


class AdviceChange(Shape):
    """By how much all spend changed between two periods of settled UTC days; the effects add up to it."""

    period_pair: str
    start_on: date
    end_on: date
    before_start_on: date
    before_end_on: date
    change: Usd
    effects: dict[str, Usd]
    complete: bool


class Advice(Shape):
    """`GET /api/v1/llm/advice`: why spend changed, and what to do."""

    changes: tuple[AdviceChange, ...]
    suggestions: tuple[AdviceSuggestion, ...]


class Performance(Shape):
    """`GET /api/v1/performance`: the last 15 minutes of data; a percentage, milliseconds, a count, a word."""

    cache_hit_rate: float
    avg_response_time: int
    active_sessions: int
    system_health: str
    availability: dict[str, bool]


class CacheStats(Shape):
    """`GET /api/cache/stats`: today's lookups of the response caches; `hit_rate` is from 0 to 1."""

    hits: int
    misses: int
    hit_rate: float
    total_queries: int
    cache_size: int
    avg_similarity: float
    model: str
    threshold: float
    availability: dict[str, bool]


class HealthComponent(Shape):
    """One service. `response_time_ms` None: it did not answer, or was not asked."""

    status: str
    response_time_ms: float | None
    error_message: str | None


class HealthAnswer(Shape):
    """`GET /api/v1/health`: the services that are probed, and the worst of the required ones."""

    server: str
    version: str
    status: str
    timestamp: Instant
    components: dict[str, HealthComponent]
    availability: dict[str, bool]
