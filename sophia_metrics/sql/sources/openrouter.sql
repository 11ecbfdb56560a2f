-- question: which usage events do OpenRouter's responses and generations hold?
-- grain: one landed row
-- sources: landed (format openrouter)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        coalesce(nullif(id, ''), nullif(generation.id, '')) AS native_id,
        nullif(generation.id, '') IS NOT NULL AND usage IS NULL AS is_generation,
        usage IS NULL AND nullif(generation.id, '') IS NULL AND (object = 'chat.completion.chunk' OR error IS NOT NULL)
            AS is_without_usage,
        coalesce(
            CASE WHEN created BETWEEN 0 AND 100000000000 THEN make_timestamp(CAST(created * 1000000 AS BIGINT)) END,
            make_timestamp(epoch_us(generation.created_at))
        ) AS started_at,
        coalesce(nullif(model, ''), nullif(generation.model, ''), 'unknown') AS model,
        coalesce(nullif(provider, ''), nullif(generation.provider_name, '')) AS upstream,
        nullif(external_user, '') AS user_hash,
        lower(coalesce(nullif(service_tier, ''), nullif(usage.service_tier, ''), nullif(generation.service_tier, '')))
            AS service_tier,
        generation.streamed AS is_stream,
        nullif(generation.finish_reason, '') AS finish_reason,
        CASE WHEN error IS NOT NULL THEN 'error' WHEN generation.cancelled THEN 'cancelled' ELSE 'ok' END AS status,
        nullif(error.code, '') AS error_class,
        generation.latency AS latency_ms,
        coalesce(usage.prompt_tokens, generation.native_tokens_prompt) AS prompt_tokens,
        coalesce(usage.completion_tokens, generation.native_tokens_completion) AS completion_tokens,
        coalesce(usage.prompt_tokens_details.cached_tokens, generation.native_tokens_cached) AS read_tokens,
        usage.prompt_tokens_details.cache_write_tokens AS written_tokens,
        usage.cache_creation.ephemeral_5m_input_tokens AS written_5m_tokens,
        usage.cache_creation.ephemeral_1h_input_tokens AS written_1h_tokens,
        coalesce(usage.prompt_tokens_details.audio_tokens, 0) + coalesce(usage.prompt_tokens_details.video_tokens, 0)
            AS input_media_tokens,
        coalesce(usage.completion_tokens_details.audio_tokens, 0)
            + coalesce(usage.completion_tokens_details.image_tokens, generation.native_tokens_completion_images, 0)
            AS output_media_tokens,
        coalesce(usage.completion_tokens_details.reasoning_tokens, generation.native_tokens_reasoning)
            AS reasoning_tokens,
        coalesce(usage.is_byok, generation.is_byok, false) AS is_own_key,
        coalesce(usage.cost, generation.total_cost) AS charged,
        coalesce(usage.cost_details.upstream_inference_cost, generation.upstream_inference_cost) AS upstream_cost
    FROM landed
),
split AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        native_id,
        is_generation,
        is_without_usage,
        started_at,
        model,
        upstream,
        user_hash,
        service_tier,
        is_stream,
        finish_reason,
        status,
        error_class,
        latency_ms,
        prompt_tokens,
        completion_tokens,
        read_tokens,
        coalesce(written_tokens - coalesce(written_1h_tokens, 0), written_5m_tokens) AS cache_write_5m_tokens,
        written_1h_tokens AS cache_write_1h_tokens,
        written_tokens > 0 AND written_5m_tokens IS NULL AND written_1h_tokens IS NULL AS is_ttl_assumed,
        prompt_tokens - coalesce(read_tokens, 0)
            - coalesce(written_tokens, coalesce(written_5m_tokens, 0) + coalesce(written_1h_tokens, 0))
            AS uncached_tokens,
        input_media_tokens,
        output_media_tokens,
        reasoning_tokens,
        -- With a key of one's own OpenRouter charges its fee, and the provider bills the rest.
        -- A sum that no number holds stays an absurd one, which breaks a row rule and does not stop the file.
        CASE
            WHEN NOT is_own_key THEN charged
            WHEN charged IS NOT NULL AND upstream_cost IS NOT NULL
                THEN coalesce(TRY(CAST(charged + upstream_cost AS DECIMAL(38, 12))), greatest(charged, upstream_cost))
        END AS billed
    FROM entries
)
SELECT
    row_ordinal,
    file_name,
    defect,
    coalesce(defect IS NULL AND is_without_usage, false) AS is_ignored,
    native_id,
    prompt_tokens AS total_input_tokens,
    'call' AS record_kind,
    started_at,
    CAST(NULL AS TIMESTAMP) AS source_updated_at,
    CAST(CASE WHEN is_generation THEN -1 ELSE 0 END AS BIGINT) AS version_rank,
    user_hash,
    CASE WHEN upstream IS NOT NULL THEN CAST(to_json(map(['upstream'], [upstream])) AS VARCHAR) END AS tags,
    native_id AS request_id,
    CASE
        WHEN strpos(model, '/') > 0 THEN lower(split_part(model, '/', 1))
        ELSE coalesce(lower(upstream), 'unknown')
    END AS provider,
    'openrouter' AS route,
    model,
    'chat' AS operation,
    CASE WHEN service_tier = 'default' THEN 'standard' ELSE service_tier END AS service_tier,
    is_stream,
    finish_reason,
    status,
    error_class,
    uncached_tokens - greatest(0, least(input_media_tokens, uncached_tokens)) AS input_tokens,
    read_tokens AS cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    completion_tokens - greatest(0, least(output_media_tokens, completion_tokens)) AS output_tokens,
    reasoning_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE
        WHEN prompt_tokens IS NULL AND completion_tokens IS NULL THEN 'missing'
        WHEN prompt_tokens IS NULL OR completion_tokens IS NULL OR is_generation THEN 'partial'
        WHEN is_ttl_assumed THEN 'ttl_assumed'
        ELSE 'exact'
    END AS usage_quality,
    latency_ms,
    billed AS cost_reported,
    CASE WHEN billed IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM split
