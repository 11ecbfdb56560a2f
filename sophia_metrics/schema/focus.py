"""Spend as rows of the FinOps Open Cost and Usage Specification (FOCUS) 1.2, and the names of who sells."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["FOCUS_COST_AND_USAGE", "SELLERS"]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
MONEY, RATE, QUANTITY = Kind.MONEY, Kind.RATE, Kind.QUANTITY

SELLERS = Table(
    name="core_sellers",
    doc="Who sells calls, by each name that sources and routes have for them; made anew at each publish.",
    key=("spelling",),
    columns=(
        Column("spelling", TEXT, "A name in lower case, with hyphens between its words: vertex-ai.", True),
        Column("seller", TEXT, "The name that price lists have: google.", True),
        Column("company", TEXT, "The name that people know: Google Cloud. Null: it is called as it is spelled."),
        Column("service", TEXT, "What is sold: Vertex AI. Null: the API of the company."),
        Column("is_pass_through", BOOLEAN, "As a route it only passes calls on: the provider sells them.", True),
        Column("is_reseller", BOOLEAN, "It sells models of others.", True),
    ),
    storage=Storage.SERVING,
)

FOCUS_COST_AND_USAGE = Table(
    name="focus_cost_and_usage",
    doc="Spend in the columns of the FinOps Open Cost and Usage Specification (FOCUS) 1.2: each part of what was bought,"
    " of a day. docs/exports.md says what stands where; what has no known cost has no row. It is computed by whoever"
    " reads it: filter on usage_on.",
    key=(
        *("usage_on", "BillingAccountId", "SubAccountId", "Tags", "RegionId", "SkuPriceId", "ChargeDescription"),
        *("PublisherName", "ContractedUnitPrice", "ListUnitPrice", "x_CostBasis", "x_PriceId", "x_Route"),
    ),
    columns=(
        Column("usage_on", DATE, "UTC day. No column of FOCUS: exports leave it out.", True),
        Column("BilledCost", MONEY, "Spend, in dollars: what was billed, else computed, else estimated.", True),
        Column("BillingAccountId", TEXT, "The account; where the source names none, the seller.", True),
        Column("BillingAccountName", TEXT, "Always null."),
        Column("BillingCurrency", TEXT, "USD.", True),
        Column("BillingPeriodEnd", INSTANT, "End of the UTC month, exclusive.", True),
        Column("BillingPeriodStart", INSTANT, "Start of the UTC month.", True),
        Column("ChargeCategory", TEXT, "Usage; Adjustment: what was billed beside the prices that are known.", True),
        Column("ChargeClass", TEXT, "Always null: nothing corrects an earlier row."),
        Column("ChargeDescription", TEXT, "Model, tier and meter in a phrase.", True),
        Column("ChargeFrequency", TEXT, "Usage-Based.", True),
        Column("ChargePeriodEnd", INSTANT, "End of the UTC day, exclusive.", True),
        Column("ChargePeriodStart", INSTANT, "Start of the UTC day.", True),
        Column("ConsumedQuantity", QUANTITY, "Tokens, other units, or calls. Null: an adjustment."),
        Column("ConsumedUnit", TEXT, "In what that is counted. Null: an adjustment."),
        Column("ContractedCost", RATE, "Price that holds here times quantity, in dollars.", True),
        Column("ContractedUnitPrice", MONEY, "Price that holds here, in dollars. Null: an adjustment."),
        Column("EffectiveCost", MONEY, "The same as BilledCost.", True),
        Column("InvoiceIssuerName", TEXT, "Who sold it.", True),
        Column("ListCost", RATE, "Public price times quantity, in dollars.", True),
        Column("ListUnitPrice", MONEY, "Public price, else the one that holds here. Null: an adjustment."),
        Column("PricingCategory", TEXT, "Standard; Other: no price is known. Null: an adjustment."),
        Column("PricingQuantity", MONEY, "Millions of tokens, other units, or dollars. Null: an adjustment."),
        Column("PricingUnit", TEXT, "In what that is counted. Null: an adjustment."),
        Column("ProviderName", TEXT, "Who sold it.", True),
        Column("PublisherName", TEXT, "Who runs the model.", True),
        Column("RegionId", TEXT, "The region. Null: the source does not tell."),
        Column("RegionName", TEXT, "The same."),
        Column("ServiceCategory", TEXT, "AI and Machine Learning.", True),
        Column("ServiceName", TEXT, "What is sold.", True),
        Column("ServiceSubcategory", TEXT, "Generative AI.", True),
        Column("SkuId", TEXT, "Seller, provider, model and part. Null: an adjustment."),
        Column("SkuMeter", TEXT, "The part: Input Tokens, Web Searches. Null: an adjustment."),
        Column("SkuPriceDetails", TEXT, "Model, tier and part, as JSON. Null: an adjustment."),
        Column("SkuPriceId", TEXT, "SkuId and the tier. Null: an adjustment."),
        Column("SubAccountId", TEXT, "project/NAME, else team/NAME. Null: neither is known."),
        Column("SubAccountName", TEXT, "The name alone."),
        Column("SubAccountType", TEXT, "Project or Team."),
        Column("Tags", TEXT, "Team, project and environment as JSON, as far as they are known. Null: none is."),
        Column("x_CostBasis", TEXT, "cost_basis of the calls."),
        Column("x_PriceId", TEXT, "price_id of the calls. Null: they have no price card."),
        Column("x_Route", TEXT, "Through whom they were called. Null: the source does not tell."),
    ),
    storage=Storage.VIEW,
)
