-- question: What did we use, and what did it cost, by hour?
-- grain: period_at, provider, model, team, project, environment
-- sources: mart_cost_15min
-- owner: costs
SELECT
    DATE_TRUNC('hour', period_at) AS period_at,
    usage_on,
    provider,
    model,
    team,
    project,
    environment,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(error_count) AS BIGINT) AS error_count,
    CAST(SUM(cache_hit_count) AS BIGINT) AS cache_hit_count,
    CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
    CAST(SUM(cache_read_tokens) AS BIGINT) AS cache_read_tokens,
    CAST(SUM(cache_write_tokens) AS BIGINT) AS cache_write_tokens,
    CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
    CAST(SUM(reasoning_tokens) AS BIGINT) AS reasoning_tokens,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd,
    SUM(CAST(list_cost_usd AS DECIMAL(38, 12))) AS list_cost_usd,
    SUM(CAST(cost_reported_usd AS DECIMAL(38, 12))) AS cost_reported_usd,
    SUM(CAST(cost_computed_usd AS DECIMAL(38, 12))) AS cost_computed_usd,
    CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count,
    CAST(SUM(unknown_usage_count) AS BIGINT) AS unknown_usage_count,
    CAST(SUM(unknown_list_cost_count) AS BIGINT) AS unknown_list_cost_count,
    CAST(SUM(unknown_reported_count) AS BIGINT) AS unknown_reported_count,
    SUM(CAST(prompt_cache_saving_usd AS DECIMAL(38, 12))) AS prompt_cache_saving_usd,
    SUM(latency_ms_sum) AS latency_ms_sum,
    CAST(SUM(latency_count) AS BIGINT) AS latency_count,
    BOOL_OR(is_coarse) AS is_coarse
FROM mart_cost_15min
GROUP BY DATE_TRUNC('hour', period_at), usage_on, provider, model, team, project, environment
