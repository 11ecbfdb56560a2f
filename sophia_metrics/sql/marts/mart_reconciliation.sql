-- question: Where do the bill and our sums part, and why?
-- grain: provider, account_id, model, usage_on
-- sources: mart_reconciliation_days, mart_settlement, core_sellers
-- owner: invoices
WITH everything AS (
    SELECT settled_through_on
    FROM mart_settlement
    WHERE scope_type = 'all'
),

spelled_scopes AS (
    SELECT
        LOWER(REPLACE(REPLACE(REPLACE(scope_value, '.', '-'), '_', '-'), ' ', '-')) AS spelling,
        settled_through_on
    FROM mart_settlement
    WHERE scope_type = 'provider'
),

-- A provider under two names is settled as far as both are.
providers AS (
    SELECT
        COALESCE(sellers.seller, spelled_scopes.spelling) AS provider,
        CASE
            WHEN COUNT(spelled_scopes.settled_through_on) = COUNT(*) THEN MIN(spelled_scopes.settled_through_on)
        END AS settled_through_on
    FROM spelled_scopes
    LEFT JOIN core_sellers AS sellers ON spelled_scopes.spelling = sellers.spelling
    GROUP BY COALESCE(sellers.seller, spelled_scopes.spelling)
),

held_together AS (
    SELECT
        days.provider,
        days.account_id,
        days.model,
        days.usage_on,
        days.computed_usd,
        days.reported_usd,
        days.invoiced_usd,
        CASE
            WHEN days.unconverted_count = 0 THEN days.invoiced_usd - COALESCE(days.computed_usd, 0)
        END AS gap_usd,
        COALESCE(
            CAST($now AS TIMESTAMP) >= days.settles_at
            -- Who has no recent usage is settled as far as everything is, and so is who sells models of others.
            AND days.usage_on <= CASE
                WHEN resellers.is_reseller THEN everything.settled_through_on
                ELSE COALESCE(providers.settled_through_on, everything.settled_through_on)
            END,
            FALSE
        ) AS is_settled,
        days.compared_usd,
        days.request_count,
        days.unpriced_count,
        days.subscription_count,
        days.tier_unknown_count,
        days.ledger_source_count,
        days.ledger_sources,
        days.tool_invoiced_usd,
        days.tool_unit_count,
        days.unconverted_count
    FROM mart_reconciliation_days AS days
    LEFT JOIN providers ON days.provider = providers.provider
    LEFT JOIN core_sellers AS resellers ON days.provider = resellers.spelling
    LEFT JOIN everything ON days.provider IS NOT NULL
)

SELECT
    provider,
    account_id,
    model,
    usage_on,
    computed_usd,
    reported_usd,
    invoiced_usd,
    CAST(gap_usd AS DECIMAL(38, 12)) AS gap_usd,
    CASE
        WHEN invoiced_usd IS NULL AND unconverted_count = 0 THEN NULL
        WHEN unconverted_count > 0 THEN 'no_exchange_rate'
        WHEN
            CAST(ABS(gap_usd) AS DOUBLE) <= GREATEST(
                CAST(0.01 AS DOUBLE),
                CAST(0.005 AS DOUBLE) * CAST(GREATEST(ABS(invoiced_usd), COALESCE(computed_usd, 0)) AS DOUBLE)
            )
            THEN NULL
        WHEN NOT is_settled THEN 'not_settled'
        WHEN gap_usd > 0 AND unpriced_count > 0 THEN 'missing_price'
        WHEN gap_usd > 0 AND tool_invoiced_usd > 0 AND tool_unit_count = 0 THEN 'unmetered_tools'
        WHEN gap_usd > 0 AND subscription_count > 0 THEN 'subscription'
        WHEN gap_usd < 0 AND ledger_source_count > 1 THEN 'double_source'
        WHEN tier_unknown_count > 0 THEN 'tier_unknown'
        ELSE 'unexplained'
    END AS gap_reason,
    is_settled,
    compared_usd,
    request_count,
    unpriced_count,
    subscription_count,
    tier_unknown_count,
    ledger_source_count,
    ledger_sources,
    tool_invoiced_usd,
    tool_unit_count,
    unconverted_count
FROM held_together
