"""Noting prices that drift: the price source is looked at, what it says now is learnt, and what differs is kept."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey, service_tier
from sophia_metrics.pricing.drift import LOOKED_BACK, Drift, find_drifts, known_cards
from sophia_metrics.pricing.knowledge import learn
from sophia_metrics.schema import findings, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Learning, Query, Record, Warehouse

__all__ = ["note_price_drift"]

Subject = tuple[str, str, str]
"""Provider, model and service tier."""
Name = tuple[str, str, str, str, datetime]
NAME = findings.PRICE_DRIFTS.key
"""Provider, model, kind of price, service tier, and the instant of finding."""

SPEND = """
SELECT provider, route, model, service_tier, SUM(cost_usd) AS cost_usd
FROM core_usage_events
WHERE source_role = 'ledger'
GROUP BY provider, route, model, service_tier
"""


def note_price_drift(warehouse: Warehouse, book: PriceBook, now: datetime) -> tuple[Drift, ...]:
    """Compare the price source with what was known of the models in use, and keep what changed in core_price_drifts.

    In use are the models of the last 28 days. What the source says is learnt on the way, so usage from now on has the
    new price; what is priced stays until somebody orders otherwise. A change is noted once, whoever learnt it.

    Args:
        warehouse: where usage and prices are.
        book: the price source.
        now: the present (naive UTC).

    Returns:
        What was noted just now.
    """
    spend = _spend(warehouse, now)
    known = _read_cards(warehouse)
    learned = learn(known, book.resolve(spend), now)
    if not learned.is_empty:
        warehouse.commit(Learning(learned))
        known = _read_cards(warehouse)
    units = warehouse.read(Query("SELECT price_id, unit, rate_usd FROM core_price_card_units"))
    used = (each for each in known_cards(known, units) if each.card.key in spend)
    found = _by_name(find_drifts(used, now - LOOKED_BACK), spend)
    noted = set(warehouse.read(Query(f"SELECT {', '.join(NAME)} FROM core_price_drifts")).rows())
    drifts = tuple(drift for name, drift in found.items() if name not in noted)
    if drifts:
        warehouse.record(Record({findings.PRICE_DRIFTS.name: _frame(drifts, spend)}))
    return drifts


def _spend(warehouse: Warehouse, now: datetime) -> dict[PriceKey, Decimal | None]:
    """Return what each price key in use cost, in dollars. None: no cost of its calls is known."""
    last = now.date()
    days = tuple(last - timedelta(days=back) for back in range(LOOKED_BACK.days, -1, -1))
    spend: dict[PriceKey, Decimal | None] = {}
    for provider, route, model, tier, cost in warehouse.read(Query(SPEND, days=days)).iter_rows():
        key = PriceKey(provider or "", route, model or "", service_tier(tier))
        spend[key] = _sum((spend.get(key), cost))
    return spend


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    known = [each for each in costs if each is not None]
    return sum(known, Decimal(0)) if known else None


def _read_cards(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.read(Query(f"SELECT {', '.join(state.PRICE_CARDS.names)} FROM core_price_cards"))


def _by_name(drifts: Iterable[Drift], spend: Mapping[PriceKey, Decimal | None]) -> dict[Name, Drift]:
    """Return one drift for each key of the table: of several routes, the one through which most was spent."""
    chosen: dict[Name, Drift] = {}
    for drift in sorted(drifts, key=lambda drift: spend.get(drift.key) or Decimal(0)):
        key = drift.key
        chosen[key.provider, key.model, drift.price_kind, key.service_tier, drift.found_at] = drift
    return chosen


def _frame(drifts: Iterable[Drift], spend: Mapping[PriceKey, Decimal | None]) -> pl.DataFrame:
    by_subject: defaultdict[Subject, list[Decimal | None]] = defaultdict(list)
    for key, cost in spend.items():
        by_subject[key.provider, key.model, key.service_tier].append(cost)
    rows = [
        {
            "provider": drift.key.provider,
            "model": drift.key.model,
            "service_tier": drift.key.service_tier,
            "price_kind": drift.price_kind,
            "rate_before_usd": drift.rate_before_usd,
            "rate_after_usd": drift.rate_after_usd,
            "change_ratio": drift.change_ratio,
            "origin": drift.origin,
            "effective_from_at": drift.effective_from_at,
            "spend_28d_usd": _sum(by_subject[drift.key.provider, drift.key.model, drift.key.service_tier]),
            "found_at": drift.found_at,
        }
        for drift in drifts
    ]
    return pl.DataFrame(rows, schema=polars_schema(findings.PRICE_DRIFTS))
