"""The columns of an export in FOCUS 1.2: all mandatory ones, and those of which usage knows something."""

from collections.abc import Mapping

import polars as pl

__all__ = ["FOCUS_COLUMNS", "FOCUS_VERSION"]

FOCUS_VERSION = "1.2"

_TEXT = pl.String()
_INSTANT = pl.Datetime("us", "UTC")
_AMOUNT = pl.Decimal(38, 12)
_PRODUCT = pl.Decimal(38, 18)
_QUANTITY = pl.Decimal(38, 6)

FOCUS_COLUMNS: Mapping[str, pl.DataType] = {
    "BilledCost": _AMOUNT,
    "BillingAccountId": _TEXT,
    "BillingAccountName": _TEXT,
    "BillingCurrency": _TEXT,
    "BillingPeriodEnd": _INSTANT,
    "BillingPeriodStart": _INSTANT,
    "ChargeCategory": _TEXT,
    "ChargeClass": _TEXT,
    "ChargeDescription": _TEXT,
    "ChargeFrequency": _TEXT,
    "ChargePeriodEnd": _INSTANT,
    "ChargePeriodStart": _INSTANT,
    "ConsumedQuantity": _QUANTITY,
    "ConsumedUnit": _TEXT,
    "ContractedCost": _PRODUCT,
    "ContractedUnitPrice": _AMOUNT,
    "EffectiveCost": _AMOUNT,
    "InvoiceIssuerName": _TEXT,
    "ListCost": _PRODUCT,
    "ListUnitPrice": _AMOUNT,
    "PricingCategory": _TEXT,
    "PricingQuantity": _AMOUNT,
    "PricingUnit": _TEXT,
    "ProviderName": _TEXT,
    "PublisherName": _TEXT,
    "RegionId": _TEXT,
    "RegionName": _TEXT,
    "ServiceCategory": _TEXT,
    "ServiceName": _TEXT,
    "ServiceSubcategory": _TEXT,
    "SkuId": _TEXT,
    "SkuMeter": _TEXT,
    "SkuPriceDetails": _TEXT,
    "SkuPriceId": _TEXT,
    "SubAccountId": _TEXT,
    "SubAccountName": _TEXT,
    "SubAccountType": _TEXT,
    "Tags": _TEXT,
    "x_CostBasis": _TEXT,
    "x_PriceId": _TEXT,
}
"""Names and types, in the order of an export. The last ones are our own, which FOCUS marks by x_."""
