-- question: which usage events are the days of Claude Code at an Anthropic organisation?
-- grain: one landed row
-- sources: landed (format anthropic_claude_code)
-- owner: sources
WITH counted AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        make_timestamp(epoch_us(day_at)) AS started_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        nullif(email_address, '') AS email_address,
        nullif(api_key_name, '') AS api_key_name,
        nullif(customer_type, '') AS customer_type,
        nullif(terminal_type, '') AS terminal_type,
        nullif(trim(model), '') AS told_model,
        input_tokens AS fresh_tokens,
        cache_creation_tokens AS written_tokens,
        cache_read_tokens AS read_tokens,
        output_tokens AS answered_tokens,
        estimated_cost,
        nullif(upper(currency), '') AS currency
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    concat_ws(
        '/', strftime(started_at, '%Y-%m-%d'), coalesce(email_address, '-'), coalesce(api_key_name, '-'),
        coalesce(customer_type, '-'), coalesce(terminal_type, '-'), coalesce(told_model, '-')
    ) AS native_id,
    coalesce(fresh_tokens, 0) + coalesce(written_tokens, 0) + coalesce(read_tokens, 0) AS total_input_tokens,
    'bucket' AS record_kind,
    started_at,
    started_at + INTERVAL 1 DAY AS ended_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    'claude_code' AS project,
    email_address AS user_hash,
    api_key_name AS api_key_id,
    'anthropic' AS provider,
    'direct' AS route,
    told_model AS model,
    told_model AS model_requested,
    'chat' AS operation,
    'ok' AS status,
    fresh_tokens AS input_tokens,
    read_tokens AS cache_read_tokens,
    -- The report does not say for how long a write is kept.
    written_tokens AS cache_write_5m_tokens,
    answered_tokens AS output_tokens,
    CAST(0 AS BIGINT) AS request_count,
    CASE
        WHEN fresh_tokens IS NULL OR read_tokens IS NULL OR written_tokens IS NULL OR answered_tokens IS NULL
            THEN 'partial'
        WHEN written_tokens > 0 THEN 'ttl_assumed'
        ELSE 'exact'
    END AS usage_quality,
    estimated_cost AS cost_reported,
    CASE WHEN estimated_cost IS NOT NULL THEN currency END AS cost_reported_currency
FROM counted
