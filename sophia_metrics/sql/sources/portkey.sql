-- question: which usage events do calls of Portkey's log export hold?
-- grain: one landed row
-- sources: landed (format portkey)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        -- Without an id nothing tells a row that is read again from another one.
        CASE WHEN defect IS NULL AND coalesce(id, '') = '' THEN 'wrong_type' ELSE defect END AS defect,
        nullif(id, '') AS request_id,
        nullif(trace_id, '') AS trace_id,
        make_timestamp(epoch_us(created_at)) AS started_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        coalesce(nullif(lower(trim(ai_org)), ''), '') AS organisation,
        coalesce(nullif(trim(ai_model), ''), 'unknown') AS model,
        nullif(environment, '') AS environment,
        nullif(team, '') AS team,
        nullif(project, '') AS project,
        nullif("user", '') AS user_hash,
        coalesce(is_success, true) AS is_success,
        response_status_code,
        -- A call that went well and used nothing is one whose usage nobody saw.
        CASE WHEN req_units > 0 OR res_units > 0 OR NOT coalesce(is_success, true) THEN req_units END AS input_tokens,
        CASE WHEN req_units > 0 OR res_units > 0 OR NOT coalesce(is_success, true) THEN res_units END AS output_tokens,
        response_time,
        CASE
            WHEN upper(cache_status) IN ('HIT', 'SEMANTIC HIT') THEN true
            WHEN upper(cache_status) = 'MISS' THEN false
        END AS is_cache_hit,
        cost_usd,
        coalesce(nullif(upper(trim(cost_currency)), ''), 'USD') AS currency
    FROM landed
)
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    request_id AS native_id,
    input_tokens AS total_input_tokens,
    'call' AS record_kind,
    started_at,
    read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    team,
    project,
    environment,
    user_hash,
    request_id,
    trace_id,
    CASE
        WHEN organisation = 'azure-openai' THEN 'openai'
        WHEN organisation = 'vertex-ai' AND model LIKE '%claude%' THEN 'anthropic'
        WHEN organisation = 'vertex-ai' THEN 'google'
        WHEN organisation = 'bedrock' THEN coalesce(
            nullif(regexp_extract(model, '(?:^|/)(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?([a-z0-9]+)\.', 1), ''),
            'bedrock'
        )
        WHEN organisation = 'openrouter' AND strpos(model, '/') > 0 THEN split_part(model, '/', 1)
        WHEN organisation = '' THEN 'unknown'
        ELSE organisation
    END AS provider,
    CASE
        WHEN organisation LIKE 'azure%' THEN 'azure'
        WHEN organisation = 'vertex-ai' THEN 'vertex'
        WHEN organisation IN ('bedrock', 'openrouter') THEN organisation
        WHEN organisation <> '' THEN 'direct'
    END AS route,
    model,
    CASE WHEN is_success THEN 'ok' ELSE 'error' END AS status,
    CASE WHEN NOT is_success THEN coalesce(nullif(response_status_code, ''), 'unspecified') END AS error_class,
    input_tokens,
    output_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE WHEN input_tokens IS NULL AND output_tokens IS NULL THEN 'missing' ELSE 'partial' END AS usage_quality,
    response_time AS latency_ms,
    is_cache_hit,
    cost_usd AS cost_reported,
    CASE WHEN cost_usd IS NOT NULL THEN currency END AS cost_reported_currency
FROM entries
