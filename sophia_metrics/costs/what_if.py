"""What if: a slice of history at the prices of another model, tier or way of caching. Nothing is written.

Calls are priced by the statements that price every call, with other cards. What they used stays as it was: another
model may need more or fewer tokens for the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from sophia_metrics.costs.change import Days
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import service_tier
from sophia_metrics.pricing.price import distinct_keys, load_cards, price_batch
from sophia_metrics.scopes import ALL, Scope
from sophia_metrics.suggestions.window import WindowDays
from sophia_metrics.usage.staging import STAGED_COLUMNS
from sophia_metrics.warehouse.protocol import Query, Warehouse
from sophia_metrics.working import working_connection

__all__ = ["CachePolicy", "ModelChange", "Swap", "WhatIf", "WhatIfOrder", "parse_swaps", "what_if"]

CachePolicy = Literal["off", "5m", "1h"]

CACHED = "coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)"
WRITTEN = "coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)"
CACHE_POLICIES: Mapping[CachePolicy, Mapping[str, str]] = {
    "off": {
        "input_tokens": f"CASE WHEN {CACHED} > 0 THEN coalesce(input_tokens, 0) + {CACHED} ELSE input_tokens END",
        "cache_read_tokens": "CAST(0 AS BIGINT)",
        "cache_write_5m_tokens": "CAST(0 AS BIGINT)",
        "cache_write_1h_tokens": "CAST(0 AS BIGINT)",
    },
    "5m": {"cache_write_5m_tokens": WRITTEN, "cache_write_1h_tokens": "CAST(0 AS BIGINT)"},
    "1h": {"cache_write_5m_tokens": "CAST(0 AS BIGINT)", "cache_write_1h_tokens": WRITTEN},
}
"""What becomes of the token columns: nothing is cached; or whatever is written is written for so long."""

SELECT_EVENTS = f"""
SELECT {", ".join(column.name for column in STAGED_COLUMNS)}, cost_usd, price_status
FROM core_usage_events
WHERE
    usage_on BETWEEN $first_on AND $last_on
    AND source_role = 'ledger'
    AND price_status <> 'subscription'
"""
OF_DIMENSION = """
    AND CASE CAST($scope_type AS VARCHAR)
        WHEN 'provider' THEN provider
        WHEN 'model' THEN model
        WHEN 'team' THEN COALESCE(team, '(none)')
        WHEN 'project' THEN COALESCE(project, '(none)')
        WHEN 'environment' THEN COALESCE(environment, '(none)')
        ELSE 'all'
    END = CAST($scope_value AS VARCHAR)
"""
OF_TAG = "AND tags IS NOT NULL AND (CONTAINS(tags, $as_first) OR CONTAINS(tags, $as_other))"
SELECT_UNITS = (
    "SELECT event_id, usage_on, started_at, unit, quantity FROM core_usage_units "
    "WHERE usage_on BETWEEN $first_on AND $last_on"
)
WITH_OTHERS = """
SELECT
    read_events.*,
    coalesce(swaps.other_provider, read_events.provider) AS other_provider,
    coalesce(swaps.other, read_events.model) AS other_model,
    coalesce(tiers.other, read_events.service_tier) AS other_tier
FROM read_events
LEFT JOIN swaps
    ON swaps.model = read_events.model AND coalesce(swaps.provider, read_events.provider) = read_events.provider
LEFT JOIN tiers
    ON tiers.tier = CASE
        WHEN coalesce(lower(trim(read_events.service_tier)), '') IN ('', 'auto', 'default') THEN 'standard'
        ELSE lower(trim(read_events.service_tier))
    END
