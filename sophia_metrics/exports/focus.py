"""One month of spend as rows of the FinOps Open Cost and Usage Specification (FOCUS) 1.2.

A row is one part of what was bought (a class of tokens, another unit) of one model at one price, for one account,
team, project and environment, on one UTC day. A day, and not an hour, since providers' own sums of a day are usage
too: no part of them has an hour. Sums of BilledCost equal the spend of the month in mart_cost_daily.

What has no known cost has no row, since BilledCost must not be null: it is counted. What a subscription pays is no
spend and has no row either.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from typing import Any, cast

import duckdb
import polars as pl

from sophia_metrics.exports.asking import Ask, export_query
from sophia_metrics.exports.focus_columns import FOCUS_COLUMNS
from sophia_metrics.exports.focus_parts import focus_part
from sophia_metrics.exports.sellers import Seller, display_name
from sophia_metrics.frames import fetch_frame
from sophia_metrics.windows import Window

__all__ = ["FocusExport", "export_focus"]

CURRENCY = "USD"
CATEGORY, SUBCATEGORY = "AI and Machine Learning", "Generative AI"
LABELS = ("team", "project", "environment")
SKU = ("provider", "route", "model", "price_tier", "tier_low_tokens", "daily_from_seconds", "part")
COPIED = {
    "BilledCost": "billed_usd",
    "ConsumedQuantity": "consumed_quantity",
    "ContractedCost": "contracted_usd",
    "ContractedUnitPrice": "contracted_price_usd",
    "EffectiveCost": "billed_usd",
    "ListCost": "list_usd",
    "ListUnitPrice": "list_price_usd",
    "PricingQuantity": "pricing_quantity",
    "RegionId": "region",
    "RegionName": "region",
    "x_CostBasis": "cost_basis",
    "x_PriceId": "price_id",
}
"""Columns that a column of the statement is, as it is."""
Derive = Callable[[Mapping[str, Any]], Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class FocusExport:
    """The rows of one month, and what is in none of them.

    Attributes:
        month: its first UTC day.
        rows: the rows, with the columns and types of FOCUS_COLUMNS.
        unpriced_count: calls whose cost nobody knows.
        subscription_count: calls that a subscription pays, or whose source does not say who pays.
    """

    month: date
    rows: pl.DataFrame
    unpriced_count: int
    subscription_count: int

    @property
    def billed_usd(self) -> Decimal:
        """The sum of BilledCost, in dollars."""
        return cast("Decimal", self.rows["BilledCost"].sum())


def export_focus(ask: Ask, month: date) -> FocusExport:
    """Return the FOCUS rows of the UTC month that holds a day.

    Raises:
        ConfigurationError: nothing is published yet.
        ServiceUnavailableError: what is published cannot be read.
    """
    window = Window.of_month(month)
    first_on = window.start_at.date()
    days = {"first_on": first_on, "last_on": (window.end_at - timedelta(days=1)).date()}
    found = _priced(ask(export_query("focus_cost_and_usage"), days))
    ((unpriced_count, subscription_count),) = ask(export_query("focus_left_out"), days).rows()
    return FocusExport(first_on, _focus_rows(found, window), unpriced_count, subscription_count)


def _priced(parts: pl.DataFrame) -> pl.DataFrame:
    """Multiply prices and quantities: here, since Snowflake keeps fewer decimals of a product."""
    sql = (resources.files("sophia_metrics") / "sql" / "pricing" / "price_parts.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.register("parts", parts)
        return fetch_frame(connection, sql)


def _focus_rows(found: pl.DataFrame, window: Window) -> pl.DataFrame:
    named = _joined(_joined(found, SKU, _sku_columns), LABELS, _label_columns)
    start_at = pl.col("usage_on").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    columns = {
        **{name: pl.col(source) for name, source in COPIED.items()},
        "BillingAccountId": pl.coalesce("account_id", "seller"),
        "BillingAccountName": pl.lit(None),
        "BillingCurrency": pl.lit(CURRENCY),
        "BillingPeriodEnd": _instant(window.end_at),
        "BillingPeriodStart": _instant(window.start_at),
        "ChargeClass": pl.lit(None),
        "ChargeFrequency": pl.lit("Usage-Based"),
        "ChargePeriodEnd": start_at.dt.offset_by("1d"),
        "ChargePeriodStart": start_at,
        "ServiceCategory": pl.lit(CATEGORY),
        "ServiceSubcategory": pl.lit(SUBCATEGORY),
    }
    chosen = [columns.get(name, pl.col(name)).cast(kind).alias(name) for name, kind in FOCUS_COLUMNS.items()]
    return named.select(chosen)


def _joined(frame: pl.DataFrame, key: tuple[str, ...], derive: Derive) -> pl.DataFrame:
    """Add columns that follow from a key; each key, of which there are few, is looked at once."""
    keys = frame.select(key).unique(maintain_order=True)
    derived = [derive(row) for row in keys.iter_rows(named=True)]
    schema = dict.fromkeys(derive(dict.fromkeys(key, "")), pl.String())
    beside = pl.concat([keys, pl.DataFrame(derived, schema=schema)], how="horizontal")
    return frame.join(beside, on=list(key), how="left", nulls_equal=True, maintain_order="left")


def _sku_columns(key: Mapping[str, Any]) -> Mapping[str, str | None]:
    part = focus_part(key["part"])
    seller = Seller.of(key["provider"], key["route"], key["model"])
    return {
        "seller": seller.name,
        "ProviderName": seller.company,
        "PublisherName": display_name(key["provider"]),
        "InvoiceIssuerName": seller.company,
        "ServiceName": seller.service,
        "ChargeCategory": part.category,
        "ConsumedUnit": part.consumed_unit,
        "PricingCategory": part.pricing_category,
        "PricingUnit": part.pricing_unit,
        "SkuMeter": part.meter,
        **_sku(key, seller, part.meter),
    }


def _sku(key: Mapping[str, Any], seller: Seller, meter: str | None) -> Mapping[str, str | None]:
    model, tier = key["model"], key["price_tier"]
    if meter is None:
        said = f"{model}, {tier}: what was billed beside the prices that are known"
        return {"ChargeDescription": said, "SkuId": None, "SkuPriceId": None, "SkuPriceDetails": None}
    details: dict[str, str | int] = {"x_Model": model, "x_ServiceTier": tier, "x_UsageClass": key["part"]}
    terms = [tier]
    if key["tier_low_tokens"]:
        details["x_AboveInputTokens"] = key["tier_low_tokens"]
        terms.append(f"above {key['tier_low_tokens']}")
    if key["daily_from_seconds"] is not None:
        details["x_DailyFromSeconds"] = key["daily_from_seconds"]
        terms.append(f"from {key['daily_from_seconds']}s")
    sku_id = "/".join((seller.name, key["provider"], model, key["part"]))
    return {
        "ChargeDescription": f"{model}, {', '.join(terms)}: {meter}",
        "SkuId": sku_id,
        "SkuPriceId": "/".join((sku_id, *terms)),
        "SkuPriceDetails": json.dumps(details, ensure_ascii=False),
    }


def _label_columns(labels: Mapping[str, Any]) -> Mapping[str, str | None]:
    known = {name: value for name, value in labels.items() if value}
    kind = next((name for name in ("project", "team") if name in known), None)
    return {
        "SubAccountId": f"{kind}/{known[kind]}" if kind else None,
        "SubAccountName": known[kind] if kind else None,
        "SubAccountType": kind.title() if kind else None,
        "Tags": json.dumps(known, ensure_ascii=False) if known else None,
    }


def _instant(moment: datetime) -> pl.Expr:
    return pl.lit(moment.replace(tzinfo=UTC))
