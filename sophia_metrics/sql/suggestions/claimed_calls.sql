-- question: Which calls could have been cheaper, and by which one change each?
-- grain: usage_on, provider, route, model, team, price_tier, claim
-- sources: core_usage_events
-- owner: suggestions
WITH bought_calls AS (
    SELECT
        event_id,
        usage_on,
        started_at,
        provider,
        route,
        model,
        COALESCE(team, '(none)') AS team,
        COALESCE(operation, '(none)') AS operation,
        CASE
            WHEN COALESCE(LOWER(service_tier), '') IN ('', 'auto', 'default') THEN 'standard'
            ELSE LOWER(service_tier)
        END AS price_tier,
        status,
        retry_ordinal,
        is_stream,
        prompt_hash,
        prefix_hash,
        COALESCE(input_tokens, 0) AS input_tokens,
        COALESCE(cache_read_tokens, 0) AS cache_read_tokens,
        COALESCE(cache_write_5m_tokens, 0) + COALESCE(cache_write_1h_tokens, 0) AS cache_write_tokens,
        COALESCE(output_tokens, 0) AS output_tokens,
        COALESCE(cost_output_usd, 0) AS cost_output_usd,
        cost_usd,
        -- What writing to the prompt cache costs is claimed by another suggestion.
        cost_usd - COALESCE(cost_cache_write_usd, 0) AS claimable_usd
    FROM core_usage_events
    WHERE
        usage_on BETWEEN $first_on AND $last_on
        AND source_role = 'ledger'
        AND record_kind = 'call'
        AND cost_usd > 0
        AND NOT COALESCE(is_cache_hit, FALSE)
),

usual_outputs AS (
    SELECT
        provider,
        model,
        operation,
        PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(output_tokens AS DOUBLE)) AS median_output,
        COUNT(*) AS sample_count
    FROM bought_calls
    WHERE status = 'ok'
    GROUP BY provider, model, operation
),

placed_calls AS (
    SELECT
        bought_calls.event_id, bought_calls.usage_on, bought_calls.started_at, bought_calls.provider,
        bought_calls.route, bought_calls.model, bought_calls.team, bought_calls.operation, bought_calls.price_tier,
        bought_calls.status, bought_calls.retry_ordinal, bought_calls.is_stream, bought_calls.prompt_hash,
        bought_calls.prefix_hash, bought_calls.input_tokens, bought_calls.cache_read_tokens,
        bought_calls.cache_write_tokens, bought_calls.output_tokens, bought_calls.cost_output_usd,
        bought_calls.cost_usd, bought_calls.claimable_usd,
        CASE
            WHEN usual_outputs.sample_count >= 20
                THEN CAST(usual_outputs.median_output AS DOUBLE) * CAST($long_output_times AS DOUBLE)
        END AS output_cap,
        ROW_NUMBER() OVER (
            PARTITION BY
                bought_calls.provider, bought_calls.model, bought_calls.team, bought_calls.prompt_hash,
                bought_calls.usage_on
            ORDER BY bought_calls.started_at, bought_calls.event_id
        ) AS prompt_place,
        LAG(bought_calls.started_at) OVER (
            PARTITION BY bought_calls.provider, bought_calls.model, bought_calls.team, bought_calls.prefix_hash
            ORDER BY bought_calls.started_at, bought_calls.event_id
        ) AS prefix_before_at,
        LEAD(bought_calls.started_at) OVER (
            PARTITION BY bought_calls.provider, bought_calls.model, bought_calls.team, bought_calls.prefix_hash
            ORDER BY bought_calls.started_at, bought_calls.event_id
        ) AS prefix_after_at,
        MIN(bought_calls.input_tokens) OVER (
            PARTITION BY bought_calls.provider, bought_calls.model, bought_calls.team, bought_calls.prefix_hash
        ) AS shared_tokens
    FROM bought_calls
    LEFT JOIN usual_outputs
        ON
            bought_calls.provider = usual_outputs.provider
            AND bought_calls.model = usual_outputs.model
            AND bought_calls.operation = usual_outputs.operation
),