"""
OTHERS = {
    "provider": "other_provider",
    "route": "CASE WHEN other_provider = provider THEN route END",
    "model": "other_model",
    "service_tier": "other_tier",
    "cost_reported": "CAST(NULL AS DECIMAL(38, 12))",
}
"""What becomes of the columns that a price depends on. What was billed then says nothing of another way."""
UNITS = """
CREATE TABLE units AS
SELECT event_id, usage_on, started_at, unit, quantity FROM read_units SEMI JOIN events USING (event_id)
"""
TERMS = """
CREATE TABLE source_terms AS
SELECT DISTINCT source, 'api' AS billing, CAST(NULL AS VARCHAR) AS reported_basis FROM events
"""
RATES = "CREATE TABLE fx_rates AS SELECT 'USD' AS currency, CAST(1 AS DECIMAL(38, 18)) AS rate"
SUMS = """
SELECT
    given_events.provider,
    given_events.model,
    priced_events.provider,
    priced_events.model,
    CAST(SUM(given_events.request_count) AS BIGINT),
    SUM(CASE WHEN is_known THEN CAST(given_events.cost_usd AS DECIMAL(38, 12)) ELSE 0 END),
    SUM(CASE WHEN is_known THEN CAST(priced_events.cost_usd AS DECIMAL(38, 12)) ELSE 0 END),
    CAST(SUM(CASE WHEN given_events.cost_usd IS NULL THEN given_events.request_count ELSE 0 END) AS BIGINT),
    CAST(SUM(
        CASE
            WHEN given_events.cost_usd IS NOT NULL AND priced_events.cost_usd IS NULL THEN given_events.request_count
            ELSE 0
        END
    ) AS BIGINT)
FROM (
    SELECT
        given_events.event_id,
        given_events.cost_usd IS NOT NULL AND priced_events.cost_usd IS NOT NULL AS is_known
    FROM given_events
    INNER JOIN priced_events ON given_events.event_id = priced_events.event_id
) AS known
INNER JOIN given_events ON known.event_id = given_events.event_id
INNER JOIN priced_events ON known.event_id = priced_events.event_id
GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Swap:
    """One model for another; a provider of None: whichever, and the same."""

    model: str
    other: str
    provider: str | None = None
    other_provider: str | None = None


@dataclass(frozen=True, slots=True)
class WhatIfOrder:
    """What is asked.

    Attributes:
        days: the UTC days.
        scope: which calls.
        swaps: models in the place of others.
        tiers: service tiers in the place of others.
        cache_policy: another way of prompt caching. None: as it was.
    """

    days: Days
    scope: Scope = field(default_factory=lambda: Scope(ALL, ALL))
    swaps: tuple[Swap, ...] = ()
    tiers: Mapping[str, str] = field(default_factory=dict[str, str])
    cache_policy: CachePolicy | None = None

    def __post_init__(self) -> None:
        if not self.swaps and not self.tiers and self.cache_policy is None:
            raise ConfigurationError(
                "nothing is changed: give --model A=B, --tier standard=batch or --cache-policy off"
            )
        names = [(each.provider, each.model) for each in self.swaps]
        if any(names.count(name) > 1 or (name[0] and (None, name[1]) in names) for name in names):
            raise ConfigurationError("a model has two others: name one for each")


