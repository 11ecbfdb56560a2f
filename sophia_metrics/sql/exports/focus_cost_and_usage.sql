-- question: What are the rows of an export in FOCUS, of the days from $first_on to $last_on?
-- grain: a row of focus_cost_and_usage
-- sources: focus_cost_and_usage
-- owner: exports
SELECT
    BilledCost,
    BillingAccountId,
    BillingAccountName,
    BillingCurrency,
    BillingPeriodEnd,
    BillingPeriodStart,
    ChargeCategory,
    ChargeClass,
    ChargeDescription,
    ChargeFrequency,
    ChargePeriodEnd,
    ChargePeriodStart,
    ConsumedQuantity,
    ConsumedUnit,
    ContractedCost,
    ContractedUnitPrice,
    EffectiveCost,
    InvoiceIssuerName,
    ListCost,
    ListUnitPrice,
    PricingCategory,
    PricingQuantity,
    PricingUnit,
    ProviderName,
    PublisherName,
    RegionId,
    RegionName,
    ServiceCategory,
    ServiceName,
    ServiceSubcategory,
    SkuId,
    SkuMeter,
    SkuPriceDetails,
    SkuPriceId,
    SubAccountId,
    SubAccountName,
    SubAccountType,
    Tags,
    x_CostBasis,
    x_PriceId,
    x_Route
FROM focus_cost_and_usage
WHERE usage_on >= $first_on AND usage_on <= $last_on
ORDER BY
    usage_on, BillingAccountId, PublisherName, x_Route, RegionId, ChargeDescription, SubAccountId, Tags, x_CostBasis,
    x_PriceId, SkuPriceId, ContractedUnitPrice, ListUnitPrice
