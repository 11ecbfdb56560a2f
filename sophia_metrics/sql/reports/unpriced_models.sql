-- question: Which models have calls whose cost is not known, and how many calls and tokens are they?
-- grain: provider, model, price_status
-- sources: core_usage_events
-- owner: costs
SELECT
    provider,
    model,
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
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND source_role = 'ledger'
    AND cost_usd IS NULL
    AND price_status IN ('unpriced', 'partial', 'invalid')
GROUP BY provider, model, price_status
ORDER BY request_count DESC, provider, model, price_status
