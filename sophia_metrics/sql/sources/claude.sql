-- question: which usage events do Claude Code's session logs hold?
-- grain: one landed row
-- sources: landed (format claude)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        "type" AS line_type,
        make_timestamp(epoch_us("timestamp")) AS started_at,
        "sessionId" AS session_id,
        nullif("requestId", '') AS request_id,
        coalesce("isSidechain", false) AS is_sidechain,
        "costUSD" AS cost_reported,
        project_folder,
        nullif(message.id, '') AS message_id,
        message.model AS model,
        message.stop_reason AS finish_reason,
        message.usage.input_tokens AS input_tokens,
        message.usage.output_tokens AS output_tokens,
        message.usage.cache_read_input_tokens AS read_tokens,
        message.usage.cache_creation_input_tokens AS written_tokens,
        message.usage.cache_creation.ephemeral_5m_input_tokens AS written_5m_tokens,
        message.usage.cache_creation.ephemeral_1h_input_tokens AS written_1h_tokens,
        message.usage.service_tier AS service_tier,
        message.usage.speed AS speed,
        message.usage.inference_geo AS region
    FROM landed
),
split AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        line_type,
        started_at,
        session_id,
        request_id,
        is_sidechain,
        cost_reported,
        project_folder,
        message_id,
        model,
        finish_reason,
        input_tokens,
        output_tokens,
        read_tokens,
        coalesce(written_tokens - coalesce(written_1h_tokens, 0), written_5m_tokens) AS cache_write_5m_tokens,
        coalesce(written_1h_tokens, CASE WHEN written_tokens IS NOT NULL THEN 0 END) AS cache_write_1h_tokens,
        written_tokens > 0 AND written_5m_tokens IS NULL AND written_1h_tokens IS NULL AS is_ttl_assumed,
        coalesce(input_tokens, output_tokens, read_tokens, written_tokens, written_5m_tokens, written_1h_tokens) IS NULL
            AS has_no_usage,
        service_tier,
        speed,
        region
    FROM entries
)
SELECT
    row_ordinal,
    file_name,
    defect,
    CASE
        WHEN defect IN ('malformed_json', 'line_too_long') THEN false
        WHEN defect IS NOT NULL THEN has_no_usage AND coalesce(line_type, '') <> 'assistant'
        ELSE has_no_usage OR coalesce(model, '') = '<synthetic>'
    END AS is_ignored,
    -- A line without a request id repeats under its message id alone.
    message_id || coalesce(chr(31) || request_id, '') AS native_id,
    CASE WHEN NOT has_no_usage THEN coalesce(input_tokens, 0) + coalesce(read_tokens, 0)
        + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0) END AS total_input_tokens,
    'call' AS record_kind,
    started_at,
    CAST(NULL AS TIMESTAMP) AS source_updated_at,
    CAST(CASE WHEN is_sidechain THEN -1 ELSE 0 END AS BIGINT) AS version_rank,
    coalesce(
        nullif(project_folder, ''),
        nullif(regexp_extract(file_name, '[/\\]projects[/\\]([^/\\]+)[/\\]', 1), ''),
        nullif(regexp_extract(file_name, '([^/\\]+)[/\\][^/\\]+$', 1), '')
    ) AS project,
    nullif(session_id, '') AS session_id,
    request_id,
    'anthropic' AS provider,
    'direct' AS route,
    nullif(region, 'not_available') AS region,
    model,
    'chat' AS operation,
    CASE WHEN speed = 'fast' THEN 'fast' ELSE nullif(lower(service_tier), '') END AS service_tier,
    finish_reason,
    'ok' AS status,
    input_tokens,
    read_tokens AS cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    output_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE
        WHEN input_tokens IS NULL OR output_tokens IS NULL THEN 'partial'
        WHEN is_ttl_assumed THEN 'ttl_assumed'
        ELSE 'exact'
    END AS usage_quality,
    cost_reported,
    CASE WHEN cost_reported IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM split
