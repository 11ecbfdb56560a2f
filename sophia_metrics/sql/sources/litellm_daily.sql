-- question: which usage events are the daily sums of a LiteLLM proxy?
-- grain: one landed row
-- sources: landed (format litellm_daily)
-- owner: sources
WITH named AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        kind,
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(end_at)) AS ended_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        nullif(entity, '') AS entity,
        nullif(api_key, '') AS api_key,
        nullif(team_id, '') AS team_id,
        nullif(user_id, '') AS user_id,
        nullif(model, '') AS told_model,
        lower(coalesce(
            nullif(nullif(custom_llm_provider, ''), 'unknown'),
            CASE WHEN strpos(model, '/') > 0 THEN split_part(model, '/', 1) END,
            ''
        )) AS gateway_provider,
        regexp_replace(CASE
            WHEN strpos(model, '/') = 0 THEN model
            WHEN starts_with(model, custom_llm_provider || '/') THEN substr(model, length(custom_llm_provider) + 2)
            ELSE regexp_replace(model, '^(bedrock|vertex_ai|azure|azure_ai|openrouter|gemini|openai|anthropic)/', '')
        END, '^(converse|invoke)/', '') AS model_id,
        spend,
        prompt_tokens,
        completion_tokens,
        coalesce(cache_read_input_tokens, 0) AS read_tokens,
        coalesce(cache_creation_input_tokens, 0) AS written_tokens,
        api_requests
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    concat_ws(
        '/', kind, strftime(started_at, '%Y-%m-%d'), coalesce(entity, '-'), coalesce(api_key, '-'),
        coalesce(nullif(gateway_provider, ''), '-'), coalesce(told_model, '-')
    ) AS native_id,
    prompt_tokens AS total_input_tokens,
    'bucket' AS record_kind,
    started_at,
    ended_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    CASE WHEN kind = 'organization' THEN entity END AS account_id,
    team_id AS team,
    user_id AS user_hash,
    api_key AS api_key_id,
    CASE WHEN kind = 'tag' AND entity IS NOT NULL THEN CAST(to_json(map(
        [trim(split_part(entity, ':', 1))],
        [CASE WHEN strpos(entity, ':') > 0 THEN trim(substr(entity, strpos(entity, ':') + 1)) ELSE 'true' END]
    )) AS VARCHAR) END AS tags,
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
    coalesce(nullif(model_id, ''), 'unknown') AS model,
    told_model AS model_requested,
    'ok' AS status,
    prompt_tokens - read_tokens - written_tokens AS input_tokens,
    read_tokens AS cache_read_tokens,
    -- A day tells how much was written to caches, and not for how long.
    written_tokens AS cache_write_5m_tokens,
    CAST(0 AS DOUBLE) AS cache_write_1h_tokens,
    completion_tokens AS output_tokens,
    CAST(coalesce(api_requests, 0) AS BIGINT) AS request_count,
    CASE
        WHEN prompt_tokens IS NULL OR completion_tokens IS NULL THEN 'partial'
        WHEN written_tokens > 0 THEN 'ttl_assumed'
        ELSE 'exact'
    END AS usage_quality,
    spend AS cost_reported,
    CASE WHEN spend IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM named
