-- question: which usage events do rows of AI_USAGE_ANALYTICS hold?
-- grain: one landed row
-- sources: landed (format snowflake_analytics)
-- owner: sources
SELECT
    row_ordinal,
    file_name,
    -- Without an id nothing tells a row that is read again from another one.
    CASE WHEN defect IS NULL AND coalesce(request_id, '') = '' THEN 'wrong_type' ELSE defect END AS defect,
    false AS is_ignored,
    nullif(request_id, '') AS native_id,
    CAST(NULL AS BIGINT) AS total_input_tokens,
    'call' AS record_kind,
    make_timestamp(epoch_us(called_at)) AS started_at,
    make_timestamp(epoch_us(read_at)) AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    nullif(user_id, '') AS user_hash,
    nullif(session_id, '') AS session_id,
    CASE WHEN cardinality(tags) > 0 THEN CAST(to_json(tags) AS VARCHAR) END AS tags,
    nullif(request_id, '') AS request_id,
    coalesce(nullif(lower(trim(provider)), ''), 'unknown') AS provider,
    coalesce(nullif(trim(model), ''), 'unknown') AS model,
    nullif(lower(trim(task_type)), '') AS operation,
    CASE WHEN has_error THEN 'error' ELSE 'ok' END AS status,
    CASE WHEN has_error THEN coalesce(nullif(error_class, ''), 'unspecified') END AS error_class,
    CAST(1 AS BIGINT) AS request_count,
    -- The table tells the sum of all tokens and no more: it is the unit total_tokens.
    CASE WHEN tokens_used IS NULL THEN 'missing' ELSE 'partial' END AS usage_quality,
    latency_ms,
    cache_hit AS is_cache_hit,
    cost_usd AS cost_reported,
    CASE WHEN cost_usd IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM landed
