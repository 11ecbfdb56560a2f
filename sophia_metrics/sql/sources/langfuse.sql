-- question: which usage events do Langfuse's observations hold?
-- grain: one landed row
-- sources: landed (format langfuse), usage_keys
-- owner: sources
WITH details AS (
    SELECT
        row_ordinal,
        unnest(map_entries(coalesce("usageDetails", usage_details))) AS detail
    FROM landed
),
amounts AS (
    SELECT
        details.row_ordinal,
        coalesce(usage_keys.part, 'unmapped') AS part,
        CASE
            WHEN usage_keys.part IS NULL OR ends_with(usage_keys.part, '_text') THEN sum(details.detail."value")
            ELSE max(details.detail."value")
        END AS amount,
        sum(details.detail."value") AS written_down
    FROM details
    LEFT JOIN usage_keys
        ON usage_keys.usage_key = lower(regexp_replace(details.detail."key", '[^A-Za-z0-9]', '', 'g'))
    GROUP BY details.row_ordinal, usage_keys.part
),
parts AS (
    SELECT
        row_ordinal,
        sum(amount) FILTER (WHERE part IN ('input', 'input_text')) AS input_apart,
        sum(amount) FILTER (WHERE part = 'cache_read') AS read_tokens,
        sum(amount) FILTER (WHERE part = 'cache_write') AS written_tokens,
        sum(amount) FILTER (WHERE part = 'cache_write_5m') AS written_5m_tokens,
        sum(amount) FILTER (WHERE part = 'cache_write_1h') AS written_1h_tokens,
        sum(amount) FILTER (WHERE part LIKE 'input\_%\_tokens' ESCAPE '\') AS input_media_tokens,
        sum(amount) FILTER (WHERE part IN ('output', 'output_text')) AS output_apart,
        sum(amount) FILTER (WHERE part = 'reasoning') AS reasoning_tokens,
        sum(amount) FILTER (WHERE part IN ('accepted_prediction', 'rejected_prediction')) AS predicted_tokens,
        sum(amount) FILTER (WHERE part LIKE 'output\_%\_tokens' ESCAPE '\') AS output_media_tokens,
        sum(written_down) FILTER (WHERE part <> 'total') AS written_down,
        sum(amount) FILTER (WHERE part = 'total') AS total
    FROM amounts
    GROUP BY row_ordinal
),
summed AS (
    SELECT
        row_ordinal,
        input_apart,
        read_tokens,
        coalesce(written_tokens - coalesce(written_1h_tokens, 0), written_5m_tokens) AS cache_write_5m_tokens,
        written_1h_tokens AS cache_write_1h_tokens,
        written_tokens > 0 AND written_5m_tokens IS NULL AND written_1h_tokens IS NULL AS is_ttl_assumed,
        coalesce(read_tokens, 0)
            + coalesce(written_tokens, coalesce(written_5m_tokens, 0) + coalesce(written_1h_tokens, 0))
            + coalesce(input_media_tokens, 0) AS beside_input,
        output_apart,
        reasoning_tokens,
        coalesce(output_media_tokens, 0) AS output_media_tokens,
        coalesce(reasoning_tokens, 0) + coalesce(predicted_tokens, 0) + coalesce(output_media_tokens, 0)
            AS beside_output,
        written_down,
        total
    FROM parts
),
-- Langfuse counts every token under one key only, and its own total is the sum of what is written down. Some
-- integrations report a whole and its parts: their total, which adds up only without the parts, tells.
weighed AS (
    SELECT
        row_ordinal,
        input_apart,
        read_tokens,
        cache_write_5m_tokens,
        cache_write_1h_tokens,
        is_ttl_assumed,
        beside_input,
        output_apart,
        reasoning_tokens,
        output_media_tokens,
        beside_output,
        CASE WHEN total <> written_down THEN total - coalesce(input_apart, 0) - coalesce(output_apart, 0) END
            AS beside_total,
        coalesce(input_apart, 0) + beside_input + coalesce(output_apart, 0) + beside_output AS counted
    FROM summed
),
usages AS (
    SELECT
        row_ordinal,
        input_apart,
        read_tokens,
        cache_write_5m_tokens,
        cache_write_1h_tokens,
        is_ttl_assumed,
        beside_input,
        output_apart,
        reasoning_tokens,
        output_media_tokens,
        beside_output,
        counted,
        CASE
            WHEN beside_total IS NULL THEN 'apart'
            WHEN beside_total = beside_input + beside_output THEN 'apart'
            WHEN beside_total = beside_input THEN 'inside_output'
            WHEN beside_total = 0 THEN 'inside_both'
            WHEN beside_total = beside_output THEN 'inside_input'
            ELSE 'unclear'
        END AS reading
    FROM weighed
),
entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        upper("type") AS observation_type,
        nullif(id, '') AS observation_id,
        make_timestamp(epoch_us(coalesce("startTime", start_time))) AS started_at,
        make_timestamp(epoch_us(coalesce("endTime", end_time))) AS ended_at,
        make_timestamp(epoch_us(coalesce("completionStartTime", completion_start_time))) AS first_token_at,
        make_timestamp(epoch_us(coalesce("updatedAt", updated_at))) AS source_updated_at,
        nullif(environment, '') AS environment,
        coalesce(nullif("projectId", ''), nullif(project_id, '')) AS project,
        coalesce(nullif("userId", ''), nullif(user_id, '')) AS user_hash,
        coalesce(nullif("sessionId", ''), nullif(session_id, '')) AS session_id,
        coalesce(nullif("traceId", ''), nullif(trace_id, '')) AS trace_id,
        coalesce(nullif("parentObservationId", ''), nullif(parent_observation_id, '')) AS parent_id,
        list_sort(list_distinct(list_filter(tags, lambda tag: trim(tag) <> ''))) AS labels,
        coalesce(nullif("providedModelName", ''), nullif(provided_model_name, ''), nullif(model, ''), 'unknown')
            AS model,
        regexp_matches(
            coalesce(nullif("providedModelName", ''), nullif(provided_model_name, ''), nullif(model, '')),
            '(^|/)((us|us-gov|eu|apac|jp|au|ca|global)\.)?'
            || '(ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen|writer)\.[a-z]'
        ) AS is_bedrock,
        lower(coalesce(nullif("modelParameters", ''), nullif(model_parameters, ''))) AS service_tier,
        upper("level") = 'ERROR' AS is_error,
        latency,
        coalesce("timeToFirstToken", time_to_first_token) AS time_to_first_token,
        coalesce("totalCost", total_cost) AS cost_reported
    FROM landed
),
split AS (
    SELECT
        entries.row_ordinal,
        entries.file_name,
        entries.defect,
        entries.observation_type,
        entries.observation_id,
        entries.started_at,
        entries.ended_at,
        entries.first_token_at,
        entries.source_updated_at,
        entries.environment,
        entries.project,
        entries.user_hash,
        entries.session_id,
        entries.trace_id,
        entries.parent_id,
        entries.labels,
        entries.model,
        entries.is_bedrock,
        entries.service_tier,
        coalesce(entries.is_error, false) AS is_error,
        entries.latency,
        entries.time_to_first_token,
        entries.cost_reported,
        usages.input_apart
            - CASE WHEN usages.reading IN ('inside_input', 'inside_both') THEN usages.beside_input ELSE 0 END
            AS input_tokens,
        usages.input_apart
            + CASE WHEN usages.reading IN ('inside_input', 'inside_both') THEN 0 ELSE usages.beside_input END
            AS total_input_tokens,
        usages.read_tokens,
        usages.cache_write_5m_tokens,
        usages.cache_write_1h_tokens,
        usages.is_ttl_assumed,
        CASE
            WHEN usages.reading IN ('inside_output', 'inside_both')
                THEN usages.output_apart - usages.output_media_tokens
            WHEN usages.output_apart IS NOT NULL OR usages.beside_output > 0
                THEN coalesce(usages.output_apart, 0) + usages.beside_output - usages.output_media_tokens
        END AS output_tokens,
        usages.reasoning_tokens,
        -- Some integrations write 0 where they saw no usage, as when a client hangs up in the middle of a stream.
        usages.counted > 0 OR coalesce(entries.is_error, false) AS is_known,
        usages.reading = 'unclear' AS is_unclear
    FROM entries
    LEFT JOIN usages ON usages.row_ordinal = entries.row_ordinal
)
SELECT
    row_ordinal,
    file_name,
    defect,
    coalesce(observation_type NOT IN ('GENERATION', 'EMBEDDING'), defect IS NULL) AS is_ignored,
    observation_id AS native_id,
    CASE WHEN is_known THEN total_input_tokens END AS total_input_tokens,
    'call' AS record_kind,
    started_at,
    ended_at,
    source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    project,
    environment,
    user_hash,
    session_id,
    CASE WHEN len(labels) > 0 THEN CAST(to_json(map(
        list_transform(labels, lambda tag: trim(tag)), list_transform(labels, lambda tag: 'true')
    )) AS VARCHAR) END AS tags,
    trace_id,
    observation_id AS span_id,
    parent_id,
    CASE
        WHEN is_bedrock
            THEN regexp_extract(model, '(?:^|/)(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?([a-z0-9]+)\.', 1)
        WHEN starts_with(model, 'openrouter/') AND strpos(substr(model, 12), '/') > 0 THEN split_part(model, '/', 2)
        WHEN starts_with(model, 'azure/') THEN 'openai'
        WHEN starts_with(model, 'vertex_ai/') AND model LIKE '%claude%' THEN 'anthropic'
        WHEN regexp_matches(model, '^(vertex_ai|gemini|models)/') THEN 'google'
        WHEN regexp_matches(model, '^[a-z0-9_.-]+/') THEN split_part(model, '/', 1)
        WHEN model LIKE 'claude%' THEN 'anthropic'
        WHEN model LIKE 'gemini%' THEN 'google'
        WHEN regexp_matches(model, '^(gpt-|chatgpt|o[0-9]|text-embedding-)') THEN 'openai'
        WHEN regexp_matches(model, '^(mistral|ministral|codestral|magistral)') THEN 'mistral'
        WHEN model LIKE 'deepseek%' THEN 'deepseek'
        WHEN model LIKE 'grok%' THEN 'x-ai'
        ELSE 'unknown'
    END AS provider,
    CASE
        WHEN is_bedrock THEN 'bedrock'
        WHEN starts_with(model, 'openrouter/') THEN 'openrouter'
        WHEN starts_with(model, 'azure/') THEN 'azure'
        WHEN starts_with(model, 'vertex_ai/') THEN 'vertex'
    END AS route,
    model,
    CASE WHEN observation_type = 'EMBEDDING' THEN 'embedding' ELSE 'chat' END AS operation,
    service_tier,
    CASE WHEN is_error THEN 'error' ELSE 'ok' END AS status,
    CASE WHEN is_known THEN input_tokens END AS input_tokens,
    CASE WHEN is_known THEN read_tokens END AS cache_read_tokens,
    CASE WHEN is_known THEN cache_write_5m_tokens END AS cache_write_5m_tokens,
    CASE WHEN is_known THEN cache_write_1h_tokens END AS cache_write_1h_tokens,
    CASE WHEN is_known THEN output_tokens END AS output_tokens,
    CASE WHEN is_known THEN reasoning_tokens END AS reasoning_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE
        WHEN NOT coalesce(is_known, false) OR input_tokens IS NULL AND output_tokens IS NULL THEN 'missing'
        WHEN is_unclear OR input_tokens IS NULL THEN 'partial'
        WHEN output_tokens IS NULL AND observation_type = 'GENERATION' THEN 'partial'
        WHEN is_ttl_assumed THEN 'ttl_assumed'
        ELSE 'exact'
    END AS usage_quality,
    -- Exports that were set up before April 2026 write milliseconds into `latency`: the times themselves are clear.
    CAST(coalesce(TRY(epoch_us(ended_at) - epoch_us(started_at)) / 1000.0, latency * 1000) AS DOUBLE) AS latency_ms,
    CAST(coalesce(
        TRY(epoch_us(first_token_at) - epoch_us(started_at)) / 1000.0, time_to_first_token * 1000
    ) AS DOUBLE) AS ttft_ms,
    cost_reported,
    CASE WHEN cost_reported IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM split