@dataclass(frozen=True, slots=True)
class ModelChange:
    """The calls of one model, before and after; both sums are over the calls whose cost is known on both sides.

    Attributes:
        provider: who ran the model.
        model: the model.
        other_provider: who would run the other one.
        other_model: the other one; the same where only tier or caching change.
        request_count: the calls.
        before_usd: what they cost.
        after_usd: what they would have cost.
        unknown_before_count: calls without a known cost; they are in no sum.
        unpriced_after_count: calls with a known cost that the other way has no price for; they are in no sum.
    """

    provider: str
    model: str
    other_provider: str
    other_model: str
    request_count: int
    before_usd: Decimal
    after_usd: Decimal
    unknown_before_count: int
    unpriced_after_count: int

    @property
    def difference_usd(self) -> Decimal:
        """By how much it would have been dearer; below zero: cheaper."""
        return self.after_usd - self.before_usd


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer: by model the calls that would have been others, the largest difference first, and their sums."""

    order: WhatIfOrder
    models: tuple[ModelChange, ...]

    @property
    def before_usd(self) -> Decimal:
        """What these calls cost."""
        return sum((each.before_usd for each in self.models), Decimal(0))

    @property
    def after_usd(self) -> Decimal:
        """What they would have cost."""
        return sum((each.after_usd for each in self.models), Decimal(0))

    @property
    def difference_usd(self) -> Decimal:
        """By how much they would have been dearer; below zero: cheaper."""
        return self.after_usd - self.before_usd


def parse_swaps(texts: tuple[str, ...]) -> tuple[Swap, ...]:
    """Read swaps as people write them: gpt-4o=gpt-4o-mini, or openai/gpt-4o=anthropic/claude-haiku-4-5.

    Raises:
        ConfigurationError: one has another form.
    """
    return tuple(map(_parse_swap, texts))


def what_if(
    warehouse: Warehouse, book: PriceBook, order: WhatIfOrder, *, folder: Path, memory_limit: str, now: datetime
) -> WhatIf:
    """Price the calls of some days in another way, day by day, and say what that changes.

    Args:
        warehouse: core, as it is committed now.
        book: the prices.
        order: what is asked.
        folder: the state folder, for what does not fit into memory.
        memory_limit: what DuckDB may use, such as "4GiB".
        now: the present (naive UTC).
    """
    sums: dict[tuple[str, ...], ModelChange] = {}
    for day in WindowDays(order.days.first_on, order.days.last_on).days:
        events = warehouse.read(_events_of(order.scope, day))
        if events.is_empty():
            continue
        units = warehouse.read(Query(SELECT_UNITS, {"first_on": day, "last_on": day}, (day,)))
        with working_connection(folder, memory_limit) as connection:
            for found in _price(connection, events, units, book, order, now):
                key = (found.provider, found.model, found.other_provider, found.other_model)
                sums[key] = _together(sums[key], found) if key in sums else found
    return WhatIf(order, tuple(sorted(sums.values(), key=lambda each: (-abs(each.difference_usd), each.model))))


def _events_of(scope: Scope, day: date) -> Query:
    parameters: dict[str, Any] = {"first_on": day, "last_on": day}
    if scope.is_tag:
        as_first, as_other = scope.tag_texts
        return Query(SELECT_EVENTS + OF_TAG, {**parameters, "as_first": as_first, "as_other": as_other}, (day,))
    parameters |= {"scope_type": scope.scope_type, "scope_value": scope.scope_value}
    return Query(SELECT_EVENTS + OF_DIMENSION, parameters, (day,))


def _price(
    connection: duckdb.DuckDBPyConnection,
    events: pl.DataFrame,
    units: pl.DataFrame,
    book: PriceBook,
    order: WhatIfOrder,
    now: datetime,
) -> Iterator[ModelChange]:
    connection.register("read_events", events)
    connection.register("read_units", units)
    _create_others(connection, order)
    is_cached = f"{CACHED} > 0" if order.cache_policy else "FALSE"
    connection.execute(
        f"CREATE TABLE given_events AS {WITH_OTHERS} "
        f"WHERE swaps.model IS NOT NULL OR tiers.tier IS NOT NULL OR {is_cached}"
    )
    changed = {**OTHERS, **(CACHE_POLICIES[order.cache_policy] if order.cache_policy else {})}
    columns = ", ".join(f"{changed.get(column.name, column.name)} AS {column.name}" for column in STAGED_COLUMNS)
    connection.execute(f"CREATE TABLE events AS SELECT {columns} FROM given_events")
    for statement in (UNITS, TERMS, RATES):
        connection.execute(statement)
    load_cards(connection, book.resolve(distinct_keys(connection)), now)
    price_batch(connection)
    return (ModelChange(*row) for row in connection.execute(SUMS).fetchall())


def _create_others(connection: duckdb.DuckDBPyConnection, order: WhatIfOrder) -> None:
    connection.execute("CREATE TABLE swaps (provider VARCHAR, model VARCHAR, other_provider VARCHAR, other VARCHAR)")
    for each in order.swaps:
        row = [each.provider, each.model, each.other_provider, each.other]
        connection.execute("INSERT INTO swaps VALUES ($1, $2, $3, $4)", row)
    connection.execute("CREATE TABLE tiers (tier VARCHAR, other VARCHAR)")
    for tier, other in order.tiers.items():
        connection.execute("INSERT INTO tiers VALUES ($1, $2)", [service_tier(tier), service_tier(other)])


def _together(one: ModelChange, other: ModelChange) -> ModelChange:
    return ModelChange(
        one.provider,
        one.model,
        one.other_provider,
        one.other_model,
        one.request_count + other.request_count,
        one.before_usd + other.before_usd,
        one.after_usd + other.after_usd,
        one.unknown_before_count + other.unknown_before_count,
        one.unpriced_after_count + other.unpriced_after_count,
    )


def _parse_swap(text: str) -> Swap:
    before, equals, after = text.partition("=")
    if not equals or not before or not after:
        raise ConfigurationError(f"{text!r} names no two models: write one for another, as in gpt-4o=gpt-4o-mini")
    provider, slash, model = before.partition("/")
    other_provider, other_slash, other = after.partition("/")
    return Swap(
        model if slash else before,
        other if other_slash else after,
        provider if slash else None,
        other_provider if other_slash else None,
    )
