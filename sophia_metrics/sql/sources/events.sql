-- question: which usage events do files of our own event format hold?
-- grain: one landed row
-- sources: landed (format events)
-- owner: sources
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    nullif(id, '') AS native_id,
    CASE WHEN coalesce(input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens) IS NOT NULL
        THEN coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0)
            + coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0) END AS total_input_tokens,
    coalesce(record_kind, 'call') AS record_kind,
    make_timestamp(epoch_us(started_at)) AS started_at,
    make_timestamp(epoch_us(ended_at)) AS ended_at,
    make_timestamp(epoch_us(source_updated_at)) AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    account_id,
    team,
    project,
    environment,
    nullif("user", '') AS user_hash,
    nullif(api_key, '') AS api_key_id,
    nullif(session, '') AS session_id,
    CASE WHEN cardinality(tags) > 0 THEN CAST(to_json(tags) AS VARCHAR) END AS tags,
    request_id,
    trace_id,
    span_id,
    parent_id,
    retry_ordinal,
    provider,
    route,
    region,
    model,
    model_requested,
    operation,
    service_tier,
    is_stream,
    finish_reason,
    coalesce(status, 'ok') AS status,
    error_class,
    nullif(context_window, '') AS context_window,
    input_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    output_tokens,
    reasoning_tokens,
    coalesce(request_count, 1) AS request_count,
    coalesce(usage_quality, CASE
        WHEN input_tokens IS NOT NULL AND output_tokens IS NOT NULL THEN 'exact'
        WHEN coalesce(input_tokens, output_tokens) IS NOT NULL THEN 'partial'
        WHEN cardinality(units) > 0 THEN 'exact'
        ELSE 'missing'
    END) AS usage_quality,
    latency_ms,
    ttft_ms,
    is_cache_hit,
    cache_tier,
    nullif(prompt_hash, '') AS prompt_hash,
    nullif(prefix_hash, '') AS prefix_hash,
    cost AS cost_reported,
    CASE WHEN cost IS NOT NULL THEN nullif(upper(currency), '') END AS cost_reported_currency
FROM landed
