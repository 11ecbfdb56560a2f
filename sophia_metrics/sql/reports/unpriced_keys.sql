-- question: Which calls have no known cost, by everything that a price depends on, the most tokens first?
-- grain: provider, route, model, service_tier, price_status
-- sources: mart_cost_daily, mart_usage_15min
-- owner: pricing
WITH unknown_costs AS (
    SELECT
        provider,
        NULLIF(route, '(none)') AS route,
        model,
        NULLIF(service_tier, '(none)') AS service_tier,
        price_status,
        CAST(SUM(unpriced_count) AS BIGINT) AS request_count,
        CAST(SUM(unpriced_input_tokens) AS BIGINT) AS input_tokens,
        CAST(SUM(unpriced_output_tokens) AS BIGINT) AS output_tokens,
        MIN(usage_on) AS first_on,
        MAX(usage_on) AS last_on
    FROM mart_usage_15min
    WHERE unpriced_count > 0
    GROUP BY provider, route, model, service_tier, price_status
),

everything AS (
    SELECT
        SUM(
            CAST(COALESCE(input_tokens, 0) AS DOUBLE)
            + COALESCE(cache_read_tokens, 0)
            + COALESCE(cache_write_tokens, 0)
            + COALESCE(output_tokens, 0)
        ) AS token_count
    FROM mart_cost_daily
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
