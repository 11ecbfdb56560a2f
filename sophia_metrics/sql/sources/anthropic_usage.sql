-- question: which usage events are the buckets of Anthropic's usage report of messages?
-- grain: one landed row
-- sources: landed (format anthropic_usage)
-- owner: sources
WITH counted AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(end_at)) AS ended_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        nullif(api_key_id, '') AS key_id,
        nullif(workspace_id, '') AS workspace_id,
        nullif(trim(model), '') AS told_model,
        nullif(lower(service_tier), '') AS told_tier,
        nullif(context_window, '') AS told_window,
        nullif(account_id, '') AS person_id,
        nullif(service_account_id, '') AS service_account_id,
        nullif(inference_geo, '') AS inference_geo,
        uncached_input_tokens AS fresh_tokens,
        cache_creation_ephemeral_5m_input_tokens AS written_5m_tokens,
        cache_creation_ephemeral_1h_input_tokens AS written_1h_tokens,
        cache_read_input_tokens AS read_tokens,
        output_tokens AS answered_tokens
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    concat_ws(
        '/', strftime(started_at, '%Y-%m-%dT%H:%M'), coalesce(key_id, '-'), coalesce(workspace_id, '-'),
        coalesce(told_model, '-'), coalesce(told_tier, '-'), coalesce(told_window, '-'), coalesce(person_id, '-'),
        coalesce(service_account_id, '-'), coalesce(inference_geo, '-')
    ) AS native_id,
    coalesce(fresh_tokens, 0) + coalesce(written_5m_tokens, 0) + coalesce(written_1h_tokens, 0)
        + coalesce(read_tokens, 0) AS total_input_tokens,
    'bucket' AS record_kind,
    started_at,
    ended_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    coalesce(workspace_id, 'default') AS project,
    coalesce(person_id, service_account_id) AS user_hash,
    key_id AS api_key_id,
    'anthropic' AS provider,
    'direct' AS route,
    nullif(inference_geo, 'not_available') AS region,
    -- A search without a model is named by what it is.
    coalesce(told_model, 'messages') AS model,
    told_model AS model_requested,
    'chat' AS operation,
    CASE told_tier
        WHEN 'priority_on_demand' THEN 'priority'
        WHEN 'flex_discount' THEN 'flex'
        ELSE told_tier
    END AS service_tier,
    'ok' AS status,
    told_window AS context_window,
    fresh_tokens AS input_tokens,
    read_tokens AS cache_read_tokens,
    written_5m_tokens AS cache_write_5m_tokens,
    written_1h_tokens AS cache_write_1h_tokens,
    answered_tokens AS output_tokens,
    -- The report does not say how many calls there were.
    CAST(0 AS BIGINT) AS request_count,
    CASE
        WHEN fresh_tokens IS NULL OR read_tokens IS NULL OR written_5m_tokens IS NULL OR written_1h_tokens IS NULL
            OR answered_tokens IS NULL THEN 'partial'
        ELSE 'exact'
    END AS usage_quality
FROM counted
