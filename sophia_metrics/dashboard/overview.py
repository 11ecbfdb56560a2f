"""Everything that the page and its API say, as values: one published version, seen at one minute.

Money is Decimal, in dollars; instants are naive UTC; None is unknown, never a zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sophia_metrics.costs.dashboard import PeriodChange
from sophia_metrics.costs.spend import SpendTable
from sophia_metrics.costs.suggestion_report import PublishedSuggestion
from sophia_metrics.dashboard.forecast import Forecast
from sophia_metrics.dashboard.handling import UNHANDLED, Handling
from sophia_metrics.health.late_flows import LateFlow
from sophia_metrics.serving import Held

__all__ = [
    "Alert",
    "Budget",
    "CacheState",
    "Card",
    "Check",
    "Freshness",
    "ModelUse",
    "OperationUse",
    "Overview",
    "Quality",
    "ServiceState",
    "Sums",
]


WHOLE = "all"
HEALTHY = "healthy"
FLOW = "flow:"
"""How the subject of a flow begins in mart_freshness."""
NO_WORDS = frozenset({"no data", "unknown", ""})


@dataclass(frozen=True, slots=True)
class Sums:
    """The calls of a window.

    Attributes:
        request_count: the calls.
        error_count: those of them that did not end well.
        unpriced_count: those that should have a cost and have none.
        cost_usd: the sum of the known costs. None: no cost is known.
        latency_ms_sum: the sum of the known latencies, in milliseconds. None: none is known.
        latency_count: the calls whose latency is known.
        newest_period_at: start of the newest quarter of an hour with calls. None: there are no calls.
    """

    request_count: int
    error_count: int
    unpriced_count: int
    cost_usd: Decimal | None
    latency_ms_sum: float | None
    latency_count: int
    newest_period_at: datetime | None

    @property
    def has_data(self) -> bool:
        """Whether anything was called at all."""
        return self.request_count > 0

    @property
    def mean_ms(self) -> float | None:
        """The mean latency over calls, in milliseconds."""
        if self.latency_ms_sum is None or not self.latency_count:
            return None
        return self.latency_ms_sum / self.latency_count


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What one model did in a window; as in Sums."""

    provider: str
    model: str
    request_count: int
    unpriced_count: int
    cost_usd: Decimal | None
    latency_ms_sum: float | None
    latency_count: int


@dataclass(frozen=True, slots=True)
class OperationUse:
    """What one model was used for in a window; `provider` and `model` None: all models together."""

    provider: str | None
    model: str | None
    operation: str
    request_count: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget in its newest period.

    Attributes:
        budget: its name.
        scope: the slice that it limits: `all`, or a kind and a value as in `team/search`.
        period: day or month.
        period_start_on: the first day of the period, as the budget's time zone counts.
        limit_usd: what may be spent.
        spent_usd: what was spent. None: no cost is known.
        spent_ratio: spent ÷ limit.
        projected_p10_usd: one time in ten the period ends below this. None: too little history.
        projected_p50_usd: the expected spend of the whole period.
        projected_p90_usd: one time in ten the period ends above this.
        breach_probability: how likely the limit is passed, from 0 to 1.
        projection_state: whether there is a projection, and how good it is, in a word.
        budget_state: over, warning, ok or no_data.
        data_through_at: as far as the data go.
    """

    budget: str
    scope: str
    period: str
    period_start_on: date
    limit_usd: Decimal
    spent_usd: Decimal | None
    spent_ratio: float | None
    projected_p10_usd: Decimal | None
    projected_p50_usd: Decimal | None
    projected_p90_usd: Decimal | None
    breach_probability: float | None
    projection_state: str
    budget_state: str
    data_through_at: datetime | None


@dataclass(frozen=True, slots=True)
class Card:
    """One figure of the last minutes of data. `metric_value` None: no data."""

    metric: str
    metric_value: float | None
    text_value: str
    window_minutes: int
    data_through_at: datetime | None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service. `latency_ms` is in milliseconds; `is_stale`: it was not probed in time, so it is unknown."""

    service: str
    status: str
    since_at: datetime | None
    last_probed_at: datetime | None
    latency_ms: float | None
    message: str | None
    is_stale: bool
    required_by: str | None


