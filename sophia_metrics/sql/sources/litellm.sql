-- question: which usage events do LiteLLM's spend logs hold?
-- grain: one landed row
-- sources: landed (format litellm)
-- owner: sources
WITH tag_lists AS (
    SELECT DISTINCT request_tags
    FROM landed
    WHERE len(request_tags) > 0
),
tag_names AS (
    SELECT
        request_tags,
        list_distinct(list_transform(
            list_filter(request_tags, lambda tag: trim(split_part(tag, ':', 1)) <> ''),
            lambda tag: trim(split_part(tag, ':', 1))
        )) AS names
    FROM tag_lists
),
-- A tag 'team:search' has a name and a value; a tag without a colon is true. The first of a name holds.
labels AS (
    SELECT
        request_tags,
        CAST(to_json(map(list_sort(names), list_transform(
            list_sort(names),
            lambda name: list_transform(
                list_filter(request_tags, lambda tag: trim(split_part(tag, ':', 1)) = name),
                lambda tag: CASE WHEN strpos(tag, ':') > 0 THEN trim(substr(tag, strpos(tag, ':') + 1)) ELSE 'true' END
            )[1]
        ))) AS VARCHAR) AS tags
    FROM tag_names
    WHERE len(names) > 0
),
entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        request_id,
        make_timestamp(epoch_us("startTime")) AS started_at,
        make_timestamp(epoch_us("endTime")) AS ended_at,
        make_timestamp(epoch_us("completionStartTime")) AS first_token_at,
        organization_id,
        team_id,
        end_user,
        "user" AS gateway_user,
        api_key,
        session_id,
        request_tags,
        model,
        model_group,
        call_type,
        metadata,
        spend,
        request_duration_ms,
        prompt_tokens,
        completion_tokens,
        lower(coalesce(
            nullif(custom_llm_provider, ''),
            CASE WHEN strpos(model, '/') > 0 THEN split_part(model, '/', 1) END,
            ''
        )) AS gateway_provider,
        CASE
            WHEN strpos(model, '/') = 0 THEN model
            WHEN starts_with(model, custom_llm_provider || '/') THEN substr(model, length(custom_llm_provider) + 2)
            ELSE regexp_replace(model, '^(bedrock|vertex_ai|azure|azure_ai|openrouter|gemini|openai|anthropic)/', '')
        END AS bare_model,
        CASE lower(cache_hit) WHEN 'true' THEN true WHEN 'false' THEN false END AS is_cache_hit,
        coalesce(nullif(status, ''), metadata.status, 'success') = 'success' AS is_success,
        metadata.usage_object IS NOT NULL AS has_usage,
        metadata.usage_object.prompt_tokens_details.cached_tokens AS nested_read_tokens,
        metadata.usage_object.cache_read_input_tokens AS flat_read_tokens,
        metadata.usage_object.prompt_tokens_details.cache_creation_tokens AS nested_written_tokens,
        metadata.usage_object.cache_creation_input_tokens AS flat_written_tokens,
        coalesce(
            metadata.usage_object.cache_creation.ephemeral_5m_input_tokens,
            metadata.usage_object.prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens
        ) AS written_5m_tokens,
        coalesce(
            metadata.usage_object.cache_creation.ephemeral_1h_input_tokens,
            metadata.usage_object.prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens
        ) AS written_1h_tokens
    FROM landed
),
merged AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        request_id,
        started_at,
        ended_at,
        first_token_at,
        organization_id,
        team_id,
        end_user,
        gateway_user,
        api_key,
        session_id,
        request_tags,
        model,
        model_group,
        call_type,
        metadata,
        spend,
        request_duration_ms,
        gateway_provider,
        bare_model,
        is_cache_hit,
        is_success,
        has_usage,
        prompt_tokens,
        completion_tokens,
        -- Both names of one count: some versions fill one of them with 0.
        greatest(
            coalesce(nested_read_tokens, flat_read_tokens), coalesce(flat_read_tokens, nested_read_tokens)
        ) AS read_tokens,
        greatest(
            coalesce(nested_written_tokens, flat_written_tokens), coalesce(flat_written_tokens, nested_written_tokens)
        ) AS written_tokens,
        written_5m_tokens,
        written_1h_tokens
    FROM entries
),
counted AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        request_id,
        started_at,
        ended_at,
        first_token_at,
        organization_id,
        team_id,
        end_user,
        gateway_user,
        api_key,
        session_id,
        request_tags,
        model,
        model_group,
        call_type,
        metadata,
        spend,
        request_duration_ms,
        gateway_provider,
        regexp_replace(bare_model, '^(converse|invoke)/', '') AS model_id,
        is_cache_hit,
        is_success,
        has_usage,
        -- LiteLLM writes 0 where it saw no usage, as when a client hangs up in the middle of a stream.
        has_usage OR prompt_tokens > 0 OR completion_tokens > 0 OR coalesce(is_cache_hit, false) OR NOT is_success
            AS is_known,
        prompt_tokens,
        completion_tokens,
        coalesce(read_tokens, CASE WHEN has_usage THEN 0 END) AS cache_read_tokens,
        coalesce(
            written_tokens - coalesce(written_1h_tokens, 0),
            written_5m_tokens,
            CASE WHEN has_usage THEN 0 END
        ) AS cache_write_5m_tokens,
        coalesce(written_1h_tokens, CASE WHEN has_usage THEN 0 END) AS cache_write_1h_tokens,
        written_tokens > 0 AND written_5m_tokens IS NULL AND written_1h_tokens IS NULL AS is_ttl_assumed,
        coalesce(metadata.usage_object.prompt_tokens_details.audio_tokens, 0) AS input_audio_tokens,
        coalesce(metadata.usage_object.completion_tokens_details.audio_tokens, 0) AS output_audio_tokens
    FROM merged
),
split AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        request_id,
        started_at,
        ended_at,
        first_token_at,
        organization_id,
        team_id,
        end_user,
        gateway_user,
        api_key,
        session_id,
        request_tags,
        model,
        model_group,
        call_type,
        metadata,
        spend,
        request_duration_ms,
        gateway_provider,
        model_id,
        is_cache_hit,
        is_success,
        has_usage,
        is_known,
        is_ttl_assumed,
        CASE WHEN is_known THEN prompt_tokens END AS prompt_tokens,
        CASE WHEN is_known THEN completion_tokens END AS completion_tokens,
        CASE WHEN is_known THEN prompt_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_5m_tokens, 0)
            - coalesce(cache_write_1h_tokens, 0) END AS uncached_tokens,
        cache_read_tokens,
        cache_write_5m_tokens,
        cache_write_1h_tokens,
        input_audio_tokens,
        output_audio_tokens
    FROM counted
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    nullif(request_id, '') AS native_id,
    prompt_tokens AS total_input_tokens,
    'call' AS record_kind,
    started_at,
    ended_at,
    ended_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    nullif(organization_id, '') AS account_id,
    coalesce(nullif(metadata.user_api_key_team_alias, ''), nullif(team_id, '')) AS team,
    coalesce(nullif(end_user, ''), nullif(gateway_user, '')) AS user_hash,
    nullif(api_key, '') AS api_key_id,
    nullif(session_id, '') AS session_id,
    labels.tags,
    nullif(request_id, '') AS request_id,
    metadata.attempted_retries AS retry_ordinal,
    CASE
        WHEN gateway_provider LIKE 'bedrock%' THEN coalesce(
            nullif(regexp_extract(model_id, '(?:^|/)(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?([a-z0-9]+)\.', 1), ''),
            'bedrock'
        )
        WHEN gateway_provider LIKE 'azure%' THEN CASE
            WHEN model_id LIKE 'claude%' THEN 'anthropic'
            WHEN gateway_provider = 'azure_ai' AND model_id NOT LIKE 'gpt-%' THEN 'azure'
            ELSE 'openai'
        END
        WHEN gateway_provider LIKE 'vertex_ai%' AND model_id LIKE '%claude%' THEN 'anthropic'
        WHEN gateway_provider = 'gemini' OR gateway_provider LIKE 'vertex_ai%' THEN 'google'
        WHEN gateway_provider = 'openrouter' AND strpos(model_id, '/') > 0 THEN split_part(model_id, '/', 1)
        WHEN gateway_provider = 'text-completion-openai' THEN 'openai'
        WHEN gateway_provider <> '' THEN gateway_provider
        WHEN model_id LIKE 'claude%' THEN 'anthropic'
        WHEN model_id LIKE 'gemini%' THEN 'google'
        WHEN regexp_matches(model_id, '^(gpt-|chatgpt|o[0-9]|text-embedding-)') THEN 'openai'
        ELSE 'unknown'
    END AS provider,
    CASE
        WHEN gateway_provider LIKE 'bedrock%' THEN 'bedrock'
        WHEN gateway_provider LIKE 'azure%' THEN 'azure'
        WHEN gateway_provider LIKE 'vertex_ai%' THEN 'vertex'
        WHEN gateway_provider = 'openrouter' THEN 'openrouter'
        WHEN gateway_provider <> '' THEN 'direct'
    END AS route,
    coalesce(nullif(model_id, ''), nullif(model_group, ''), 'unknown') AS model,
    coalesce(nullif(model_group, ''), nullif(model, '')) AS model_requested,
    CASE
        WHEN call_type IN ('completion', 'acompletion', 'anthropic_messages', 'responses', 'aresponses')
            THEN 'chat'
        WHEN call_type IN ('text_completion', 'atext_completion') THEN 'completion'
        WHEN call_type IN ('embedding', 'aembedding') THEN 'embedding'
        WHEN call_type IN ('image_generation', 'aimage_generation', 'image_edit', 'aimage_edit') THEN 'image'
        WHEN call_type IN ('transcription', 'atranscription') THEN 'transcription'
        WHEN call_type IN ('speech', 'aspeech') THEN 'speech'
        WHEN call_type IN ('rerank', 'arerank') THEN 'rerank'
        WHEN call_type IN ('moderation', 'amoderation') THEN 'moderation'
        ELSE nullif(call_type, '')
    END AS operation,
    CASE
        WHEN metadata.usage_object.speed = 'fast' THEN 'fast'
        WHEN lower(metadata.usage_object.service_tier) = 'default' THEN 'standard'
        ELSE nullif(lower(metadata.usage_object.service_tier), '')
    END AS service_tier,
    CASE WHEN is_success THEN 'ok' ELSE 'error' END AS status,
    nullif(metadata.error_information.error_class, '') AS error_class,
    uncached_tokens - greatest(0, least(input_audio_tokens, uncached_tokens)) AS input_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    completion_tokens - greatest(0, least(output_audio_tokens, completion_tokens)) AS output_tokens,
    metadata.usage_object.completion_tokens_details.reasoning_tokens AS reasoning_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE
        WHEN NOT is_known OR prompt_tokens IS NULL AND completion_tokens IS NULL THEN 'missing'
        WHEN prompt_tokens IS NULL OR completion_tokens IS NULL THEN 'partial'
        WHEN is_ttl_assumed THEN 'ttl_assumed'
        WHEN NOT has_usage AND is_success THEN 'partial'
        ELSE 'exact'
    END AS usage_quality,
    CAST(coalesce(
        request_duration_ms,
        TRY(epoch_us(ended_at) - epoch_us(started_at)) / 1000.0
    ) AS DOUBLE) AS latency_ms,
    -- An answer that was not streamed has its end as the time of its first token.
    CAST(CASE WHEN first_token_at < ended_at
        THEN TRY(epoch_us(first_token_at) - epoch_us(started_at)) / 1000.0 END AS DOUBLE) AS ttft_ms,
    is_cache_hit,
    spend AS cost_reported,
    CASE WHEN spend IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM split
LEFT JOIN labels ON labels.request_tags = split.request_tags
