"""One day of the sample data: how many calls, when, by whom, and how each of them went."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sophia_metrics.usage.sample_world import (
    HOUR_WEIGHTS,
    MODEL_WEIGHTS,
    MODELS,
    TEAM_WEIGHTS,
    TEAMS,
    SampleModel,
)

__all__ = ["SampleCall", "sample_calls"]

SampleCall = dict[str, object]
"""One row of the project's own event format."""

TOKEN_KEYS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
KEYS = (
    "id",
    "started_at",
    "ended_at",
    "provider",
    "route",
    "model",
    "operation",
    "service_tier",
    "status",
    "error_class",
    "team",
    "project",
    "environment",
    "user",
    "api_key",
    "session",
    "tags",
    *TOKEN_KEYS,
    "latency_ms",
    "ttft_ms",
    "is_cache_hit",
    "is_stream",
    "finish_reason",
    "cost",
    "currency",
)

CALLS_A_WEEKDAY = 165
GROWTH_A_DAY = 0.0009
GROWTH_FROM = date(2026, 1, 1)
LEAST_GROWTH = 0.7
WEEKEND_SHARE = 0.3
SATURDAY = 5

RESPONSE_CACHE_SHARE, BATCH_SHARE, LONG_INPUT_SHARE, CUT_OFF_SHARE = 0.10, 0.08, 0.03, 0.02
STREAM_SHARE, PRODUCTION_SHARE = 0.6, 0.88
PROMPT_CACHE_SHARE, CACHE_WRITE_SHARE, ONE_HOUR_SHARE = 0.8, 0.15, 0.1
OUTCOMES = ("ok", "rate_limit", "timeout", "cancelled")
OUTCOME_WEIGHTS = (972, 17, 6, 5)
LONG_INPUT_TOKENS = 210_000
BATCH_MS = 1_800_000


def sample_calls(day: date) -> list[SampleCall]:
    """Return the calls of a UTC day in order of time; the same list for the same day, always."""
    dice = Random(f"sophia-metrics sample {day.isoformat()}")  # noqa: S311 - made-up data, not a secret
    starts = sorted(_start(dice, day) for _ in range(_call_count(dice, day)))
    return [_call(dice, ordinal, started_at) for ordinal, started_at in enumerate(starts)]


def _call_count(dice: Random, day: date) -> int:
    growth = max(LEAST_GROWTH, 1 + GROWTH_A_DAY * (day - GROWTH_FROM).days)
    rhythm = WEEKEND_SHARE if day.weekday() >= SATURDAY else 1.0
    return round(CALLS_A_WEEKDAY * growth * rhythm * dice.uniform(0.9, 1.1))


def _start(dice: Random, day: date) -> datetime:
    hour = dice.choices(range(24), HOUR_WEIGHTS)[0]
    into_hour = timedelta(milliseconds=dice.randrange(3_600_000))
    return datetime.combine(day, time(hour), tzinfo=UTC) + into_hour


def _call(dice: Random, ordinal: int, started_at: datetime) -> SampleCall:
    model = dice.choices(MODELS, MODEL_WEIGHTS)[0]
    call = _caller(dice, started_at) | {
        "provider": model.provider,
        "route": model.route,
        "model": model.model,
        "operation": model.operation,
        "service_tier": "standard",
        "is_stream": model.operation == "chat" and dice.random() < STREAM_SHARE,
        "is_cache_hit": False,
        "status": "ok",
    }
    outcome = dice.choices(OUTCOMES, OUTCOME_WEIGHTS)[0]
    is_cached = model.operation == "chat" and dice.random() < RESPONSE_CACHE_SHARE
    if outcome != "ok":
        call |= _failed(dice, outcome)
    elif is_cached:
        call |= _cache_hit(dice)
    else:
        call |= _tokens(dice, model)
        call |= _speed(dice, model, call)
    return _row(call, ordinal, started_at)


