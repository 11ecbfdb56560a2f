-- question: which rows of AI_USAGE_ANALYTICS are the calls of some days?
-- grain: one call
-- sources: calls (rows of core_usage_events)
-- owner: sinks
WITH costed AS (
    SELECT
        event_id,
        started_at,
        provider,
        model,
        operation,
        user_hash,
        session_id,
        cost_usd,
        cost_basis,
        source,
        latency_ms,
        is_cache_hit,
        status,
        error_class,
        CASE WHEN coalesce(
            input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens
        ) IS NOT NULL
            THEN coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0)
                + coalesce(cache_write_1h_tokens, 0) + coalesce(output_tokens, 0) END AS tokens_used,
        CAST(cost_usd AS DECIMAL(38, 6)) AS rounded_usd
    FROM calls
)
SELECT
    'sophia:' || event_id AS request_id,
    started_at AS called_at,
    provider,
    model,
    operation AS task_type,
    user_hash AS user_id,
    session_id,
    rounded_usd AS cost_usd,
    CAST(round(latency_ms) AS BIGINT) AS latency_ms,
    CAST(tokens_used AS BIGINT) AS tokens_used,
    is_cache_hit AS cache_hit,
    CASE WHEN status <> 'ok' THEN coalesce(error_class, status) END AS error,
    CAST(to_json(map(['source', 'cost_basis'], [source, coalesce(cost_basis, 'unknown')])) AS VARCHAR) AS metadata,
    coalesce(rounded_usd <> cost_usd, false) AS is_rounded,
    coalesce(abs(rounded_usd) >= 10000, false) AS is_refused
FROM costed
