-- question: which usage events do rows of CORTEX_AI_FUNCTIONS_USAGE_HISTORY hold?
-- grain: one landed row
-- sources: landed (format snowflake_cortex)
-- owner: sources
WITH counted AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(end_at)) AS ended_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        lower(nullif(trim(function_name), '')) AS function_name,
        nullif(trim(model_name), '') AS model_name,
        nullif(query_id, '') AS query_id,
        coalesce(warehouse_id, '') AS warehouse_id,
        nullif(user_id, '') AS user_hash,
        is_completed,
        list_sum(list_transform(
            list_filter(metrics, lambda each: lower(each."key".unit) = 'tokens'
                AND lower(each."key".metric) IN ('input', 'input_tokens', 'prompt', 'prompt_tokens')),
            lambda each: each."value"
        )) AS whole_input_tokens,
        list_sum(list_transform(
            list_filter(metrics, lambda each: lower(each."key".unit) = 'tokens'
                AND lower(each."key".metric) IN ('cache_read', 'cache_read_input', 'cache_read_tokens')),
            lambda each: each."value"
        )) AS read_tokens,
        list_sum(list_transform(
            list_filter(metrics, lambda each: lower(each."key".unit) = 'tokens'
                AND lower(each."key".metric) IN ('output', 'output_tokens', 'completion', 'completion_tokens')),
            lambda each: each."value"
        )) AS output_tokens
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    -- Without an id nothing tells a row that is read again from another one.
    CASE WHEN defect IS NULL AND query_id IS NULL THEN 'wrong_type' ELSE defect END AS defect,
    false AS is_ignored,
    query_id || '/' || strftime(started_at, '%Y-%m-%dT%H') || '/' || coalesce(function_name, '') || '/'
        || coalesce(model_name, '') || '/' || warehouse_id AS native_id,
    whole_input_tokens AS total_input_tokens,
    'bucket' AS record_kind,
    started_at,
    ended_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    user_hash,
    query_id AS request_id,
    'snowflake' AS provider,
    'cortex' AS route,
    -- Functions that take no model have none: they are named themselves.
    coalesce(model_name, function_name, 'unknown') AS model,
    model_name AS model_requested,
    function_name AS operation,
    'ok' AS status,
    whole_input_tokens - coalesce(read_tokens, 0) AS input_tokens,
    read_tokens AS cache_read_tokens,
    output_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE
        WHEN whole_input_tokens IS NULL AND output_tokens IS NULL THEN 'missing'
        WHEN is_completed AND whole_input_tokens IS NOT NULL AND output_tokens IS NOT NULL THEN 'exact'
        ELSE 'partial'
    END AS usage_quality
FROM counted
