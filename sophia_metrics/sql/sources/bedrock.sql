-- question: which usage events do Bedrock's model invocation logs hold?
-- grain: one landed row
-- sources: landed (format bedrock)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        "schemaType" AS schema_type,
        make_timestamp(epoch_us("timestamp")) AS started_at,
        nullif("accountId", '') AS account_id,
        nullif(region, '') AS region,
        nullif("requestId", '') AS request_id,
        operation,
        nullif("modelId", '') AS model_requested,
        -- An ARN of a public model or profile ends in its name; one of an account's own names nothing else.
        regexp_replace("modelId", '^arn:[^:]*:bedrock:[^:]*:[^:]*:((foundation-model|inference-profile)/)?', '')
            AS model,
        nullif("errorCode", '') AS error_class,
        "performanceConfig".latency AS latency_class,
        "requestMetadata" AS request_metadata,
        nullif(identity_arn, '') AS user_hash,
        "input".inputTokenCount AS input_tokens,
        "input".cacheReadInputTokenCount AS read_tokens,
        "input".cacheWriteInputTokenCount AS written_tokens,
        "output".outputTokenCount AS output_tokens,
        "output".cache_write_5m AS written_5m_tokens,
        "output".cache_write_1h AS written_1h_tokens,
        "output".latency_ms AS latency_ms,
        "output".ttft_ms AS ttft_ms
    FROM landed
),
split AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        schema_type,
        started_at,
        account_id,
        region,
        request_id,
        operation,
        model_requested,
        model,
        error_class,
        latency_class,
        request_metadata,
        user_hash,
        input_tokens,
        read_tokens,
        output_tokens,
        coalesce(written_tokens - coalesce(written_1h_tokens, 0), written_5m_tokens) AS cache_write_5m_tokens,
        coalesce(written_1h_tokens, CASE WHEN written_tokens IS NOT NULL THEN 0 END) AS cache_write_1h_tokens,
        written_tokens > 0 AND written_5m_tokens IS NULL AND written_1h_tokens IS NULL AS is_ttl_assumed,
        latency_ms,
        ttft_ms
    FROM entries
)
SELECT
    row_ordinal,
    file_name,
    defect,
    coalesce(defect IS NULL AND schema_type <> 'ModelInvocationLog', false) AS is_ignored,
    request_id AS native_id,
    CASE WHEN coalesce(input_tokens, read_tokens, cache_write_5m_tokens, cache_write_1h_tokens) IS NOT NULL
        THEN coalesce(input_tokens, 0) + coalesce(read_tokens, 0) + coalesce(cache_write_5m_tokens, 0)
            + coalesce(cache_write_1h_tokens, 0) END AS total_input_tokens,
    'call' AS record_kind,
    started_at,
    CAST(NULL AS TIMESTAMP) AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    account_id,
    user_hash,
    CASE WHEN cardinality(request_metadata) > 0 THEN CAST(to_json(request_metadata) AS VARCHAR) END AS tags,
    request_id,
    coalesce(
        nullif(regexp_extract(model, '^(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?([a-z0-9]+)\.', 1), ''), 'bedrock'
    ) AS provider,
    'bedrock' AS route,
    region,
    coalesce(nullif(model, ''), 'unknown') AS model,
    model_requested,
    CASE
        WHEN model LIKE '%embed%' THEN 'embedding'
        WHEN starts_with(operation, 'Converse') THEN 'chat'
    END AS operation,
    -- Bedrock asks more for a latency-optimised answer, and calls that no tier.
    CASE WHEN lower(latency_class) = 'optimized' THEN 'latency_optimized' END AS service_tier,
    CASE WHEN operation IS NOT NULL THEN contains(operation, 'Stream') END AS is_stream,
    CASE WHEN error_class IS NULL THEN 'ok' ELSE 'error' END AS status,
    error_class,
    input_tokens,
    read_tokens AS cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    output_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE
        WHEN input_tokens IS NULL AND output_tokens IS NULL THEN 'missing'
        WHEN is_ttl_assumed THEN 'ttl_assumed'
        WHEN input_tokens IS NULL OR output_tokens IS NULL AND model NOT LIKE '%embed%' THEN 'partial'
        ELSE 'exact'
    END AS usage_quality,
    latency_ms,
    ttft_ms
FROM split