@dataclass(frozen=True, slots=True)
class CacheState:
    """The lookups of our response caches.

    Attributes:
        lookup_count: today's lookups.
        hit_count: today's lookups that were answered.
        known_count: today's calls that say whether a cache answered.
        answered_count: those of them that a cache answered.
        known_before_count: the same up to the same time of yesterday.
        answered_before_count: the same up to the same time of yesterday.
        entry_count: the entries of all caches, when each was last looked at. None: unknown.
    """

    lookup_count: int
    hit_count: int
    known_count: int
    answered_count: int
    known_before_count: int
    answered_before_count: int
    entry_count: int | None

    @property
    def hit_ratio(self) -> float | None:
        """Today's ratio: of the caches' own count, else of the calls that say it. None: nobody says."""
        if self.lookup_count:
            return self.hit_count / self.lookup_count
        return self.answered_count / self.known_count if self.known_count else None

    @property
    def gain_points(self) -> float | None:
        """How much more of the calls was answered than up to the same time of yesterday, in percentage points."""
        if not self.known_count or not self.known_before_count:
            return None
        now, before = (
            self.answered_count / self.known_count,
            self.answered_before_count / self.known_before_count,
        )
        return (now - before) * 100


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert episode that fired, or would have but for a silence.

    Attributes:
        episode_id: its id.
        kind: what is watched: budget, forecast, service, flow, anomaly or price.
        rule: the rule that fired.
        severity: warning or critical.
        subject: the name of the budget or service.
        state: firing, suppressed (nobody was told) or resolved.
        opened_at: since when its condition is met.
        resolved_at: when it ended. None: it holds.
        observed: what was seen last, as text. None: unknown.
        threshold: at what it fires, as text.
        message: one sentence for a person.
        handling: who looks after it, what keeps it back, and with which others it was told.
    """

    episode_id: str
    kind: str
    rule: str
    severity: str
    subject: str
    state: str
    opened_at: datetime
    resolved_at: datetime | None
    observed: str | None
    threshold: str
    message: str
    handling: Handling = UNHANDLED

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.resolved_at is None


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of the newest quality run that failed."""

    suite: str
    expectation: str
    severity: str
    dimension: str
    failed_count: int | None
    checked_count: int | None


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a source, or the table that sources feed, is. `newest_at` None: never collected."""

    subject: str
    newest_at: datetime | None
    expected_within_seconds: int
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Quality:
    """What the newest quality run says, and what is not in the figures.

    Attributes:
        passed_count: expectations that hold. None: no quality run is published.
        checks: those that do not.
        judged_at: when it judged. None: unknown.
        held: slices that the gate holds back, as (source, reason).
        withheld: why a newer version is held back, and since when. None: the version is the newest.
        quarantined_count: rows in quarantine that wait for a verdict.
    """

    passed_count: int | None
    checks: tuple[Check, ...]
    judged_at: datetime | None
    held: tuple[tuple[str, str], ...]
    withheld: Held | None
    quarantined_count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """One published version, seen at one minute.

    Attributes:
        version: its number.
        published_at: when it was published.
        is_sample: its figures are made up.
        read_at: the minute at which it was read.
        time_zone: IANA name of the zone that rules today and the month.
        today_on: today, in that zone.
        today_start_at: when it began.
        month_start_at: when the month began.
        compared_through_at: today and yesterday are compared up to this instant. None: today has no data.
        today: today so far.
        yesterday: yesterday, up to the same time of day.
        month: the month to date.
        data_from_on: first UTC day with data. None: there are none.
        data_through_on: last UTC day with data.
        models: the month by model, the dearest first.
        operations: the month by model and operation, and by operation.
        trend: calls on each of the last seven days, today included.
        spend: spend by UTC day and model. None: there are no data.
        forecast: of all spend. None: there are too few settled days for one.
        budgets: every budget in its newest period.
        cards: the last minutes of data, by metric.
        services: every service. Empty: none is probed.
        cache: the response caches.
        alerts: open episodes, the newest first, then those that ended, the newest first.
        is_alerting: the version has alerts at all, be it none that is open.
        changes: by how much all spend changed between two periods of settled days, and why.
        suggestions: what could be done to spend less, the largest saving first.
        quality: whether the figures can be trusted.
        freshness: by source, of the table of events, and of our own flows on a schedule.
        late_flows: our own flows that have not run when they were expected.
        lost_runs: (flow, start) of the runs of the last day that were killed, the newest first.
        newest_run: (flow, start, status) of the newest run of our own flows. None: unknown.
    """

    version: int
    published_at: datetime
    is_sample: bool
    read_at: datetime
    time_zone: str
    today_on: date
    today_start_at: datetime
    month_start_at: datetime
    compared_through_at: datetime | None
    today: Sums
    yesterday: Sums
    month: Sums
    data_from_on: date | None
    data_through_on: date | None
    models: tuple[ModelUse, ...]
    operations: tuple[OperationUse, ...]
    trend: tuple[tuple[date, int], ...]
    spend: SpendTable | None
    forecast: Forecast | None
    budgets: tuple[Budget, ...]
    cards: Mapping[str, Card]
    services: tuple[ServiceState, ...]
    cache: CacheState
    alerts: tuple[Alert, ...]
    is_alerting: bool
    changes: tuple[PeriodChange, ...]
    suggestions: tuple[PublishedSuggestion, ...]
    quality: Quality
    freshness: tuple[Freshness, ...]
    late_flows: tuple[LateFlow, ...]
    lost_runs: tuple[tuple[str, datetime], ...]
    newest_run: tuple[str, datetime, str] | None

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """The alerts that hold now."""
        return tuple(alert for alert in self.alerts if alert.is_open)

    @property
    def stale(self) -> tuple[Freshness, ...]:
        """What was not collected in time."""
        return tuple(each for each in self.freshness if each.is_stale and not each.subject.startswith(FLOW))

    @property
    def late(self) -> tuple[str, ...]:
        """What a person is told of each late flow."""
        return tuple(each.message(self.read_at) for each in self.late_flows)

    @property
    def is_today_known(self) -> bool:
        """Whether today's figures are data: there were calls, or every source was collected today and had none."""
        return self.today.has_data or self._is_collected_since(self.today_start_at)

    @property
    def is_month_known(self) -> bool:
        """The same of the month."""
        return self.month.has_data or self._is_collected_since(self.month_start_at)

    @property
    def today_usd(self) -> Decimal | None:
        """Spend today. None: unknown; an idle day is a zero."""
        return _spend(self.today, is_known=self.is_today_known)

    @property
    def month_usd(self) -> Decimal | None:
        """Spend of the month to date. None: unknown."""
        return _spend(self.month, is_known=self.is_month_known)

    @property
    def cost_change_percent(self) -> float | None:
        """Spend today against yesterday up to the same time of day. None: one of the two is no data, or zero."""
        now, before = self.today.cost_usd, self.yesterday.cost_usd
        if not self.today.has_data or now is None or not before:
            return None
        return float((now - before) / before * 100)

    @property
    def projection(self) -> Budget | None:
        """The budget of all spend for this month, if it projects where the month ends."""
        month = self.whole_budget("month")
        if month is None or month.projected_p50_usd is None:
            return None
        return month if month.period_start_on == self.today_on.replace(day=1) else None

    @property
    def system_health(self) -> str | None:
        """The worst of the services that matter, in a word. None: unknown.

        The word is as old as the version; what was not probed since in time makes it unknown, never healthy.
        """
        card = self.cards.get("system_health")
        if card is None or card.text_value in NO_WORDS:
            return None
        is_stale = [each.is_stale for each in self.services]
        if all(is_stale) or (any(is_stale) and card.text_value == HEALTHY):
            return None
        return card.text_value

    def metric(self, name: str) -> float | None:
        """Return the number of a card. None: no data."""
        card = self.cards.get(name)
        return card.metric_value if card else None

    def whole_budget(self, period: str) -> Budget | None:
        """Return the budget of all spend for a day or a month. None: there is none."""
        return next((each for each in self.budgets if each.scope == WHOLE and each.period == period), None)

    def _is_collected_since(self, instant: datetime) -> bool:
        sources = [each for each in self.freshness if not each.subject.startswith(("core_", FLOW))]
        return bool(sources) and all(each.newest_at is not None and each.newest_at >= instant for each in sources)


def _spend(sums: Sums, *, is_known: bool) -> Decimal | None:
    if not is_known:
        return None
    return sums.cost_usd if sums.has_data else Decimal(0)
