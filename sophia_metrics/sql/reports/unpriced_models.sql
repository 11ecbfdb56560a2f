-- question: Which models have calls whose cost is not known, and how many calls and tokens are they?
-- grain: provider, model, price_status
-- sources: mart_usage_15min
-- owner: costs
SELECT
    provider,
    model,
    price_status,
    CAST(SUM(unpriced_count) AS BIGINT) AS request_count,
    CAST(SUM(unpriced_input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(unpriced_output_tokens) AS BIGINT) AS output_tokens,
    MIN(usage_on) AS first_on,
    MAX(usage_on) AS last_on
FROM mart_usage_15min
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND unpriced_count > 0
GROUP BY provider, model, price_status
ORDER BY request_count DESC, provider, model, price_status
