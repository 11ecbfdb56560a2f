"""From the claims of a window to suggestions: pure functions over frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from sophia_metrics.suggestions.saving import between, bootstrap, per_month
from sophia_metrics.suggestions.suggestion import Saving, Suggestion, suggestion_id
from sophia_metrics.suggestions.window import WindowDays
from sophia_metrics.suggestions.wording import WORDING, wording

__all__ = ["Limits", "claimed_suggestions", "costly_models", "unread_writes"]

ZERO = Decimal(0)
STEADY_DAYS = 7
"""A batch job is worth setting up where calls come on so many days of the window."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is worth a word: dollars in 30 days, and dollars for the mean call of a model."""

    min_saving_usd: Decimal
    costly_call_usd: Decimal


def claimed_suggestions(claims: pl.DataFrame, window: WindowDays, limits: Limits) -> Iterator[Suggestion]:
    """Yield a suggestion for each model of a team and each change that its calls are claimed by.

    Args:
        claims: rows of claimed_calls.sql with the columns of claim_costs.sql.
        window: the days.
        limits: what is worth a word.
    """
    for (claim, provider, model, team), rows in _groups(claims, ("claim", "provider", "model", "team")):
        kind = str(claim)
        if kind not in WORDING or (kind == "batch_candidate" and rows["usage_on"].n_unique() < STEADY_DAYS):
            continue
        subject = _subject(provider, model, team)
        saving = (
            _prefix_saving(rows, window) if kind == "missing_prompt_cache" else _saving(kind, subject, rows, window)
        )
        cost = sum(rows["claimable_usd"], ZERO)
        worth = per_month(cost, len(window.days)) if saving.usd is None else saving.usd
        if worth < limits.min_saving_usd or worth <= 0:
            continue
        names = sorted(set(rows["alternative"].drop_nulls()))
        calls = int(rows["call_count"].sum())
        message, action = wording(kind, calls=calls, cost=cost, names=names, is_known=saving.usd is not None)
        facts = {
            "call_count": calls,
            "cost_usd": sum(rows["cost_usd"], ZERO),
            "active_day_count": rows["usage_on"].n_unique(),
            "day_count": len(window.days),
            **({"alternative": ", ".join(names)} if names else {}),
        }
        yield Suggestion(kind, subject, message, action, saving, facts, window.first_on, window.last_on)


def unread_writes(caches: pl.DataFrame, window: WindowDays, limits: Limits) -> Iterator[Suggestion]:
    """Yield a suggestion where writing to prompt caches costs more than reading from them saves.

    Args:
        caches: rows of unread_cache_writes.sql.
        window: the days.
        limits: what is worth a word.
    """
    kind = "cache_writes_unread"
    for (provider, model, team), rows in _groups(caches, ("provider", "model", "team")):
        subject = _subject(provider, model, team)
        lost = {row["usage_on"]: -row["prompt_cache_saving_usd"] for row in rows.iter_rows(named=True)}
        saving = bootstrap(_by_day(lost, window), suggestion_id(kind, subject))
        if saving.usd is None or saving.usd <= 0 or saving.usd < limits.min_saving_usd:
            continue
        written, read = int(rows["cache_write_tokens"].sum()), int(rows["cache_read_tokens"].sum())
        message, action = wording(kind, calls=written, cost=sum(lost.values(), ZERO), names=[str(read)], is_known=True)
        facts = {"cache_write_tokens": written, "cache_read_tokens": read, "day_count": len(window.days)}
        yield Suggestion(kind, subject, message, action, saving, facts, window.first_on, window.last_on)


def costly_models(used: pl.DataFrame, window: WindowDays, limits: Limits) -> Iterator[Suggestion]:
    """Yield a suggestion for each model whose mean call costs more than a limit.

    It has no number of its own: what a cheaper model would save is in other suggestions.

    Args:
        used: rows of used_models.sql.
        window: the days.
        limits: what is worth a word.
    """
    kind = "model_optimization"
    for (provider, model), rows in _groups(used, ("provider", "model")):
        calls, cost = int(rows["call_count"].sum()), sum(rows["cost_usd"], ZERO)
        if not calls or cost / calls <= limits.costly_call_usd:
            continue
        if per_month(cost, len(window.days)) < limits.min_saving_usd:
            continue
        mean = (cost / calls).quantize(Decimal("0.0001"))
        message, action = wording(kind, calls=calls, cost=cost, names=[f"{mean:f}"], is_known=False)
        facts = {"call_count": calls, "cost_usd": cost, "cost_per_request_usd": mean, "day_count": len(window.days)}
        subject = f"{provider}/{model}"
        yield Suggestion(kind, subject, message, action, Saving(), facts, window.first_on, window.last_on)


def _saving(kind: str, subject: str, rows: pl.DataFrame, window: WindowDays) -> Saving:
    by_day: dict[date, Decimal] = {}
    for row in rows.iter_rows(named=True):
        saved = _saved(kind, row)
        if saved is None:
            return Saving()
        by_day[row["usage_on"]] = by_day.get(row["usage_on"], ZERO) + saved
    return bootstrap(_by_day(by_day, window), suggestion_id(kind, subject))


def _saved(kind: str, row: Mapping[str, Any]) -> Decimal | None:
    """Return what claimed calls would not have cost. None: the price of the alternative is unknown."""
    if kind == "oversized_outputs":
        return row["excess_usd"]
    if kind in {"repeated_prompts", "retries"}:
        return row["claimable_usd"]
    return None if row["other_usd"] is None else row["claimable_usd"] - row["other_usd"]


def _prefix_saving(rows: pl.DataFrame, window: WindowDays) -> Saving:
    least, most = rows["least_prefix_usd"], rows["whole_prefix_usd"]
    if least.null_count() or most.null_count():
        return Saving()
    return between(
        sum(least, ZERO),
        sum(most, ZERO),
        len(window.days),
        "from 1,024 tokens to the shortest prompt with that prefix",
    )


def _by_day(amounts: Mapping[date, Decimal], window: WindowDays) -> list[Decimal]:
    return [amounts.get(day, ZERO) for day in window.days]


def _groups(frame: pl.DataFrame, keys: Sequence[str]) -> Iterable[tuple[tuple[Any, ...], pl.DataFrame]]:
    return sorted(frame.group_by(*keys), key=lambda each: [str(part) for part in each[0]])


def _subject(provider: object, model: object, team: object) -> str:
    return f"{provider}/{model}" + ("" if team == "(none)" else f" of {team}")
