-- question: which usage events are the hours of a warehouse of Snowflake?
-- grain: one landed row
-- sources: landed (format snowflake_credits)
-- owner: sources
SELECT
    row_ordinal,
    file_name,
    defect,
    false AS is_ignored,
    warehouse_name || '/' || strftime(make_timestamp(epoch_us(start_at)), '%Y-%m-%dT%H') AS native_id,
    CAST(0 AS BIGINT) AS total_input_tokens,
    'bucket' AS record_kind,
    make_timestamp(epoch_us(start_at)) AS started_at,
    make_timestamp(epoch_us(start_at) + 3600000000) AS ended_at,
    make_timestamp(epoch_us(read_at)) AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    'snowflake' AS provider,
    'warehouse' AS route,
    warehouse_name AS model,
    'warehouse' AS operation,
    'ok' AS status,
    CAST(0 AS BIGINT) AS input_tokens,
    CAST(0 AS BIGINT) AS output_tokens,
    -- Nobody called a model.
    CAST(0 AS BIGINT) AS request_count,
    'exact' AS usage_quality
FROM landed
