-- question: What were calls for, by which route and tier did they go, and how much of them has no price?
-- grain: period_at, provider, model, route, service_tier, operation, price_status
-- sources: core_usage_events
-- owner: costs
WITH ledger_events AS (
    SELECT
        CASE
            WHEN EXTRACT(MINUTE FROM started_at) < 15 THEN DATE_TRUNC('hour', started_at)
            WHEN EXTRACT(MINUTE FROM started_at) < 30
                THEN DATE_TRUNC('hour', started_at) + INTERVAL '15' MINUTE
            WHEN EXTRACT(MINUTE FROM started_at) < 45
                THEN DATE_TRUNC('hour', started_at) + INTERVAL '30' MINUTE
            ELSE DATE_TRUNC('hour', started_at) + INTERVAL '45' MINUTE
        END AS period_at,
        provider,
        model,
        COALESCE(route, '(none)') AS route,
        COALESCE(service_tier, '(none)') AS service_tier,
        COALESCE(operation, '(none)') AS operation,
        price_status,
        request_count,
        cost_usd,
        list_cost_usd,
        cost_usd IS NULL AND price_status IN ('unpriced', 'partial', 'invalid') AS is_unpriced,
        -- A bucket that does not say how many calls it holds still is one unknown, never none.
        CASE WHEN request_count > 1 THEN request_count ELSE 1 END AS unknown_weight,
        -- The parts exclude one another: a part that the source does not tell is inside input_tokens.
        input_tokens
        + COALESCE(cache_read_tokens, 0)
        + COALESCE(cache_write_5m_tokens, 0)
        + COALESCE(cache_write_1h_tokens, 0) AS total_input_tokens,
        output_tokens,
        CASE WHEN record_kind = 'call' THEN is_cache_hit END AS is_hit
    FROM core_usage_events
    WHERE source_role = 'ledger'
)

SELECT
    period_at,
    CAST(period_at AS DATE) AS usage_on,
    provider,
    model,
    route,
    service_tier,
    operation,
    price_status,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd,
    SUM(CAST(list_cost_usd AS DECIMAL(38, 12))) AS list_cost_usd,
    CAST(SUM(CASE WHEN list_cost_usd IS NULL THEN unknown_weight ELSE 0 END) AS BIGINT)
        AS unknown_list_cost_count,
    CAST(SUM(CASE WHEN is_unpriced THEN unknown_weight ELSE 0 END) AS BIGINT) AS unpriced_count,
    CAST(SUM(CASE WHEN is_unpriced THEN total_input_tokens END) AS BIGINT) AS unpriced_input_tokens,
    CAST(SUM(CASE WHEN is_unpriced THEN output_tokens END) AS BIGINT) AS unpriced_output_tokens,
    COUNT(is_hit) AS lookup_count,
    CAST(SUM(CASE WHEN is_hit THEN 1 ELSE 0 END) AS BIGINT) AS hit_count
FROM ledger_events
GROUP BY period_at, provider, model, route, service_tier, operation, price_status
