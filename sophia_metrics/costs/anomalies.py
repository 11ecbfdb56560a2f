"""Finding anomalies on the settled days of a warehouse, keeping them, and ending those that are none any more."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from sophia_metrics.anomalies.anomaly import Anomaly
from sophia_metrics.anomalies.days import ScopeDays
from sophia_metrics.anomalies.limits import Limits
from sophia_metrics.anomalies.newcomers import KNOWN_DAYS, Newcomer, find_newcomers, find_unpriced
from sophia_metrics.anomalies.ratios import find_cache_collapses, find_call_jumps, find_storms
from sophia_metrics.anomalies.spend import find_constant_values, find_spend
from sophia_metrics.costs.histories import Histories, align_days
from sophia_metrics.costs.settled_scopes import (
    findings_query,
    last_days,
    load_scope_days,
    load_settlement,
    settled_days,
)
from sophia_metrics.schema.findings import ANOMALIES
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.scopes import ALL
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = ["AnomaliesFound", "find_anomalies"]

HISTORY_DAYS = 160
TESTED_DAYS = 35
"""So many settled days are tested each time: what a late collection or a restatement changes is seen."""
FIRST_WEEK = 7
PLACES = 9
MEASURES = (
    "cost_usd",
    "unpriced_count",
    "request_count",
    "error_count",
    "retry_count",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
)


@dataclass(frozen=True, slots=True)
class AnomaliesFound:
    """What was found.

    Attributes:
        open_count: anomalies on the tested days.
        new_count: those of them that were not known, or had ended.
        ended_count: anomalies that were known, and are none any more.
    """

    open_count: int
    new_count: int
    ended_count: int


def find_anomalies(warehouse: Warehouse, now: datetime, limits: Limits | None = None) -> AnomaliesFound:
    """Test the newest 35 settled days of every scope, keep what is unusual, and end what is so no longer.

    Running it twice changes nothing.

    Args:
        warehouse: is read and written.
        now: the present (naive UTC).
        limits: from when on something is an anomaly. None: the defaults.
    """
    limits = limits or Limits()
    days = _with_retries(warehouse, load_scope_days(warehouse, now, HISTORY_DAYS), now)
    settled = settled_days(days, load_settlement(warehouse, now))
    whole = settled.filter(pl.col("scope_type") == ALL)
    if whole.is_empty():
        return AnomaliesFound(0, 0, 0)
    histories = align_days(days, settled, HISTORY_DAYS, MEASURES)
    tested = ScopeDays(
        scopes=tuple(histories.scopes.select("scope_type", "scope_value").iter_rows()),
        last_on=tuple(histories.scopes["last_on"]),
        measures={name: histories.values(name) for name in MEASURES},
        tested=TESTED_DAYS,
    )
    last_on: date = whole["last_on"].item()
    found = [
        *find_spend(tested, limits),
        *find_constant_values(tested),
        *find_call_jumps(tested, limits),
        *find_cache_collapses(tested, limits),
        *find_storms(tested, limits),
        *find_unpriced(tested),
        *_newcomers(warehouse, histories, last_on, now, limits),
    ]
    return _keep(warehouse, found, last_on, now)


def _with_retries(warehouse: Warehouse, days: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Add how many calls were retries, of everything, of each provider and of each model."""
    looked_at = last_days(now, TESTED_DAYS + KNOWN_DAYS + FIRST_WEEK)
    retried = warehouse.read(Query(findings_query("retried_calls"), days=looked_at))
    scopes = {"provider": pl.col("provider"), "model": pl.col("model"), ALL: pl.lit(ALL)}
    by_scope = pl.concat(
        retried.group_by(pl.lit(kind).alias("scope_type"), value.alias("scope_value"), "day_on").agg(
            pl.col("retry_count").sum()
        )
        for kind, value in scopes.items()
    )
    return days.join(by_scope, on=["scope_type", "scope_value", "day_on"], how="left").with_columns(
        pl.col("retry_count").fill_null(0)
    )


def _newcomers(
    warehouse: Warehouse, histories: Histories, last_on: date, now: datetime, limits: Limits
) -> Iterator[Anomaly]:
    tested_from = last_on - timedelta(days=TESTED_DAYS - 1)
    days = histories.days.join(histories.scopes.with_row_index("scope_row"), on="scope_row")
    whole = {day: cost or 0.0 for day, cost in days.filter(scope_type=ALL).select("day_on", "cost_usd").iter_rows()}
    scoped = (
        days.filter(pl.col("scope_type").is_in(["model", "team"]), pl.col("first_on") >= tested_from)
        .filter(pl.col("day_on") < pl.col("first_on") + pl.duration(days=FIRST_WEEK))
        .group_by("scope_type", "scope_value", "first_on", maintain_order=True)
        .agg(pl.col("cost_usd").sum().alias("spent_usd"))
    )
    query = Query(
        findings_query("newcomers"),
        {"tested_from_on": tested_from, "last_on": last_on, "impact_usd": limits.impact_usd},
        days=last_days(now, TESTED_DAYS + KNOWN_DAYS + FIRST_WEEK),
    )
    rows = [*scoped.iter_rows(), *warehouse.read(query).sort("scope_type", "scope_value").iter_rows()]
    newcomers = (
        Newcomer(kind, value, first_on, spent, sum(whole.get(first_on + timedelta(days=day), 0.0) for day in range(7)))
        for kind, value, first_on, spent in rows
    )
    yield from find_newcomers(newcomers, min(whole, default=last_on), limits)


def _keep(warehouse: Warehouse, found: Iterable[Anomaly], last_on: date, now: datetime) -> AnomaliesFound:
    """Record what is new or has changed, and the end of what is not found any more."""
    key = list(ANOMALIES.key)
    figures = [name for name in ANOMALIES.names if name not in (*key, "found_at", "ended_at")]
    first_on = last_on - timedelta(days=TESTED_DAYS - 1)
    query = Query(findings_query("known_anomalies"), {"first_on": first_on, "last_on": last_on})
    schema = polars_schema(ANOMALIES)
    known = warehouse.read(query).select(pl.col(name).cast(kind) for name, kind in schema.items())
    current = pl.DataFrame([_row(each, now) for each in found], schema=schema)
    both = current.join(known, on=key, how="left", suffix="_before", coalesce=True)
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in figures)
    is_open = pl.col("found_at_before").is_not_null() & pl.col("ended_at_before").is_null()
    changed = both.filter(~(is_same & is_open)).with_columns(
        pl.when(is_open).then(pl.col("found_at_before")).otherwise(pl.col("found_at")).alias("found_at")
    )
    ended = known.filter(pl.col("ended_at").is_null()).join(current, on=key, how="anti")
    ends = ended.with_columns(pl.lit(now).cast(schema["ended_at"]).alias("ended_at"))
    rows = pl.concat([changed.select(ANOMALIES.names), ends])
    if not rows.is_empty():
        warehouse.record(Record({ANOMALIES.name: rows}))
    return AnomaliesFound(current.height, both.filter(~is_open).height, ended.height)


def _row(each: Anomaly, now: datetime) -> dict[str, object]:
    return {
        "scope_type": each.scope_type,
        "scope_value": each.scope_value,
        "usage_on": each.usage_on,
        "kind": each.kind.value,
        "observed_usd": _money(each.observed_usd),
        "expected_usd": _money(each.expected_usd),
        "score": None if each.score is None else round(each.score, 3),
        "impact_usd": _money(each.impact_usd),
        "explanation": each.explanation,
        "evidence": json.dumps(dict(each.evidence), sort_keys=True),
        "found_at": now,
        "ended_at": None,
    }


def _money(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.{PLACES}f}")
