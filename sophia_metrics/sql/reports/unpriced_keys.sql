-- question: Which calls have no known cost, by everything that a price depends on, the most tokens first?
-- grain: provider, route, model, service_tier, price_status
-- sources: core_usage_events
-- owner: pricing
WITH unknown_costs AS (
    SELECT
        provider,
        route,
        model,
        service_tier,
        price_status,
        -- A bucket that does not say how many calls it holds still is one unknown, never none.
        CAST(SUM(CASE WHEN request_count > 1 THEN request_count ELSE 1 END) AS BIGINT) AS request_count,
        CAST(
            SUM(
                input_tokens
                + COALESCE(cache_read_tokens, 0)
                + COALESCE(cache_write_5m_tokens, 0)
                + COALESCE(cache_write_1h_tokens, 0)
            ) AS BIGINT
        ) AS input_tokens,
        CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
        MIN(usage_on) AS first_on,
        MAX(usage_on) AS last_on
    FROM core_usage_events
    WHERE
        source_role = 'ledger'
        AND cost_usd IS NULL
        AND price_status IN ('unpriced', 'partial', 'invalid')
    GROUP BY provider, route, model, service_tier, price_status
),

everything AS (
    SELECT
        SUM(
            CAST(COALESCE(input_tokens, 0) AS DOUBLE)
            + COALESCE(cache_read_tokens, 0)
            + COALESCE(cache_write_5m_tokens, 0)
            + COALESCE(cache_write_1h_tokens, 0)
            + COALESCE(output_tokens, 0)
        ) AS token_count
    FROM core_usage_events
    WHERE source_role = 'ledger'
)

SELECT
    provider,
    route,
    model,
    service_tier,
    price_status,
    request_count,
    input_tokens,
    output_tokens,
    first_on,
    last_on,
    CASE
        WHEN input_tokens IS NOT NULL OR output_tokens IS NOT NULL
            THEN
                CAST(COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0) AS DOUBLE)
                / NULLIF(everything.token_count, 0)
    END AS token_ratio
FROM unknown_costs
CROSS JOIN everything
ORDER BY
    COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0) DESC,
    request_count DESC,
    provider,
    model,
    route,
    service_tier,
    price_status
