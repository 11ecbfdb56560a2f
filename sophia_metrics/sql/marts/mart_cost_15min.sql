-- question: What did we use, and what did it cost, by quarter of an hour?
-- grain: period_at, provider, model, team, project, environment
-- sources: core_usage_events, core_price_cards
-- owner: costs
WITH input_rates AS (
    SELECT DISTINCT
        price_id,
        rate_input_usd
    FROM core_price_cards
),

ledger_events AS (
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
        COALESCE(team, '(none)') AS team,
        COALESCE(project, '(none)') AS project,
        COALESCE(environment, '(none)') AS environment,
        status,
        is_cache_hit,
        request_count,
        -- A bucket that does not say how many calls it holds still is one unknown, never none.
        CASE WHEN request_count > 1 THEN request_count ELSE 1 END AS unknown_weight,
        input_tokens,
        cache_read_tokens,
        CASE
            WHEN cache_write_5m_tokens IS NULL THEN cache_write_1h_tokens
            ELSE cache_write_5m_tokens + COALESCE(cache_write_1h_tokens, 0)
        END AS cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        cost_usd,
        list_cost_usd,
        cost_reported_usd,
        cost_computed_usd,
        price_status,
        -- What went through the prompt cache at a known cost, that cost, and the price of plain input. What a
        -- response cache answered went through no prompt cache, whatever its tokens say.
        rate_input_usd,
        CASE
            WHEN is_cache_hit OR cost_cache_read_usd IS NULL THEN 0
            ELSE COALESCE(cache_read_tokens, 0)
        END
        + CASE
            WHEN is_cache_hit OR cost_cache_write_usd IS NULL THEN 0
            ELSE COALESCE(cache_write_5m_tokens, 0) + COALESCE(cache_write_1h_tokens, 0)
        END AS cached_tokens,
        CASE
            WHEN rate_input_usd IS NULL THEN NULL
            WHEN is_cache_hit THEN 0
            WHEN cost_cache_read_usd IS NULL THEN cost_cache_write_usd
            ELSE cost_cache_read_usd + COALESCE(cost_cache_write_usd, 0)
        END AS cached_cost_usd,
        CASE WHEN record_kind = 'call' THEN latency_ms END AS latency_ms,
        record_kind = 'bucket'
        AND (ended_at IS NULL OR ended_at > started_at + INTERVAL '15' MINUTE) AS is_coarse
    FROM core_usage_events
    LEFT JOIN input_rates ON input_rates.price_id = core_usage_events.price_id
    WHERE source_role = 'ledger'
)

SELECT
    period_at,
    CAST(period_at AS DATE) AS usage_on,
    provider,
    model,
    team,
    project,
    environment,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(CASE WHEN status <> 'ok' THEN request_count ELSE 0 END) AS BIGINT) AS error_count,
    CAST(SUM(CASE WHEN is_cache_hit THEN request_count ELSE 0 END) AS BIGINT) AS cache_hit_count,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(cache_read_tokens) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(cache_write_tokens) AS BIGINT) AS cache_write_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
    CAST(SUM(reasoning_tokens) AS BIGINT) AS reasoning_tokens,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd,
    SUM(CAST(list_cost_usd AS DECIMAL(38, 12))) AS list_cost_usd,
    SUM(CAST(cost_reported_usd AS DECIMAL(38, 12))) AS cost_reported_usd,
    SUM(CAST(cost_computed_usd AS DECIMAL(38, 12))) AS cost_computed_usd,
    CAST(
        SUM(
            CASE
                WHEN cost_usd IS NULL AND price_status IN ('unpriced', 'partial', 'invalid')
                    THEN unknown_weight
                ELSE 0
            END
        ) AS BIGINT
    ) AS unpriced_count,
    CAST(
        SUM(CASE WHEN input_tokens IS NULL OR output_tokens IS NULL THEN unknown_weight ELSE 0 END) AS BIGINT
    ) AS unknown_usage_count,
    CAST(SUM(CASE WHEN list_cost_usd IS NULL THEN unknown_weight ELSE 0 END) AS BIGINT)
        AS unknown_list_cost_count,
    CAST(SUM(CASE WHEN cost_reported_usd IS NULL THEN unknown_weight ELSE 0 END) AS BIGINT)
        AS unknown_reported_count,
    -- Summed with 18 decimals and rounded once: a rate has up to 18, and rounding each call would not add up.
    CAST(
        SUM(
            CASE
                WHEN cached_cost_usd IS NOT NULL
                    THEN CAST(cached_tokens * rate_input_usd AS DECIMAL(38, 18))
            END
        )
        - SUM(CAST(cached_cost_usd AS DECIMAL(38, 12))) AS DECIMAL(38, 12)
    ) AS prompt_cache_saving_usd,
    SUM(latency_ms) AS latency_ms_sum,
    COUNT(latency_ms) AS latency_count,
    BOOL_OR(is_coarse) AS is_coarse
FROM ledger_events
GROUP BY period_at, provider, model, team, project, environment
