-- question: What did each value of one dimension spend between two instants, by source?
-- grain: scope (null: the calls that have no value; of tags the whole text), source
-- sources: core_usage_events
-- owner: exports
WITH scoped_events AS (
    SELECT
        CASE CAST($dimension AS VARCHAR)
            WHEN 'key' THEN api_key_id
            WHEN 'user' THEN user_hash
            WHEN 'team' THEN team
            WHEN 'project' THEN project
            ELSE tags
        END AS scope,
        source,
        cost_usd,
        request_count,
        CASE
            WHEN COALESCE(
                input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens
            ) IS NOT NULL
                THEN COALESCE(input_tokens, 0)
                    + COALESCE(cache_read_tokens, 0)
                    + COALESCE(cache_write_5m_tokens, 0)
                    + COALESCE(cache_write_1h_tokens, 0)
                    + COALESCE(output_tokens, 0)
        END AS tokens,
        CASE
            WHEN cost_usd IS NOT NULL OR price_status NOT IN ('unpriced', 'partial', 'invalid') THEN 0
            WHEN request_count > 1 THEN request_count
            ELSE 1
        END AS unpriced_count
    FROM core_usage_events
    WHERE
        usage_on >= $first_on
        AND usage_on <= $last_on
        AND started_at >= $start_at
        AND started_at < $end_at
        AND source_role = 'ledger'
        AND (cost_usd IS NOT NULL OR price_status <> 'subscription')
)

SELECT
    scope,
    source,
    CAST(SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS DECIMAL(38, 12)) AS cost_usd,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(tokens) AS BIGINT) AS tokens,
    CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count
FROM scoped_events
GROUP BY scope, source
ORDER BY scope, source
