-- question: which usage events are the buckets of OpenAI's organisation usage?
-- grain: one landed row
-- sources: landed (format openai_usage)
-- owner: sources
WITH counted AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        kind,
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(end_at)) AS ended_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        nullif(project_id, '') AS project_id,
        nullif(user_id, '') AS user_id,
        nullif(api_key_id, '') AS api_key_id,
        nullif(trim(model), '') AS model,
        batch,
        nullif(service_tier, '') AS service_tier,
        source,
        size,
        vector_store_id,
        context_level,
        input_tokens AS whole_input_tokens,
        input_cached_tokens,
        input_cache_write_tokens,
        -- What has a price of its own is a unit, and stands in no token column.
        greatest(0, coalesce(input_audio_tokens, 0) - coalesce(input_cached_audio_tokens, 0))
            + greatest(0, coalesce(input_image_tokens, 0) - coalesce(input_cached_image_tokens, 0)) AS input_unit_tokens,
        coalesce(output_audio_tokens, 0) + coalesce(output_image_tokens, 0) AS output_unit_tokens,
        output_tokens,
        coalesce(num_model_requests, num_requests) AS requests
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    concat_ws(
        '/', kind, strftime(started_at, '%Y-%m-%dT%H:%M'), coalesce(project_id, '-'), coalesce(user_id, '-'),
        coalesce(api_key_id, '-'), coalesce(model, '-'), coalesce(CAST(batch AS VARCHAR), '-'),
        coalesce(service_tier, '-'), coalesce(source, '-'), coalesce(size, '-'), coalesce(vector_store_id, '-'),
        coalesce(context_level, '-')
    ) AS native_id,
    whole_input_tokens - input_unit_tokens AS total_input_tokens,
    'bucket' AS record_kind,
    started_at,
    ended_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    project_id AS project,
    user_id AS user_hash,
    api_key_id,
    'openai' AS provider,
    'direct' AS route,
    -- Storage, sessions and searches have no model: they are named by what they are.
    coalesce(model, kind) AS model,
    model AS model_requested,
    kind AS operation,
    CASE WHEN batch THEN 'batch' WHEN lower(service_tier) = 'default' THEN 'standard' ELSE lower(service_tier) END
        AS service_tier,
    'ok' AS status,
    whole_input_tokens - coalesce(input_cached_tokens, 0) - coalesce(input_cache_write_tokens, 0) - input_unit_tokens
        AS input_tokens,
    input_cached_tokens AS cache_read_tokens,
    input_cache_write_tokens AS cache_write_5m_tokens,
    output_tokens - output_unit_tokens AS output_tokens,
    CAST(coalesce(requests, 0) AS BIGINT) AS request_count,
    CASE
        WHEN kind <> 'completions' THEN 'exact'
        WHEN counted.whole_input_tokens IS NULL OR counted.output_tokens IS NULL THEN 'partial'
        WHEN coalesce(input_cache_write_tokens, 0) > 0 THEN 'ttl_assumed'
        ELSE 'exact'
    END AS usage_quality
FROM counted
