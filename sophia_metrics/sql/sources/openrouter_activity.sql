-- question: which usage events are the days of OpenRouter's activity?
-- grain: one landed row
-- sources: landed (format openrouter_activity)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        coalesce(nullif(trim(model), ''), nullif(trim(model_permaslug), ''), 'unknown') AS model,
        nullif(model_permaslug, '') AS permaslug,
        nullif(endpoint_id, '') AS endpoint_id,
        nullif(provider_name, '') AS upstream,
        requests,
        prompt_tokens,
        completion_tokens,
        reasoning_tokens,
        -- A sum that no number holds stays an absurd one, which breaks a row rule and does not stop the file.
        coalesce(
            TRY(CAST("usage" + coalesce(byok_usage_inference, 0) AS DECIMAL(38, 12))),
            greatest("usage", byok_usage_inference)
        ) AS billed
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    concat_ws(
        '/', strftime(started_at, '%Y-%m-%d'), model, coalesce(permaslug, '-'), coalesce(endpoint_id, '-'),
        coalesce(upstream, '-')
    ) AS native_id,
    prompt_tokens AS total_input_tokens,
    'bucket' AS record_kind,
    started_at,
    started_at + INTERVAL '1' DAY AS ended_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    CASE WHEN upstream IS NOT NULL THEN CAST(to_json(map(['upstream'], [upstream])) AS VARCHAR) END AS tags,
    CASE
        WHEN strpos(model, '/') > 0 THEN lower(split_part(model, '/', 1))
        ELSE coalesce(lower(upstream), 'unknown')
    END AS provider,
    'openrouter' AS route,
    model,
    permaslug AS model_requested,
    'ok' AS status,
    -- What was read from a cache is among these and is not told.
    prompt_tokens AS input_tokens,
    completion_tokens AS output_tokens,
    reasoning_tokens,
    CAST(coalesce(requests, 0) AS BIGINT) AS request_count,
    CASE WHEN prompt_tokens IS NULL AND completion_tokens IS NULL THEN 'missing' ELSE 'partial' END AS usage_quality,
    billed AS cost_reported,
    CASE WHEN billed IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM entries
