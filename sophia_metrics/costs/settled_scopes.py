"""Which scopes there are, and the spend of their days in their time zones, as it is committed now.

What a published version has in mart_settlement and mart_budget_days is computed here from what they are made of, which
is there before a publish, and goes back further.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from importlib import resources

import polars as pl

from sophia_metrics.calendars import settled_on
from sophia_metrics.costs.budgets import load_budgets
from sophia_metrics.costs.histories import SCOPE_KEY
from sophia_metrics.marts import mart
from sophia_metrics.scopes import ALL, DIMENSIONS, Scope
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = [
    "UTC",
    "findings_query",
    "last_days",
    "load_budget_days",
    "load_scope_days",
    "load_settlement",
    "settled_days",
]

UTC = "UTC"
UNPRICED_SHARE = 0.1
"""Where so many of the calls of a day have no price, what the day cost is unknown."""
TAG_DAYS = 66
"""So many days of calls are read for tags, which no mart has."""

QUARTERS = """
SELECT
    period_at,
    {value} AS scope_value,
    CAST(SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS DOUBLE) AS cost_usd,
    CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count,
    CAST(SUM(request_count) AS BIGINT) AS request_count
FROM mart_cost_15min
WHERE {filter}
GROUP BY period_at, {value}
"""
TAGGED = """
SELECT
    DATE_TRUNC('minute', started_at) AS period_at,
    CAST(SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS DOUBLE) AS cost_usd,
    CAST(
        SUM(
            CASE
                WHEN cost_usd IS NOT NULL OR price_status NOT IN ('unpriced', 'partial', 'invalid') THEN 0
                WHEN request_count > 1 THEN request_count
                ELSE 1
            END
        ) AS BIGINT
    ) AS unpriced_count,
    CAST(SUM(request_count) AS BIGINT) AS request_count
FROM core_usage_events
WHERE
    tags IS NOT NULL
    AND source_role = 'ledger'
    AND (CONTAINS(tags, $as_first) OR CONTAINS(tags, $as_other))
GROUP BY DATE_TRUNC('minute', started_at)
"""


def findings_query(name: str) -> str:
    """Return the statement of sql/findings/<name>.sql."""
    return (resources.files("sophia_metrics") / "sql" / "findings" / f"{name}.sql").read_text(encoding="utf-8")


def last_days(now: datetime, count: int) -> tuple[date, ...]:
    """Return so many UTC days up to that of `now` (naive UTC)."""
    return tuple(now.date() - timedelta(days=back) for back in range(count - 1, -1, -1))


def load_settlement(warehouse: Warehouse, now: datetime) -> pl.DataFrame:
    """Return scope_type, scope_value and settled_through_at of each scope with calls of late; null: no day is."""
    return warehouse.read(Query(mart("mart_settlement").sql, days=last_days(now, 400)))


def load_scope_days(warehouse: Warehouse, now: datetime, day_count: int) -> pl.DataFrame:
    """Return the UTC days on which scopes made calls: SCOPE_KEY, day_on and what was measured; see scope_days.sql."""
    days = warehouse.read(Query(findings_query("scope_days"), days=last_days(now, day_count)))
    return days.with_columns(pl.lit(UTC).alias("time_zone"), _known_cost())


def load_budget_days(warehouse: Warehouse, now: datetime, day_count: int) -> pl.DataFrame:
    """Return the same, with the spend alone, for budgets that speak of a tag or of days of another zone than UTC."""
    zones: dict[str, set[Scope]] = {}
    for each in load_budgets(warehouse):
        budget = each.budget
        is_tag = budget.scope.is_tag
        if each.holds_at(now) and (is_tag or budget.time_zone != UTC):
            zones.setdefault(budget.time_zone, set()).add(budget.scope)
    wanted = {scope for scopes in zones.values() for scope in scopes}
    quarters = [*_dimension_quarters(warehouse, now, day_count, wanted), *_tag_quarters(warehouse, now, wanted)]
    by_scope = {scope: frame for scope, frame in quarters if not frame.is_empty()}
    return pl.concat(
        [
            _local_days(by_scope[scope], zone, scope)
            for zone, scopes in sorted(zones.items())
            for scope in sorted(scopes, key=str)
            if scope in by_scope
        ]
        or [pl.DataFrame(schema={**dict.fromkeys(SCOPE_KEY, pl.String), "day_on": pl.Date, "cost_usd": pl.Float64})]
    )


def settled_days(days: pl.DataFrame, settlement: pl.DataFrame) -> pl.DataFrame:
    """Return SCOPE_KEY and last_on, the last settled day in its zone, of each scope that has one.

    A tag, and a scope without calls of late, is settled when everything is.
    """
    through = {
        (kind, value): at
        for kind, value, at in settlement.select("scope_type", "scope_value", "settled_through_at").iter_rows()
    }
    whole = through.get((ALL, ALL))
    rows = [
        (zone, kind, value, settled_on(at, zone))
        for zone, kind, value in days.select(SCOPE_KEY).unique().iter_rows()
        if (at := through.get((kind, value), whole)) is not None
    ]
    return pl.DataFrame(rows, schema={**dict.fromkeys(SCOPE_KEY, pl.String), "last_on": pl.Date}, orient="row")


def _dimension_quarters(
    warehouse: Warehouse, now: datetime, day_count: int, wanted: Iterable[Scope]
) -> Iterable[tuple[Scope, pl.DataFrame]]:
    for kind in (ALL, *DIMENSIONS):
        values = sorted(scope.scope_value for scope in wanted if scope.scope_type == kind)
        if not values:
            continue
        parameters = {f"value_{place}": value for place, value in enumerate(values)}
        names = ", ".join(f"${name}" for name in parameters)
        sql = (
            QUARTERS.format(value="'all'", filter="TRUE")
            if kind == ALL
            else QUARTERS.format(value=kind, filter=f"{kind} IN ({names})")
        )
        found = warehouse.read(Query(sql, {} if kind == ALL else parameters, days=last_days(now, day_count)))
        for value in values:
            yield Scope(kind, value), found.filter(pl.col("scope_value") == value).drop("scope_value")


def _tag_quarters(warehouse: Warehouse, now: datetime, wanted: Iterable[Scope]) -> Iterable[tuple[Scope, pl.DataFrame]]:
    for scope in sorted((each for each in wanted if each.is_tag), key=str):
        as_first, as_other = scope.tag_texts
        query = Query(TAGGED, {"as_first": as_first, "as_other": as_other}, days=last_days(now, TAG_DAYS))
        yield scope, warehouse.read(query)


def _local_days(quarters: pl.DataFrame, zone: str, scope: Scope) -> pl.DataFrame:
    """Add up parts of days by the day that they have in a zone."""
    local = pl.col("period_at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.date()
    return (
        quarters.group_by(local.alias("day_on"))
        .agg(pl.col("cost_usd", "unpriced_count", "request_count").sum())
        .select(
            pl.lit(zone).alias("time_zone"),
            pl.lit(scope.scope_type).alias("scope_type"),
            pl.lit(scope.scope_value).alias("scope_value"),
            "day_on",
            _known_cost(),
        )
    )


def _known_cost() -> pl.Expr:
    """Return the cost of a day; null where too many of its calls have none."""
    is_known = pl.col("unpriced_count") < UNPRICED_SHARE * pl.col("request_count")
    return pl.when(is_known | (pl.col("unpriced_count") == 0)).then(pl.col("cost_usd")).alias("cost_usd")
