"""Finding suggestions: reads the calls of the last four settled weeks, and records what could be done."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib import resources

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_frame
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.schema import findings
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.suggestions.alternatives import Alternative, alternatives, cheaper_model
from sophia_metrics.suggestions.finding import Limits, claimed_suggestions, costly_models, unread_writes
from sophia_metrics.suggestions.settings import SuggestionSettings
from sophia_metrics.suggestions.suggestion import Suggestion
from sophia_metrics.suggestions.window import WindowDays, settled_window
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = ["find_suggestions", "suggest"]

LEAST_DAYS = 3
SELECT_KNOWN = f"SELECT {', '.join(findings.SUGGESTIONS.names)} FROM core_suggestions"
GROUP = ("usage_on", "provider", "route", "model", "team", "price_tier")


def find_suggestions(
    warehouse: Warehouse, now: datetime, *, book: PriceBook | None = None, settings: SuggestionSettings | None = None
) -> tuple[Suggestion, ...]:
    """Record what could be done to spend less, end what no longer holds, and return what does.

    Args:
        warehouse: core and marts, as they are committed and built now.
        now: the present (naive UTC).
        book: the prices of what calls are held against. None: the public list.
        settings: from when on something is worth a word. None: the defaults.
    """
    found = suggest(warehouse, now, book or PriceBook(), settings or SuggestionSettings())
    rows = _changed_rows(warehouse.read(Query(SELECT_KNOWN)), found, now)
    if rows:
        table = findings.SUGGESTIONS
        warehouse.record(Record({table.name: pl.DataFrame(rows, schema=polars_schema(table))}))
    return found


def suggest(
    warehouse: Warehouse, now: datetime, book: PriceBook, settings: SuggestionSettings
) -> tuple[Suggestion, ...]:
    """Return what could be done, the largest saving first, and record nothing; below 3 settled days nothing is."""
    window = settled_window(warehouse)
    if window is None or len(window.days) < LEAST_DAYS:
        return ()
    bounds = {"first_on": window.first_on, "last_on": window.last_on}
    used = warehouse.read(Query(_statement("used_models"), bounds, window.days))
    limits = Limits(settings.min_saving_usd, settings.costly_call_usd)
    priced = _claims(warehouse, window, used, book, settings, now)
    caches = warehouse.read(Query(_statement("unread_cache_writes"), bounds, window.days))
    found = [
        *claimed_suggestions(priced, window, limits),
        *unread_writes(caches, window, limits),
        *costly_models(used, window, limits),
    ]
    return tuple(sorted(found, key=lambda each: (each.saving.usd is None, -(each.saving.usd or 0), each.subject)))


def _claims(
    warehouse: Warehouse,
    window: WindowDays,
    used: pl.DataFrame,
    book: PriceBook,
    settings: SuggestionSettings,
    now: datetime,
) -> pl.DataFrame:
    """Return the claimed calls by day, with what they would have cost otherwise."""
    keys = {PriceKey(provider, route, model) for provider, route, model, *_ in used.iter_rows()}
    dear = sorted(
        f"{each.provider}/{each.model}" for each in keys if cheaper_model(each.model, settings.cheaper_models)
    )
    parameters = {
        "first_on": window.first_on,
        "last_on": window.last_on,
        "long_output_times": settings.long_output_times,
        "patient_operations": [*sorted({each.lower() for each in settings.patient_operations}), ""],
        "dear_models": [*dear, ""],
        "short_input_tokens": settings.short_input_tokens,
        "short_output_tokens": settings.short_output_tokens,
    }
    claims = warehouse.read(Query(_statement("claimed_calls"), parameters, window.days))
    openings = [pl.col(name).sum().over(GROUP) for name in ("opening_tokens", "opening_count")]
    others = _alternative_frame(alternatives(book, keys, settings.cheaper_models, now))
    with duckdb.connect() as connection:
        connection.register("claims", claims.with_columns(openings))
        connection.register("alternatives", others)
        costs = fetch_frame(connection, _statement("claim_costs", "pricing"))
    return claims.join(costs, on=[*GROUP, "claim"], nulls_equal=True)


def _alternative_frame(found: Iterable[Alternative]) -> pl.DataFrame:
    rate, text = pl.Decimal(38, 18), pl.String()
    names = ("rate_input_usd", "rate_cache_read_usd", "rate_cache_write_usd", "rate_output_usd")
    texts = ("claim", "provider", "route", "model", "price_tier", "alternative")
    rows = [
        (
            *(each.claim, each.key.provider, each.key.route, each.key.model, each.key.service_tier, each.name),
            *(
                (None, None, None, None)
                if each.rates is None
                else (each.rates.input, each.rates.cache_read, each.rates.cache_write_5m, each.rates.output)
            ),
        )
        for each in found
    ]
    return pl.DataFrame(rows, schema={**dict.fromkeys(texts, text), **dict.fromkeys(names, rate)}, orient="row")


def _changed_rows(known: pl.DataFrame, found: Sequence[Suggestion], now: datetime) -> list[dict[str, object]]:
    """Return the rows to record: what holds, computed now, and what has ended."""
    held = {row["suggestion_id"]: row for row in known.iter_rows(named=True) if row["ended_at"] is None}
    rows = [
        each.row(held[each.suggestion_id]["first_at"] if each.suggestion_id in held else now, now) for each in found
    ]
    ids = {each.suggestion_id for each in found}
    return [*rows, *({**row, "ended_at": now} for ident, row in held.items() if ident not in ids)]


def _statement(name: str, folder: str = "suggestions") -> str:
    return resources.files("sophia_metrics").joinpath("sql", folder, f"{name}.sql").read_text(encoding="utf-8")