told_calls AS (
    SELECT
        usage_on, provider, route, model, team, operation, price_tier, status, retry_ordinal, is_stream, prompt_hash,
        input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost_output_usd, cost_usd, claimable_usd,
        output_cap, prompt_place, shared_tokens,
        -- The prompt caches of providers keep a prefix for five minutes, of 1,024 tokens or more.
        COALESCE(
            prefix_hash IS NOT NULL
            AND cache_read_tokens = 0
            AND cache_write_tokens = 0
            AND shared_tokens >= 1024
            AND DATE_DIFF('microsecond', prefix_before_at, started_at) <= 300000000,
            FALSE
        ) AS is_prefix_repeated,
        COALESCE(
            prefix_hash IS NOT NULL
            AND cache_read_tokens = 0
            AND cache_write_tokens = 0
            AND shared_tokens >= 1024
            AND DATE_DIFF('microsecond', started_at, prefix_after_at) <= 300000000
            AND COALESCE(DATE_DIFF('microsecond', prefix_before_at, started_at) > 300000000, TRUE),
            FALSE
        ) AS is_prefix_opening
    FROM placed_calls
),

-- A call is claimed once, by the first change that would do for it: no saving is counted twice.
claims AS (
    SELECT
        usage_on, provider, route, model, team, operation, price_tier, input_tokens, cache_read_tokens, output_tokens,
        cost_output_usd, cost_usd, claimable_usd, output_cap, shared_tokens, is_prefix_opening,
        CASE
            WHEN prompt_hash IS NOT NULL AND prompt_place > 1 AND status = 'ok' THEN 'repeated_prompts'
            WHEN status <> 'ok' OR retry_ordinal > 0 THEN 'retries'
            WHEN
                price_tier = 'priority'
                AND (list_contains($patient_operations, LOWER(operation)) OR NOT COALESCE(is_stream, TRUE))
                THEN 'idle_premium_tier'
            WHEN price_tier = 'standard' AND list_contains($patient_operations, LOWER(operation))
                THEN 'batch_candidate'
            WHEN
                price_tier = 'standard'
                AND list_contains($dear_models, provider || '/' || model)
                AND input_tokens + cache_read_tokens + cache_write_tokens <= $short_input_tokens
                AND output_tokens <= $short_output_tokens
                THEN 'expensive_model'
            WHEN is_prefix_repeated THEN 'missing_prompt_cache'
            WHEN output_tokens > output_cap THEN 'oversized_outputs'
            ELSE 'none'
        END AS claim
    FROM told_calls
)

SELECT
    usage_on,
    provider,
    route,
    model,
    team,
    price_tier,
    claim,
    COUNT(*) AS call_count,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd,
    SUM(CAST(claimable_usd AS DECIMAL(38, 12))) AS claimable_usd,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(cache_read_tokens) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
    CAST(SUM(CASE WHEN claim = 'missing_prompt_cache' THEN shared_tokens ELSE 0 END) AS BIGINT) AS shared_tokens,
    CAST(SUM(CASE WHEN is_prefix_opening THEN shared_tokens ELSE 0 END) AS BIGINT) AS opening_tokens,
    COUNT(CASE WHEN is_prefix_opening THEN 1 END) AS opening_count,
    SUM(
        CASE
            WHEN claim = 'oversized_outputs'
                THEN CAST(
                    CAST(cost_output_usd AS DOUBLE) * (CAST(output_tokens AS DOUBLE) - CAST(output_cap AS DOUBLE))
                    / CAST(NULLIF(output_tokens, 0) AS DOUBLE) AS DECIMAL(38, 12)
                )
            ELSE 0
        END
    ) AS excess_usd
FROM claims
GROUP BY usage_on, provider, route, model, team, price_tier, claim
