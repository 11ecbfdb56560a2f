"""From the overview to the answers of the API. What is unknown is 0 there, and named false in `availability`."""

from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version

from sophia_metrics.costs.budgets import HeldBudget, Period
from sophia_metrics.dashboard.alert_answers import cost_alerts
from sophia_metrics.dashboard.overview import Budget, ModelUse, Overview, ServiceState
from sophia_metrics.dashboard.shapes import (
    Advice,
    AdviceChange,
    AdviceSuggestion,
    BudgetAnswer,
    BudgetStatus,
    CacheStats,
    HealthAnswer,
    HealthComponent,
    HeldBudgetAnswer,
    LlmStats,
    Performance,
    ProviderUse,
    RequestTrend,
)

__all__ = ["advice", "budget_answer", "cache_stats", "health_answer", "held_budget", "llm_stats", "performance"]

ZERO = Decimal(0)
UNKNOWN = "unknown"
SNOWFLAKE = "snowflake"


class _Availability(dict[str, bool]):
    """Notes for each figure whether it is known, and gives what stands for an unknown one."""

    def money(self, name: str, value: Decimal | None) -> Decimal:
        self[name] = value is not None
        return ZERO if value is None else value

    def number(self, name: str, value: float | None) -> float:
        self[name] = value is not None
        return 0.0 if value is None else value

    def whole(self, name: str, value: float | None) -> int:
        return round(self.number(name, value))

    def word(self, name: str, value: str | None) -> str:
        self[name] = value is not None
        return UNKNOWN if value is None else value


def llm_stats(overview: Overview) -> LlmStats:
    """Return what `GET /api/v1/llm/stats` answers."""
    known = _Availability()
    today, yesterday, cache = overview.today, overview.yesterday, overview.cache
    known["daily_cost.complete"] = not today.unpriced_count
    known["monthly_cost.complete"] = not overview.month.unpriced_count
    return LlmStats(
        daily_cost=known.money("daily_cost", overview.today_usd),
        monthly_cost=known.money("monthly_cost", overview.month_usd),
        cost_change=known.number("cost_change", overview.cost_change_percent),
        daily_requests=known.whole("daily_requests", today.request_count if overview.is_today_known else None),
        request_change=known.number("request_change", _change(today.request_count, yesterday.request_count)),
        avg_response_time=known.whole("avg_response_time", today.mean_ms),
        response_time_change=known.number("response_time_change", _change(today.mean_ms, yesterday.mean_ms)),
        cache_hit_rate=known.number("cache_hit_rate", _percentage(cache.hit_ratio)),
        cache_improvement=known.number("cache_improvement", cache.gain_points),
        alerts=cost_alerts(overview, overview.open_alerts),
        budget_status=_budget_status(overview, known),
        providers=tuple(_provider(overview, each, known) for each in overview.models),
        task_costs=_task_costs(overview, known),
        request_trend=_trend(overview, known),
        snowflake_savings=known.money("snowflake_savings", None),
        data_movement_avoided=known.number("data_movement_avoided", None),
        snowflake_percentage=known.number("snowflake_percentage", _snowflake_share(overview)),
        availability=known,
    )


def advice(overview: Overview) -> Advice:
    """Return what `GET /api/v1/llm/advice` answers."""
    return Advice(
        changes=tuple(
            AdviceChange(
                period_pair=each.period_pair,
                start_on=each.start_on,
                end_on=each.end_on,
                before_start_on=each.before_start_on,
                before_end_on=each.before_end_on,
                change=each.change_usd,
                effects=dict(each.effects),
                complete=not each.unpriced_count,
            )
            for each in overview.changes
        ),
        suggestions=tuple(
            AdviceSuggestion(
                kind=each.kind,
                subject=each.subject,
                message=each.message,
                action=each.action,
                saving=each.saving_usd,
                saving_low=each.saving_low_usd,
                saving_high=each.saving_high_usd,
            )
            for each in overview.suggestions
        ),
    )


def performance(overview: Overview) -> Performance:
    """Return what `GET /api/v1/performance` answers: the four cards."""
    known = _Availability()
    return Performance(
        cache_hit_rate=known.number("cache_hit_rate", _percentage(overview.metric("cache_hit_ratio"))),
        avg_response_time=known.whole("avg_response_time", overview.metric("avg_response_ms")),
        active_sessions=known.whole("active_sessions", overview.metric("active_sessions")),
        system_health=known.word("system_health", overview.system_health),
        availability=known,
    )


def cache_stats(overview: Overview) -> CacheStats:
    """Return what `GET /api/cache/stats` answers: the caches' own count of today, else what the calls say."""
    known = _Availability()
    cache = overview.cache
    total, hits = (
        (cache.lookup_count, cache.hit_count) if cache.lookup_count else (cache.known_count, cache.answered_count)
    )
    is_known = total > 0
    return CacheStats(
        hits=known.whole("hits", hits if is_known else None),
        misses=known.whole("misses", total - hits if is_known else None),
        hit_rate=known.number("hit_rate", cache.hit_ratio),
        total_queries=known.whole("total_queries", total if is_known else None),
        cache_size=known.whole("cache_size", cache.entry_count),
        avg_similarity=known.number("avg_similarity", None),
        model=known.word("model", None),
        threshold=known.number("threshold", None),
        availability=known,
    )


