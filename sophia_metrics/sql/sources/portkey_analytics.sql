-- question: which usage events are the days of Portkey's analytics?
-- grain: one landed row
-- sources: landed (format portkey_analytics)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(read_at)) AS read_at,
        ai_model,
        coalesce(nullif(trim(ai_model), ''), 'unknown') AS model,
        requests,
        cost_usd
    FROM landed
),
makers AS (
    SELECT
        row_ordinal,
        lower(regexp_extract(model, '^([A-Za-z0-9_.-]+)/', 1)) AS named,
        regexp_extract(
            lower(model),
            '^(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?(ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\.',
            1
        ) AS of_bedrock,
        lower(model) AS plain
    FROM entries
)
SELECT
    entries.row_ordinal,
    entries.file_name,
    entries.defect,
    false AS is_ignored,
    concat_ws('/', strftime(entries.started_at, '%Y-%m-%d'), entries.ai_model) AS native_id,
    CAST(NULL AS BIGINT) AS total_input_tokens,
    'bucket' AS record_kind,
    entries.started_at,
    entries.started_at + INTERVAL '1' DAY AS ended_at,
    entries.read_at AS source_updated_at,
    CAST(0 AS BIGINT) AS version_rank,
    -- Who made the model: nothing says who sold it.
    CASE
        WHEN makers.of_bedrock <> '' THEN makers.of_bedrock
        WHEN makers.named <> '' THEN makers.named
        WHEN starts_with(makers.plain, 'claude') THEN 'anthropic'
        WHEN starts_with(makers.plain, 'gemini') THEN 'google'
        WHEN regexp_matches(makers.plain, '^(ft:)?(gpt-|chatgpt|o[0-9]|text-embedding-|dall-e|whisper|tts-)') THEN 'openai'
        ELSE 'unknown'
    END AS provider,
    entries.model,
    'ok' AS status,
    requests AS request_count,
    'missing' AS usage_quality,
    entries.cost_usd AS cost_reported,
    CASE WHEN entries.cost_usd IS NOT NULL THEN 'USD' END AS cost_reported_currency
FROM entries
INNER JOIN makers ON entries.row_ordinal = makers.row_ordinal
