-- question: What does each bought part cost at its two prices, in the units in which prices are told?
-- grain: one row a part
-- sources: parts
-- owner: exports
WITH priced_sums AS (
    -- Tokens are priced by the million, other units by one, and what has no price by the dollar.
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        part,
        CASE WHEN part <> 'difference' THEN CAST(quantity AS DECIMAL(38, 6)) END AS consumed_quantity,
        CASE
            WHEN part = 'difference' THEN NULL
            WHEN part = 'amount' THEN CAST(billed_usd AS DECIMAL(38, 12))
            WHEN part LIKE 'unit:%' AND part NOT LIKE '%_tokens' THEN CAST(quantity AS DECIMAL(18, 6))
            ELSE CAST(CAST(quantity AS DECIMAL(24, 6)) * CAST(0.000001 AS DECIMAL(7, 6)) AS DECIMAL(18, 6))
        END AS pricing_quantity,
        CASE
            WHEN part = 'difference' THEN NULL
            WHEN part = 'amount' THEN CAST(1 AS DECIMAL(20, 12))
            WHEN part LIKE 'unit:%' AND part NOT LIKE '%_tokens' THEN CAST(rate_usd AS DECIMAL(20, 12))
            ELSE CAST(CAST(rate_usd AS DECIMAL(20, 18)) * CAST(1000000 AS DECIMAL(7, 0)) AS DECIMAL(20, 12))
        END AS contracted_price_usd,
        CASE
            WHEN part = 'difference' THEN NULL
            WHEN part = 'amount' THEN CAST(1 AS DECIMAL(20, 12))
            WHEN part LIKE 'unit:%' AND part NOT LIKE '%_tokens' THEN CAST(list_rate_usd AS DECIMAL(20, 12))
            ELSE CAST(CAST(list_rate_usd AS DECIMAL(20, 18)) * CAST(1000000 AS DECIMAL(7, 0)) AS DECIMAL(20, 12))
        END AS list_price_usd,
        billed_usd
    FROM parts
    WHERE part <> 'difference' OR billed_usd <> 0
)

SELECT
    usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
    price_id, price_book, tier_low_tokens, daily_from_seconds,
    part,
    consumed_quantity,
    CAST(pricing_quantity AS DECIMAL(38, 12)) AS pricing_quantity,
    CAST(contracted_price_usd AS DECIMAL(38, 12)) AS contracted_price_usd,
    CAST(list_price_usd AS DECIMAL(38, 12)) AS list_price_usd,
    CAST(
        CASE
            WHEN part IN ('amount', 'difference') THEN CAST(billed_usd AS DECIMAL(38, 18))
            ELSE CAST(CAST(pricing_quantity AS DECIMAL(18, 6)) * contracted_price_usd AS DECIMAL(38, 18))
        END AS DECIMAL(38, 18)
    ) AS contracted_usd,
    CAST(
        CASE
            WHEN part IN ('amount', 'difference') THEN CAST(billed_usd AS DECIMAL(38, 18))
            ELSE CAST(CAST(pricing_quantity AS DECIMAL(18, 6)) * list_price_usd AS DECIMAL(38, 18))
        END AS DECIMAL(38, 18)
    ) AS list_usd,
    CAST(billed_usd AS DECIMAL(38, 12)) AS billed_usd
FROM priced_sums
ORDER BY
    usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
    price_id, price_book, tier_low_tokens, daily_from_seconds,
    part, contracted_price_usd, list_price_usd