def health_answer(overview: Overview) -> HealthAnswer:
    """Return what `GET /api/v1/health` answers; no service at all is unknown, never healthy."""
    known = _Availability()
    return HealthAnswer(
        server="sophia-metrics",
        version=version("sophia-metrics"),
        status=known.word("status", overview.system_health),
        timestamp=overview.read_at,
        components={each.service: _component(each) for each in overview.services},
        availability=known,
    )


def budget_answer(limits: Mapping[Period, Decimal]) -> BudgetAnswer:
    """Return what `POST /api/v1/llm/budget/set` answers."""
    known = _Availability()
    return BudgetAnswer(
        status="success",
        daily_budget=known.money("daily_budget", limits.get("day")),
        monthly_budget=known.money("monthly_budget", limits.get("month")),
        availability=known,
    )


def held_budget(held: HeldBudget) -> HeldBudgetAnswer:
    """Return a budget as `/api/v1/budgets` has it."""
    budget = held.budget
    return HeldBudgetAnswer(
        name=budget.name,
        scope=str(budget.scope),
        period=budget.period,
        start_day=budget.start_day,
        time_zone=budget.time_zone,
        limit_usd=budget.limit_usd,
        thresholds=budget.thresholds,
        forecast_thresholds=budget.forecast_thresholds,
        origin=held.origin,
        valid_from_at=held.valid_from_at,
        valid_to_at=held.valid_to_at,
    )


def _component(service: ServiceState) -> HealthComponent:
    status = UNKNOWN if service.is_stale else service.status
    return HealthComponent(
        status=status,
        response_time_ms=service.latency_ms,
        error_message=None if status == "healthy" else service.message,
    )


def _budget_status(overview: Overview, known: _Availability) -> BudgetStatus:
    daily, monthly = overview.whole_budget("day"), overview.whole_budget("month")
    by_day, by_month = _used(daily, overview.today_usd), _used(monthly, overview.month_usd)
    projected = overview.projection.projected_p50_usd if overview.projection else None
    prefix = "budget_status"
    known[f"{prefix}.is_over_budget"] = by_day is not None or by_month is not None
    return BudgetStatus(
        daily_budget=known.money(f"{prefix}.daily_budget", daily.limit_usd if daily else None),
        monthly_budget=known.money(f"{prefix}.monthly_budget", monthly.limit_usd if monthly else None),
        daily_cost=known.money(f"{prefix}.daily_cost", overview.today_usd),
        monthly_cost=known.money(f"{prefix}.monthly_cost", overview.month_usd),
        projected_monthly=known.money(f"{prefix}.projected_monthly", projected),
        is_over_budget=any(used is not None and used >= 1 for used in (by_day, by_month)),
        budget_utilization_daily=known.number(f"{prefix}.budget_utilization_daily", _percentage(by_day)),
        budget_utilization_monthly=known.number(f"{prefix}.budget_utilization_monthly", _percentage(by_month)),
    )


def _used(budget: Budget | None, spent: Decimal | None) -> float | None:
    """Return spent ÷ limit. None: there is no budget, it is zero, or nobody knows what was spent."""
    if budget is None or spent is None or budget.limit_usd <= 0:
        return None
    return float(spent / budget.limit_usd)


def _provider(overview: Overview, use: ModelUse, known: _Availability) -> ProviderUse:
    """Return one model; only what is unknown of it gets a name in `availability`."""
    unknown = _Availability()
    mean_ms = use.latency_ms_sum / use.latency_count if use.latency_ms_sum is not None and use.latency_count else None
    mine = (each for each in overview.operations if (each.provider, each.model) == (use.provider, use.model))
    named = next((each.operation for each in mine if each.operation != "(none)"), None)
    unknown["cost.complete"] = not use.unpriced_count
    answer = ProviderUse(
        provider=use.provider,
        model=use.model,
        requests=use.request_count,
        cost=unknown.money("cost", use.cost_usd),
        avg_latency=unknown.whole("avg_latency", mean_ms),
        primary_task_type=unknown.word("primary_task_type", named),
    )
    known |= {
        f"providers.{use.provider}/{use.model}.{name}": False for name, is_known in unknown.items() if not is_known
    }
    return answer


def _task_costs(overview: Overview, known: _Availability) -> dict[str, Decimal]:
    sums = [each for each in overview.operations if each.model is None]
    known["task_costs"] = bool(sums) and all(each.cost_usd is not None for each in sums)
    return {each.operation: each.cost_usd for each in sums if each.cost_usd is not None}


def _trend(overview: Overview, known: _Availability) -> RequestTrend:
    first_on, _ = overview.trend[0]
    known["request_trend"] = overview.data_from_on is not None and overview.data_from_on <= first_on
    return RequestTrend(
        labels=tuple(f"{day:%b %d}" for day, _ in overview.trend),
        values=tuple(count for _, count in overview.trend),
    )


def _snowflake_share(overview: Overview) -> float | None:
    if not overview.month.request_count:
        return None
    calls = sum(each.request_count for each in overview.models if each.provider.startswith(SNOWFLAKE))
    return calls / overview.month.request_count * 100


def _change(now: float | None, before: float | None) -> float | None:
    """Return the change in percent. None: one of the two is unknown or zero."""
    if not now or not before:
        return None
    return (now - before) / before * 100


def _percentage(ratio: float | None) -> float | None:
    return None if ratio is None else ratio * 100