def _caller(dice: Random, started_at: datetime) -> SampleCall:
    team = dice.choices(TEAMS, TEAM_WEIGHTS)[0]
    project = dice.choice(team.projects)
    environment = "production" if dice.random() < PRODUCTION_SHARE else "staging"
    return {
        "team": team.name,
        "project": project,
        "environment": environment,
        "user": f"{team.name}-{dice.randrange(team.people) + 1}@example.com",
        "api_key": f"{project}-{environment}",
        "session": f"{project}-{started_at:%Y%m%d}-{dice.randrange(24)}",
        "tags": {"feature": dice.choice(team.features)},
    }


def _failed(dice: Random, outcome: str) -> SampleCall:
    """A refused call used nothing; what a call used that broke off nobody knows."""
    if outcome == "rate_limit":
        nothing = dict.fromkeys(TOKEN_KEYS, 0)
        return {"status": "error", "error_class": outcome, "latency_ms": dice.randrange(40, 160), **nothing}
    if outcome == "timeout":
        return {"status": "error", "error_class": outcome}
    return {"status": "cancelled"}


def _cache_hit(dice: Random) -> SampleCall:
    nothing = dict.fromkeys(TOKEN_KEYS, 0)
    return {"is_cache_hit": True, "latency_ms": dice.randrange(8, 60), **nothing}


def _tokens(dice: Random, model: SampleModel) -> SampleCall:
    total = max(12, round(model.input_tokens * dice.lognormvariate(0.0, 0.55)))
    if model.model == "gemini-2.5-pro" and dice.random() < LONG_INPUT_SHARE:
        total = LONG_INPUT_TOKENS + dice.randrange(40_000)
    output = round(model.output_tokens * dice.lognormvariate(0.0, 0.5))
    cached = round(total * model.cached_share) if dice.random() < PROMPT_CACHE_SHARE else 0
    written = cached if model.writes_cache and dice.random() < CACHE_WRITE_SHARE else 0
    for_an_hour = written if dice.random() < ONE_HOUR_SHARE else 0
    return {
        "input_tokens": total - cached,
        "cache_read_tokens": cached - written,
        "cache_write_5m_tokens": written - for_an_hour,
        "cache_write_1h_tokens": for_an_hour,
        "output_tokens": output,
        "reasoning_tokens": round(output * model.reasoning_share),
        **_reported(model, total, output),
    }


def _reported(model: SampleModel, total: int, output: int) -> SampleCall:
    if model.dollars_a_million is None:
        return {}
    for_input, for_output = (Decimal(price) / 1_000_000 for price in model.dollars_a_million)
    return {"cost": float(total * for_input + output * for_output), "currency": "USD"}


def _speed(dice: Random, model: SampleModel, call: SampleCall) -> SampleCall:
    if model.has_batch and dice.random() < BATCH_SHARE:
        wait = dice.randrange(BATCH_MS // 10, BATCH_MS)
        return {"service_tier": "batch", "is_stream": False, "latency_ms": wait, "finish_reason": "stop"}
    first = round(model.ms_to_first_token * dice.lognormvariate(0.0, 0.35))
    output = call["output_tokens"]
    rest = round(output * model.ms_a_token * dice.uniform(0.8, 1.3)) if isinstance(output, int) else 0
    return {
        "ttft_ms": first if call["is_stream"] else None,
        "latency_ms": first + rest,
        "finish_reason": None if not output else "length" if dice.random() < CUT_OFF_SHARE else "stop",
    }


def _row(call: SampleCall, ordinal: int, started_at: datetime) -> SampleCall:
    latency = call.get("latency_ms")
    ended_at = started_at + timedelta(milliseconds=latency) if isinstance(latency, int) else None
    known = call | {
        "id": f"sample-{started_at:%Y%m%d}-{ordinal:05d}",
        "started_at": _iso(started_at),
        "ended_at": None if ended_at is None else _iso(ended_at),
    }
    return {key: known.get(key) for key in KEYS}


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
