-- question: What does a model cost per call and per token, and how fast and how well does it answer?
-- grain: usage_on, provider, model
-- sources: core_usage_events
-- owner: costs
WITH ledger_events AS (
    SELECT
        usage_on,
        provider,
        model,
        request_count,
        -- A bucket that does not say how many calls it holds still is one answer, good or bad.
        CASE WHEN request_count > 1 THEN request_count ELSE 1 END AS answer_count,
        status,
        -- A response cache answers without the model, and an error is not an answer of it.
        CASE
            WHEN record_kind = 'call' AND status = 'ok' AND is_cache_hit IS DISTINCT FROM TRUE THEN latency_ms
        END AS answer_ms,
        CASE
            WHEN record_kind = 'call' AND status = 'ok' AND is_cache_hit IS DISTINCT FROM TRUE THEN ttft_ms
        END AS first_token_ms,
        cache_read_tokens,
        output_tokens,
        cost_usd,
        -- The parts exclude one another: a part that the source does not tell is inside input_tokens.
        input_tokens
        + COALESCE(cache_read_tokens, 0)
        + COALESCE(cache_write_5m_tokens, 0)
        + COALESCE(cache_write_1h_tokens, 0) AS total_input_tokens
    FROM core_usage_events
    WHERE source_role = 'ledger'
),

sums AS (
    SELECT
        usage_on,
        provider,
        model,
        CAST(SUM(request_count) AS BIGINT) AS request_count,
        SUM(answer_count) AS answer_count,
        SUM(CASE WHEN status <> 'ok' THEN answer_count ELSE 0 END) AS error_count,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS known_cost_usd,
        SUM(CASE WHEN cost_usd IS NOT NULL THEN request_count END) AS known_cost_count,
        SUM(
            CASE
                WHEN total_input_tokens IS NOT NULL AND output_tokens IS NOT NULL
                    THEN CAST(cost_usd AS DECIMAL(38, 12))
            END
        ) AS token_cost_usd,
        SUM(CASE WHEN cost_usd IS NOT NULL THEN total_input_tokens + output_tokens END) AS token_count,
        SUM(CASE WHEN total_input_tokens IS NOT NULL THEN cache_read_tokens END) AS read_tokens,
        SUM(CASE WHEN cache_read_tokens IS NOT NULL THEN total_input_tokens END) AS readable_tokens,
        SUM(CASE WHEN total_input_tokens IS NOT NULL THEN output_tokens END) AS answered_tokens,
        SUM(CASE WHEN output_tokens IS NOT NULL THEN total_input_tokens END) AS asked_tokens,
        PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY answer_ms) AS latency_p50_ms,
        PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY answer_ms) AS latency_p95_ms,
        PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY first_token_ms) AS ttft_p50_ms
    FROM ledger_events
    GROUP BY usage_on, provider, model
)

SELECT
    usage_on,
    provider,
    model,
    request_count,
    CAST(known_cost_usd AS DOUBLE) / CAST(NULLIF(known_cost_count, 0) AS DOUBLE) AS cost_per_request_usd,
    CAST(token_cost_usd AS DOUBLE) * 1000 / CAST(NULLIF(token_count, 0) AS DOUBLE) AS cost_per_1k_tokens_usd,
    CAST(latency_p50_ms AS DOUBLE) AS latency_p50_ms,
    CAST(latency_p95_ms AS DOUBLE) AS latency_p95_ms,
    CAST(ttft_p50_ms AS DOUBLE) AS ttft_p50_ms,
    CAST(error_count AS DOUBLE) / CAST(NULLIF(answer_count, 0) AS DOUBLE) AS error_ratio,
    CAST(read_tokens AS DOUBLE) / CAST(NULLIF(readable_tokens, 0) AS DOUBLE) AS cache_read_ratio,
    CAST(answered_tokens AS DOUBLE) / CAST(NULLIF(asked_tokens, 0) AS DOUBLE) AS output_input_ratio
FROM sums
