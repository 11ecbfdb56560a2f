-- question: which usage events are the hours of counters in Prometheus?
-- grain: one landed row
-- sources: landed (format prometheus)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        nullif(trim(provider), '') AS provider,
        nullif(trim(model), '') AS model,
        nullif(team, '') AS team,
        nullif(project, '') AS project,
        nullif(environment, '') AS environment,
        nullif(operation, '') AS operation,
        status,
        requests,
        coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) AS cached_tokens,
        input_tokens AS told_input_tokens,
        cache_read_tokens,
        cache_write_tokens,
        output_tokens,
        reasoning_tokens,
        coalesce(is_cached_inside, false) AS is_cached_inside,
        cost
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    concat_ws(
        '/', strftime(started_at, '%Y-%m-%dT%H'), coalesce(provider, '-'), coalesce(model, '-'), coalesce(team, '-'),
        coalesce(project, '-'), coalesce(environment, '-'), coalesce(operation, '-'), coalesce(status, '-')
    ) AS native_id,
    told_input_tokens + CASE WHEN is_cached_inside THEN 0 ELSE cached_tokens END AS total_input_tokens,
    'bucket' AS record_kind,
    started_at,
    started_at + INTERVAL '1' HOUR AS ended_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    team,
    project,
    environment,
    coalesce(lower(provider), 'unknown') AS provider,
    coalesce(model, 'unknown') AS model,
    lower(operation) AS operation,
    status,
    told_input_tokens - CASE WHEN is_cached_inside THEN cached_tokens ELSE 0 END AS input_tokens,
    cache_read_tokens,
    cache_write_tokens AS cache_write_5m_tokens,
    output_tokens,
    reasoning_tokens,
    CAST(coalesce(requests, 0) AS BIGINT) AS request_count,
    CASE
        WHEN told_input_tokens IS NULL THEN 'missing'
        WHEN cache_write_tokens > 0 THEN 'ttl_assumed'
        WHEN cache_read_tokens IS NULL THEN 'partial'
        ELSE 'exact'
    END AS usage_quality,
    cost AS cost_reported,
    CASE WHEN cost IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM entries
